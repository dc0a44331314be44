"""Cancel a task."""

from ..verb import VerbCommand


class Command(VerbCommand):
    help = "End a task and all below it; its running processes are stopped."
    verb, done, nothing = "cancel", "Canceled", "nothing of it is open"
