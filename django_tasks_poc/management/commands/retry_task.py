"""Retry a task."""

from ..verb import VerbCommand


class Command(VerbCommand):
    help = "Run again what failed in a task and below it; what succeeded stays."
    verb, done, nothing = "retry_failed", "Retrying", "nothing of it failed"
