"""What is said after a verb. Foreign text is not escaped here."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...lifecycle import is_served
from ...models import Task
from ...texts import amount, one_line
from .report import Report
from .texts import TEXTS
from .verb import Verb

#: Tasks that are named in a message.
NAMED = 10


def told(verb: Verb, report: Report) -> Iterator[tuple[int, str]]:
    """Return what is said after a verb: the level of each message, and its words."""
    hidden = {task.uuid for task in report.hidden}
    if done := [task for task in report.done if task.uuid not in hidden]:
        yield messages.SUCCESS, " ".join([TEXTS[verb].told(done), *_moved(verb, report)])
    if report.hidden:
        yield messages.SUCCESS, _hidden(report.hidden)
        yield from _idle(report.hidden)
    if report.skipped:
        yield messages.WARNING, _skipped(report)


def _moved(verb: Verb, report: Report) -> Iterator[str]:
    if verb == Verb.CANCEL and report.processes:
        words = ngettext(
            "%(count)s process is being stopped.", "%(count)s processes are being stopped.", report.processes
        )
        yield words % {"count": amount(report.processes)}
    if verb == Verb.RETRY and report.stages:
        words = ngettext("%(count)s stage is open again.", "%(count)s stages are open again.", report.stages)
        yield words % {"count": amount(report.stages)}


def _hidden(tasks: list[Task]) -> str:
    if len(tasks) == 1:
        words = _("“%(title)s” is large: it is hidden now, and a manager deletes it in pieces.")
        return words % {"title": one_line(tasks[0].title, 60)}
    words = ngettext(
        "%(count)s task is large: it is hidden now, and a manager deletes it in pieces.",
        "%(count)s tasks are large: they are hidden now, and a manager deletes them in pieces.",
        len(tasks),
    )
    return words % {"count": amount(len(tasks))}


def _idle(tasks: list[Task]) -> Iterator[tuple[int, str]]:
    """Say of which nodes no manager goes on with the deletion."""
    for node, alias in sorted({(task.node, task._state.db or "default") for task in tasks}):
        if not is_served(node, alias):
            words = _("Waits for a manager: none is running on node %(node)s. Start one: %(command)s")
            yield messages.WARNING, words % {"node": node, "command": f"manage.py run_task_manager --node {node}"}


def _skipped(report: Report) -> str:
    """Name what was skipped, each with the reason."""
    skipped = report.skipped
    if len(skipped) == 1 and not report.done:
        return _("Nothing was done. %(reason)s") % {"reason": skipped[0][1]}
    words = ngettext("%(count)s task was skipped.", "%(count)s tasks were skipped.", len(skipped))
    named = [f"“{one_line(task.title, 60)}”: {reason}" for task, reason in skipped[:NAMED]]
    if rest := len(skipped) - len(named):
        named.append(_("And %(count)s more.") % {"count": amount(rest)})
    return " ".join([words % {"count": amount(len(skipped))}, *named])
