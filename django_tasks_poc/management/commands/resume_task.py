"""Resume a task."""

from ...models import Task
from ...states import State
from ..verb import VerbCommand


class Command(VerbCommand):
    help = "Go on with a task that was paused, by somebody or by itself."
    verb, done, nothing = "resume", "Resumed", "no pause of it is to be taken back"

    def why_nothing(self, task: Task) -> str:
        if task.state == State.PAUSED:
            return f"was paused with the task above it: resume_task {task.pause_root}"
        return self.nothing
