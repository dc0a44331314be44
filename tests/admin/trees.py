"""What the tests of the tree share: somebody who may look, addresses, and what a page holds."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task, TaskStage

HTMX = {"headers": {"HX-Request": "true"}}


def onlooker(client: Client) -> Client:
    """Return a client of somebody who may view tasks, and nothing else."""
    user = User.objects.create_user("onlooker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_task"))
    client.force_login(user)
    return client


def build(title: str, *stages: EntityWrapper, **options: Any) -> Task:
    builder = TaskBuilder()
    return builder.build(builder.create(title, *stages, **{"unique": False, **options}))


def url(name: str, key: Task | TaskStage | UUID | str, *more: str) -> str:
    """Return the address of a page: ``change``, ``branch``, ``stage`` …"""
    return reverse(f"admin:django_tasks_poc_task_{name}", args=[getattr(key, "uuid", key), *more])


def text_of(client: Client, address: str, **query: Any) -> str:
    response = client.get(address, query)
    assert response.status_code == 200, response
    return response.content.decode()


def numbers(content: str) -> list[int]:
    """Return the numbers of the stages that have rows, in the order of the page."""
    return [int(number) for number in re.findall(r'data-dtp-order="(\d+)"', content)]


def more_of(content: str) -> str:
    """Return the address behind “Show 20 more”; empty when there is no such link."""
    found = re.search(r'-next" href="[^"]*" hx-get="([^"]+)"', content)
    return found[1].replace("&amp;", "&") if found else ""


def queries(client: Client, address: str, **query: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        text_of(client, address, **query)
    return len(captured)


def page_of(task: Task | UUID) -> str:
    return url("change", task)


def titles(client: Client, query: str = "") -> list[str]:
    """Return the titles of the rows of the list."""
    found = text_of(client, f"{url_of_list()}{query}")
    return re.findall(r'<a class="title" [^>]*><bdi dir="auto">(.*?)</bdi></a>', found)


def url_of_list() -> str:
    return reverse("admin:django_tasks_poc_task_changelist")
