"""What the commands that act on a task share."""

from __future__ import annotations

import argparse
import getpass
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from ..exceptions import TaskError
from ..models import Task
from ..node import databases
from ..outcomes import VerbResult
from ..texts import one_line
from ..viewer import find_task


def as_uuid(text: str) -> UUID:
    """Read an argument that is a uuid."""
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no uuid") from None


class VerbCommand(BaseCommand):
    """Acts on a task and all below it, in whichever node's database it is; to do it twice does no harm."""

    #: The method of Task, the word for what was done, and what it means that there was nothing to do.
    verb: ClassVar[str]
    done: ClassVar[str]
    nothing: ClassVar[str]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid", type=as_uuid, help="uuid of the task, which may be a nested one")
        parser.add_argument("--reason", default="", help="why, to be kept with the task")
        parser.add_argument("--by", default=None, help="who, to be kept with the task (default: your login name)")

    def handle(self, *, uuid: UUID, reason: str, by: str | None, **options: Any) -> None:
        try:
            task = find_task(uuid)
            if task is None:
                raise CommandError(f"There is no task {uuid} in the databases of the nodes ({', '.join(databases())}).")
            result: VerbResult = getattr(task, self.verb)(reason=reason, by=_login_name() if by is None else by)
        except TaskError as error:
            raise CommandError(str(error)) from error
        if result:
            self.stdout.write(f"{self.done} “{one_line(task.title, 255)}”: {_counted(result)}.")
        else:
            task.refresh_from_db()
            self.stdout.write(
                f"Nothing to do: “{one_line(task.title, 255)}” is {task.state}, and {self.why_nothing(task)}."
            )

    def why_nothing(self, task: Task) -> str:
        """Say why there was nothing to do."""
        return self.nothing


def _login_name() -> str:
    """Return the name of who runs the command; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _counted(result: VerbResult) -> str:
    """Say what was moved: 3 tasks, 1 stage."""
    counts = ((result.tasks, "task"), (result.stages, "stage"), (result.processes, "process"))
    plural = {"task": "tasks", "stage": "stages", "process": "processes"}
    return ", ".join(f"{count:,} {word if count == 1 else plural[word]}" for count, word in counts if count)
