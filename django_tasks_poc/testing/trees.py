"""A task's tree as text, and what is expected of it."""

from __future__ import annotations

from ..models import Task
from ..states import State
from ..texts import visible
from ..tree import branch_of, read_tree, text_of

#: Errors of failed stages that are printed.
_ERRORS = 5


def tree(task: Task) -> str:
    """Return the task, its stages, their failed attempts and all nested tasks as text, a line each.

    Nothing in it differs from run to run: no times, no uuids.
    """
    return text_of(branch_of(read_tree(task)))


def errors(task: Task) -> str:
    """Return the errors of the failed stages of the tree, with their tracebacks."""
    failed = [stage for stage in read_tree(task).walk() if stage.state == State.ERROR]
    told = [(stage, stage.traceback or stage.error) for stage in failed if stage.traceback or stage.error]
    texts = [
        f"\n\n{stage.order + 1}. {stage.handler.rpartition('.')[2]}:\n{visible(text).rstrip()}"
        for stage, text in told[:_ERRORS]
    ]
    if len(told) > _ERRORS:
        texts.append(f"\n\n… and {len(told) - _ERRORS:,} errors more")
    return "".join(texts)


def assert_succeeded(task: Task) -> None:
    """Fail, and print the tree with its errors, unless the task has ended SUCCESS."""
    _assert_state(task, State.SUCCESS)


def assert_failed(task: Task, message: str | None = None) -> None:
    """Fail, and print the tree with its errors, unless the task has ended ERROR.

    With ``message``: unless that text is in the message of the task, or of a stage below it that failed.
    """
    _assert_state(task, State.ERROR)
    if message is None:
        return
    told = [task.message, *(stage.message for stage in read_tree(task).walk() if stage.state == State.ERROR)]
    if not any(message in text for text in told):
        raise AssertionError(f"No failure of “{task.title}” says {message!r}.\n\n{tree(task)}{errors(task)}")


def _assert_state(task: Task, state: State) -> None:
    task.refresh_from_db()
    if task.state == state and task.finished_at is not None:
        return
    is_open = " and has not ended; run_task runs it" if task.finished_at is None else ""
    raise AssertionError(f"“{task.title}” is {task.state}, not {state}{is_open}.\n\n{tree(task)}{errors(task)}")
