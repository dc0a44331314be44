"""Who sees which pages, what they let one do, and what they show of hostile rows."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from django_tasks_poc import EntityWrapper, texts
from django_tasks_poc.admin.values import show_json
from django_tasks_poc.models import Task
from django_tasks_poc.testing import run_pending

from ..handlers_admin import FanOut, Say
from .trees import build, page_of, text_of

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

LIST = reverse("admin:django_tasks_poc_task_changelist")
MANAGERS = reverse("admin:django_tasks_poc_managerprocess_changelist")


@pytest.mark.parametrize("lookup", ["shared__startswith", "options__contains", "stages__params__contains", "depth"])
def test_no_lookup_tells_what_is_masked(viewer: Client, lookup: str) -> None:
    assert viewer.get(LIST, {lookup: "x"}).status_code == 400


def test_who_has_no_permission_sees_nothing(client: Client) -> None:
    task = build("Secret", EntityWrapper(Say))
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert [client.get(url).status_code for url in (LIST, MANAGERS, page_of(task))] == [403] * 3


def test_nothing_can_be_changed_not_even_by_a_superuser(client: Client) -> None:
    task = build("Fixed", EntityWrapper(Say))
    client.force_login(User.objects.create_superuser("admin"))
    names = ("add", "delete", "change")
    urls = [reverse(f"admin:django_tasks_poc_task_{name}", args=[task.uuid][: name != "add"]) for name in names]
    assert [client.post(url, {"title": "x"}).status_code for url in urls] == [403] * 3
    assert [client.get(url).status_code for url in urls] == [403, 403, 200]
    content = text_of(client, page_of(task)).partition('<div id="content-main"')[2]
    assert not re.search(r'<textarea|<input type="(?!hidden|search)|name="_save"', content)
    task.refresh_from_db()
    assert task.title == "Fixed"


@pytest.mark.parametrize(
    "key", ["01900000-0000-7000-8000-000000000000", "abc", "00000000-0000-0000-0000-00000000000g", "_00", "1' OR 1=1"]
)
def test_an_unknown_task_is_answered_as_django_does(viewer: Client, key: str) -> None:
    response = viewer.get(f"{LIST}{key}/change/", follow=True)
    assert response.redirect_chain == [(reverse("admin:index"), 302)]
    assert "doesn’t exist" in response.content.decode()


def test_pages_have_no_script_and_style_of_their_own(viewer: Client) -> None:
    task = build("Plain", EntityWrapper(FanOut, {"good": 1, "bad": 1}))
    run_pending()
    for url in (LIST, page_of(task), page_of(Task.objects.get(depth=1)), MANAGERS):
        content = text_of(viewer, url)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", content)
        assert "django_tasks_poc/admin.css" in content


def test_a_big_response_is_cut_and_masked() -> None:
    shown = show_json('{"rows":["' + '","'.join(["x" * 60] * 20_000) + '"]}')
    assert len(shown.text.encode()) <= 64 * 1024
    assert shown.note == "Showing the first 64\xa0KB of 1.2\xa0MB."
    assert "abc" not in show_json('{"a": [{"api_key": {"deep": "abc"}}]}').text
    for broken in ('{"TOKEN": "abc\\"abc", x', '{"token":["abc"], x', '{"token":{"a":"abc"},', '{"my_secret": "abc'):
        assert "abc" not in show_json(broken).text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.31, "0.3 s"), (59.96, "1 min 00 s"), (109, "1 min 49 s"), (11_040, "3 h 04 min"), (187_200, "2 d 4 h")],
)
def test_durations_are_words(seconds: float, words: str) -> None:
    assert texts.duration(seconds).replace("\xa0", " ") == words
