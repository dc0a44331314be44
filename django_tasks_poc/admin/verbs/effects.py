"""What a verb would do, counted before it is asked for: one line for each kind of stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...conf import config
from ...models import Task
from ...options import TaskOptions
from ...processing import PIECE
from ...states import State
from ...texts import amount, duration
from ..tree.rows import name_of
from .failures import Failures
from .scope import NAMES, Scope, Sizes, has_finally
from .verb import Verb


@dataclass(frozen=True)
class Effect:
    """A line of the table: how many, what becomes of them, where, which they are, and a remark."""

    count: str
    icon: str
    what: str
    which: str = ""
    remark: str = ""
    where: str = ""


def effects_of(verb: Verb, tasks: Sequence[Task], failures: Failures) -> list[Effect]:
    """Return the lines for tasks of one database, none of which is zero."""
    scope = Scope(tasks)
    sizes = scope.sizes()
    match verb:
        case Verb.PAUSE:
            return _pause(sizes)
        case Verb.RESUME:
            return _resume(sizes)
        case Verb.CANCEL:
            return _cancel(scope, sizes, tasks)
        case Verb.RETRY:
            return _retry(scope, sizes, tasks, failures)
        case Verb.PURGE:
            return _purge(sizes)


def _pause(sizes: Sizes) -> list[Effect]:
    return [
        *_line(sizes.running, "running", ngettext(
            "running stage goes on to its end", "running stages go on to their end", sizes.running)),
        *_line(sizes.waiting, "waiting", ngettext(
            "waiting stage stays Waiting", "waiting stages stay Waiting", sizes.waiting)),
        *_line(sizes.ready, "paused", ngettext(
            "stage not begun is held back", "stages not begun are held back", sizes.ready)),
        *_kept(sizes),
    ]  # fmt: skip


def _resume(sizes: Sizes) -> list[Effect]:
    return [
        *_line(sizes.running, "running", ngettext(
            "running stage goes on", "running stages go on", sizes.running)),
        *_line(sizes.waiting, "waiting", ngettext(
            "waiting stage stays Waiting", "waiting stages stay Waiting", sizes.waiting)),
        *_line(sizes.ready, "ready", ngettext(
            "stage may begin, or begin again", "stages may begin, or begin again", sizes.ready)),
        *_kept(sizes),
    ]  # fmt: skip


def _cancel(scope: Scope, sizes: Sizes, tasks: Sequence[Task]) -> list[Effect]:
    lines = []
    if sizes.running:
        hosts = scope.hosts()
        where = _("on %(hosts)s") % {"hosts": _listed(hosts)} if hosts else ""
        remark = _("Each process gets SIGTERM and %(time)s to end, then SIGKILL. Atomic stages roll back.")
        lines += _line(
            sizes.running, "running", ngettext(
                "running stage is stopped", "running stages are stopped", sizes.running),
            "", remark % {"time": duration(config().kill_after)}, where,
        )  # fmt: skip
    if sizes.waiting:
        lines += _line(sizes.waiting, "waiting", ngettext(
            "waiting stage becomes Canceled", "waiting stages become Canceled", sizes.waiting),
            _names(scope, State.WAITING, tasks))  # fmt: skip
    if sizes.ready:
        lines += _line(sizes.ready, "canceled", ngettext(
            "stage not begun becomes Canceled", "stages not begun become Canceled", sizes.ready),
            _names(scope, State.READY, tasks))  # fmt: skip
    lines += _kept(sizes, _("What they wrote stays."))
    return lines + _line(sizes.finallies, "finally", ngettext(
        "finally stage still runs", "finally stages still run", sizes.finallies), _finally(tasks))  # fmt: skip


def _retry(scope: Scope, sizes: Sizes, tasks: Sequence[Task], failures: Failures) -> list[Effect]:
    again = Task.objects.using(scope.alias).filter(has_finally(), uuid__in=failures.touched).count()
    above = max(task.depth for task in tasks)
    kept = sizes.success + sizes.skipped - failures.anew
    return [
        *_line(failures.count, "error", ngettext(
            "failed or canceled stage runs again", "failed or canceled stages run again", failures.count)),
        *_line(failures.waiting, "waiting", ngettext(
            "stage waits again for its nested task", "stages wait again for their nested tasks", failures.waiting)),
        *_line(failures.anew, "ready", ngettext(
            "stage that succeeded runs once more", "stages that succeeded run once more", failures.anew), "",
            _("They come after one that waits again, and see what it found.")),
        *_line(kept, "success", ngettext(
            "stage that succeeded stays as it is", "stages that succeeded stay as they are", kept)),
        *_line(above, "running", ngettext(
            "task above it is open again", "tasks above it are open again", above)),
        *_line(again, "finally", ngettext(
            "finally stage runs once more", "finally stages run once more", again), _finally(tasks)),
    ]  # fmt: skip


def _purge(sizes: Sizes) -> list[Effect]:
    is_large = 2 * sizes.tasks + sizes.stages > PIECE
    remark = _("They are many: they are hidden at once, and deleted in pieces by a manager.") if is_large else ""
    return [
        *_line(sizes.tasks, "purge", ngettext("task is deleted", "tasks are deleted", sizes.tasks)),
        *_line(sizes.stages, "purge", ngettext(
            "stage is deleted", "stages are deleted", sizes.stages), _by_state(sizes), remark),
    ]  # fmt: skip


def _line(count: int, icon: str, what: str, which: str = "", remark: str = "", where: str = "") -> list[Effect]:
    return [Effect(amount(count), icon, what, which, remark, where)] if count else []


def _kept(sizes: Sizes, remark: str = "") -> list[Effect]:
    count = sizes.success + sizes.skipped + sizes.error + sizes.canceled
    what = ngettext("finished stage stays as it is", "finished stages stay as they are", count)
    return _line(count, "success", what, _by_state(sizes), remark)


def _by_state(sizes: Sizes) -> str:
    words = (
        (sizes.success, _("succeeded")), (sizes.skipped, _("skipped")), (sizes.error, _("failed")),
        (sizes.canceled, _("canceled")),
    )  # fmt: skip
    return ", ".join(f"{amount(count)} {word}" for count, word in words if count)


def _names(scope: Scope, state: State, tasks: Sequence[Task]) -> str:
    """Name stages of a single task."""
    if len(tasks) > 1:
        return ""
    names = [f"{name_of(handler)} {order + 1}" for handler, order in scope.names(state)]
    return _listed(names)


def _finally(tasks: Sequence[Task]) -> str:
    options = TaskOptions.readable(tasks[0].options) if len(tasks) == 1 else None
    return name_of(options.finally_.handler) if options is not None and options.finally_ is not None else ""


def _listed(names: list[str]) -> str:
    """Join names, the last of which says only that there are more."""
    if len(names) <= NAMES:
        return get_text_list(names, _("and"))
    return _("%(names)s and others") % {"names": ", ".join(names[:NAMES])}
