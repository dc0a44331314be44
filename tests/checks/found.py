"""What the checks of this package say of a database."""

from __future__ import annotations

from django.core.checks import CheckMessage, run_checks

from django_tasks_poc.checks.settings import TAG

PREFIX = "django_tasks_poc."


def found(*, deploy: bool = False, databases: list[str] | None = None) -> dict[str, CheckMessage]:
    """Return what our checks find by id, each once."""
    messages = run_checks(tags=[TAG], include_deployment_checks=deploy, databases=databases)
    by_id = {str(message.id).removeprefix(PREFIX): message for message in messages}
    assert len(by_id) == len(messages), messages
    return by_id
