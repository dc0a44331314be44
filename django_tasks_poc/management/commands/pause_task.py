"""Pause a task."""

from ..verb import VerbCommand


class Command(VerbCommand):
    help = "Start no further stage of a task and of all below it until it is resumed; what runs goes on to its end."
    verb, done, nothing = "pause", "Paused", "nothing of it could start"
