"""The texts of each verb, for one task and for several. Foreign text is not escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ...models import Task
from ...texts import amount, one_line
from .verb import Verb


@dataclass(frozen=True)
class Texts:
    """Lazy texts; each pair is for one task and for several."""

    #: In the list of actions, and at the end of the way up.
    action: Any
    crumb: Any
    #: With ``title``, and with ``count``.
    question: tuple[Any, Any]
    done: tuple[Any, Any]
    lead: tuple[Any, Any]
    #: The names of the two ways on.
    submit: tuple[Any, Any]
    keep: tuple[Any, Any]
    #: What is said under the table.
    after: Any = ""

    def asked(self, tasks: Sequence[Task]) -> str:
        return _about(self.question, tasks)

    def told(self, tasks: Sequence[Task]) -> str:
        return _about(self.done, tasks)


def _about(texts: tuple[Any, Any], tasks: Sequence[Task]) -> str:
    one, many = texts
    if len(tasks) == 1:
        return str(one % {"title": one_line(tasks[0].title, 120)})
    return str(many % {"number": len(tasks), "count": amount(len(tasks))})


TEXTS = {
    Verb.PAUSE: Texts(
        action=_("Pause selected tasks…"), crumb=_("Pause"),
        question=(_("Pause “%(title)s”?"), ngettext_lazy("Pause %(count)s task?", "Pause %(count)s tasks?", "number")),
        done=(
            _("“%(title)s” is paused."),
            ngettext_lazy("%(count)s task is paused.", "%(count)s tasks are paused.", "number"),
        ),
        lead=(
            _("Nothing more of it begins until it is resumed, nor of anything below it."),
            _("Nothing more of them begins until they are resumed, nor of anything below them."),
        ),
        submit=(_("Pause the task"), _("Pause the tasks")), keep=(_("Let it run"), _("Let them run")),
        after=_("Later, Resume goes on from here."),
    ),
    Verb.RESUME: Texts(
        action=_("Resume selected tasks…"), crumb=_("Resume"),
        question=(
            _("Resume “%(title)s”?"), ngettext_lazy("Resume %(count)s task?", "Resume %(count)s tasks?", "number"),
        ),
        done=(
            _("“%(title)s” goes on."), ngettext_lazy("%(count)s task goes on.", "%(count)s tasks go on.", "number"),
        ),
        lead=(
            _("It goes on where it was paused, with everything below it."),
            _("They go on where they were paused, with everything below them."),
        ),
        submit=(_("Resume the task"), _("Resume the tasks")), keep=(_("Leave it paused"), _("Leave them paused")),
    ),
    Verb.CANCEL: Texts(
        action=_("Cancel selected tasks…"), crumb=_("Cancel"),
        question=(
            _("Cancel “%(title)s”?"), ngettext_lazy("Cancel %(count)s task?", "Cancel %(count)s tasks?", "number"),
        ),
        done=(
            _("“%(title)s” is canceled."),
            ngettext_lazy("%(count)s task is canceled.", "%(count)s tasks are canceled.", "number"),
        ),
        lead=(
            _("It stops within seconds and ends as Canceled, with everything below it. "
              "Nothing that is finished is undone."),
            _("They stop within seconds and end as Canceled, with everything below them. "
              "Nothing that is finished is undone."),
        ),
        submit=(_("Cancel the task"), _("Cancel the tasks")), keep=(_("Keep it running"), _("Keep them running")),
        after=_("What finishes before you confirm stays finished. Later, Retry failed goes on from here."),
    ),
    Verb.RETRY: Texts(
        action=_("Retry what failed in selected tasks…"), crumb=_("Retry failed"),
        question=(
            _("Retry what failed in “%(title)s”?"),
            ngettext_lazy("Retry what failed in %(count)s task?", "Retry what failed in %(count)s tasks?", "number"),
        ),
        done=(
            _("What failed in “%(title)s” is retried."),
            ngettext_lazy(
                "What failed in %(count)s task is retried.", "What failed in %(count)s tasks is retried.", "number"
            ),
        ),
        lead=(
            _("What failed or was canceled in it runs again, with its attempts counted anew. What succeeded stays."),
            _("What failed or was canceled in them runs again, with its attempts counted anew. What succeeded stays."),
        ),
        submit=(_("Retry what failed"), _("Retry what failed")),
        keep=(_("Leave it as it is"), _("Leave them as they are")),
        after=_("What the failed attempts did elsewhere is not undone."),
    ),
    Verb.PURGE: Texts(
        action=_("Purge selected tasks…"), crumb=_("Purge"),
        question=(
            _("Purge “%(title)s”?"), ngettext_lazy("Purge %(count)s task?", "Purge %(count)s tasks?", "number"),
        ),
        done=(
            _("“%(title)s” is purged."),
            ngettext_lazy("%(count)s task is purged.", "%(count)s tasks are purged.", "number"),
        ),
        lead=(
            _("It is deleted with everything below it: results, errors and its activity. It cannot be brought back."),
            _("They are deleted with everything below them: results, errors and their activity. "
              "They cannot be brought back."),
        ),
        submit=(_("Purge the task"), _("Purge the tasks")), keep=(_("Keep it"), _("Keep them")),
        after=_("What their stages did elsewhere stays."),
    ),
}  # fmt: skip
