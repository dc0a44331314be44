"""The pages of one task, as tabs."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

#: The name of the address of each page behind ``admin:django_tasks_poc_task_``, and its words.
_PAGES = (("change", _("Stages")), ("timeline", _("Timeline and charts")))


@dataclass(frozen=True)
class Tab:
    """A link to one of the pages."""

    url: str
    label: str
    is_current: bool


def tabs(task: UUID, current: str, site: str) -> list[Tab]:
    """Return the tabs of a task's page in the admin site of that name; ``current`` is the page that is shown."""
    return [
        Tab(reverse(f"admin:django_tasks_poc_task_{page}", args=[task], current_app=site), str(label), page == current)
        for page, label in _PAGES
    ]
