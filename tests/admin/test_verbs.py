"""The verbs of a task in the admin: who may, what comes of it, and what is said when nothing can be done."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client

from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.models import Task, TaskEvent, TaskStage
from django_tasks_poc.testing import run_pending

from ..handlers_admin import Fail, FanOut, Say
from .trees import build, text_of, url

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

VERBS = ("pause", "resume", "cancel", "retry", "purge")
RIGHTS = {verb: "pause_task" if verb == "resume" else f"{verb}_task" for verb in VERBS}


def user(client: Client, *rights: str, name: str = "ann") -> Client:
    """Let the client be somebody with these rights."""
    who = User.objects.create_user(name, is_staff=True)
    who.user_permissions.set(Permission.objects.filter(codename__in=rights, content_type__app_label="django_tasks_poc"))
    client.force_login(who)
    return client


@pytest.fixture
def operator(client: Client) -> Client:
    """Somebody with all rights on tasks, and no superuser."""
    return user(client, "view_task", *RIGHTS.values())


def fresh(task: Task) -> Task:
    return Task.objects.get(uuid=task.uuid)


def failed() -> Task:
    task = build("Import", EntityWrapper(Say), EntityWrapper(Fail))
    run_pending()
    return fresh(task)


def ready_for(verb: str) -> Task:
    """Return a task that the verb has something to do to."""
    if verb in ("retry", "purge"):
        return failed()
    task = build("Import", EntityWrapper(Say))
    if verb == "resume":
        task.pause()
    return task


def said(client: Client, address: str, **data: str) -> str:
    """Return the messages of a POST."""
    client.cookies.pop("messages", None)
    response = client.post(address, data)
    assert response.status_code == 302
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


@pytest.mark.parametrize("verb", VERBS)
def test_with_the_right_there_is_a_button_and_without_it_nothing(client: Client, verb: str) -> None:
    task = ready_for(verb)
    page = text_of(user(client, "view_task", RIGHTS[verb]), url("change", task))
    assert f'id="verb-{verb}"' in page
    others = set(RIGHTS.values()) - {RIGHTS[verb]}
    page = text_of(user(client, "view_task", *others, name="ben"), url("change", task))
    assert f'id="verb-{verb}"' not in page


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("has_view", [True, False])
def test_without_the_right_nothing_is_done(client: Client, verb: str, has_view: bool) -> None:
    """The right alone is not enough either: who may not see tasks may do nothing to them."""
    task = ready_for(verb)
    before = task.state, fresh(task).state
    rights = {"view_task", *RIGHTS.values()} - {RIGHTS[verb]} if has_view else set(RIGHTS.values())
    user(client, *rights)
    for method in (client.get, client.post):
        assert method(url(verb, task)).status_code == 403
    assert (task.state, fresh(task).state) == before
    assert not LogEntry.objects.exists()


def test_a_request_from_elsewhere_does_nothing() -> None:
    client = user(Client(enforce_csrf_checks=True), "view_task", "pause_task")
    task = build("Import", EntityWrapper(Say))
    assert client.post(url("pause", task)).status_code == 403
    assert fresh(task).state == State.READY


def test_pause_and_resume_act_at_once_and_are_kept(operator: Client) -> None:
    task = build("Import", EntityWrapper(Say))
    assert said(operator, url("pause", task)) == "“Import” is paused."
    assert fresh(task).state == State.PAUSED
    assert said(operator, url("resume", task), reason="disk is free") == "“Import” goes on."
    assert fresh(task).state == State.READY
    events = TaskEvent.objects.order_by("at").values_list("verb", "by", "reason")
    assert list(events) == [("pause", "ann", ""), ("resume", "ann", "disk is free")]
    entries = LogEntry.objects.order_by("pk").values_list("action_flag", "change_message", "object_id", "object_repr")
    assert list(entries) == [
        (CHANGE, "Paused.", str(task.uuid), "Import"),
        (CHANGE, "Resumed: disk is free", str(task.uuid), "Import"),
    ]
    assert "disk is free" in text_of(operator, url("change", task))


@pytest.mark.parametrize("verb", VERBS)
def test_a_get_asks_and_does_nothing(operator: Client, verb: str) -> None:
    task = ready_for(verb)
    before = fresh(task).state
    content = text_of(operator, url(verb, task))
    assert 'name="reason"' in content
    assert fresh(task).state == before


def test_cancel_with_a_reason(operator: Client) -> None:
    task = build("Import", EntityWrapper(Say))
    reason = '<script>alert("1")</script>'
    assert said(operator, url("cancel", task), reason=reason) == "“Import” is canceled."
    assert fresh(task).state == State.CANCELED
    page = text_of(operator, url("change", task))
    assert "&lt;script&gt;alert" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("reason", ["x" * 201, "a\0b"])
def test_a_reason_that_cannot_be_kept_is_asked_for_again(operator: Client, reason: str) -> None:
    task = build("Import", EntityWrapper(Say))
    response = operator.post(url("cancel", task), {"reason": reason})
    assert response.status_code == 400
    assert 'class="errorlist"' in response.content.decode()
    assert fresh(task).state == State.READY


def test_retry_runs_again_what_failed(operator: Client) -> None:
    task = build("Import", EntityWrapper(FanOut, {"good": 2, "bad": 3}))
    run_pending()
    assert "Retry failed (3)…" in text_of(operator, url("change", task))
    assert said(operator, url("retry", task)).startswith("What failed in “Import” is retried.")
    assert fresh(task).finished_at is None
    assert TaskEvent.objects.get(verb="retry").by == "ann"


def test_purge_deletes_the_tree_and_goes_to_the_list(operator: Client) -> None:
    task = failed()
    response = operator.post(url("purge", task), {"next": url("change", task), "reason": "personal data"})
    assert response["Location"] == "/admin/django_tasks_poc/task/"
    assert not Task.objects.exists()
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.change_message) == (DELETION, "Purged: personal data")


@pytest.mark.parametrize("verb", VERBS)
def test_a_task_that_is_gone_is_said_to_be(operator: Client, verb: str) -> None:
    assert said(operator, url(verb, uuid4())) == "It is not here any more: perhaps it was purged."
    assert operator.get(url(verb, uuid4())).status_code == 302


@pytest.mark.parametrize(
    "address", ["x/pause/", f"{uuid4()}/explode/", f"{uuid4()}/pause/x/"], ids=["no uuid", "no verb", "more"]
)
def test_an_address_that_is_none_leads_away(operator: Client, address: str) -> None:
    for method in (operator.get, operator.post):
        assert method(f"/admin/django_tasks_poc/task/{address}").status_code in (302, 404)


def test_a_second_click_is_told_that_it_was_done(operator: Client) -> None:
    task = build("Import", EntityWrapper(Say))
    for verb, words in (
        ("pause", "It is paused already."), ("resume", "It is not paused."), ("cancel", "It has ended already."),
    ):  # fmt: skip
        said(operator, url(verb, task))
        assert said(operator, url(verb, task)) == f"Nothing was done. {words}"


@pytest.mark.parametrize(
    ("wish", "is_taken"),
    [("/admin/django_tasks_poc/task/?state=open", True), ("https://evil.example/", False), ("//evil.example", False),
     ("javascript:alert(1)", False), ("", False)],
)  # fmt: skip
def test_the_way_back_stays_on_this_host(operator: Client, wish: str, is_taken: bool) -> None:
    task = build("Import", EntityWrapper(Say))
    response = operator.post(url("pause", task), {"next": wish})
    assert response["Location"] == (wish if is_taken else url("change", task))


def test_a_task_of_another_database_is_acted_on_there(operator: Client) -> None:
    builder = TaskBuilder(node="even")
    task = builder.build(builder.create("Even", EntityWrapper(Say)))
    for verb, words in (("cancel", "“Even” is canceled."), ("purge", "“Even” is purged.")):
        assert said(operator, url(verb, task)) == words
    assert not Task.objects.using("even").exists()
    assert LogEntry.objects.count() == 2


def test_a_node_that_is_no_more_is_named(operator: Client) -> None:
    task = build("Import", EntityWrapper(Say))
    Task.objects.filter(uuid=task.uuid).update(node="gone")
    words = said(operator, url("cancel", task))
    assert words.startswith("Nothing was done. ")
    assert "gone" in words


def test_a_stage_at_work_holds_up_a_retry(operator: Client) -> None:
    task = build("Import", EntityWrapper(FanOut, {"good": 1, "bad": 1}), EntityWrapper(Say))
    run_pending()
    nested = Task.objects.get(depth=1)
    stage = TaskStage.objects.get(task=task, order=1)
    TaskStage.objects.filter(uuid=stage.uuid).update(state=State.RUNNING)
    words = said(operator, url("retry", nested))
    assert words.startswith("Nothing was done. It is busy. ")
    assert str(stage.uuid) in words


def test_a_page_with_buttons_changes_only_with_its_task(operator: Client) -> None:
    task = build("Import", EntityWrapper(Say))
    etag = operator.get(url("live", task))["ETag"]
    asked = {"headers": {"If-None-Match": etag}}
    assert operator.get(url("live", task), **asked).status_code == 304
    task.pause()
    answer = operator.get(url("live", task), **asked)
    assert answer.status_code == 200
    assert 'id="verb-resume"' in answer.content.decode()
