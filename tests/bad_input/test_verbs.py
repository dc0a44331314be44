"""Verbs given to what they cannot move, by several at once, with words no database takes, and to what will not end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils.functional import lazystr

from django_tasks_poc import EntityWrapper, State, TaskBuilder, TaskBusy, TaskHandlerBase, VerbResult
from django_tasks_poc.exceptions import TaskNotFound
from django_tasks_poc.models import AttemptOutcome, StageAttempt, Task, TaskEvent, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.testing import run_pending

from ..building import build
from ..handlers import Noop
from ..handlers_admin import Fail, FanOut
from ..managers import lives, manager
from ..process.stubborn import Orphans
from ..process.witness import notes
from ..storage.consistency import assert_consistent
from ..support_threads import at_once

VERBS = ("pause", "resume", "cancel", "retry_failed")

on_all = pytest.mark.django_db(databases=["default", "even", "odd"])


def give(task: Task, verb: str, **words: Any) -> VerbResult:
    result: VerbResult = getattr(task, verb)(**words)
    return result


def build_far(handler: type[TaskHandlerBase]) -> Task:
    """Build a task on a node with a database of its own."""
    builder = TaskBuilder("odd")
    return builder.build(builder.create("far", EntityWrapper(handler)))


def rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Task, TaskStage, TaskEvent)]


# What they cannot move.


@on_all
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "task",
    [
        lambda: Task(uuid=uuid4(), node="default"),
        lambda: Task(uuid=build("there", EntityWrapper(Noop)).uuid, node="even"),
        lambda: Task(uuid=build_far(Noop).uuid, node="default"),
    ],
    ids=["of nobody", "looked for on another node", "of another node"],
)
def test_a_task_that_is_not_there_is_named_with_the_database(task: Callable[[], Task], verb: str) -> None:
    unknown = task()
    before = rows()
    with pytest.raises(TaskNotFound) as refused:
        give(unknown, verb, reason="why", by="me")
    assert str(refused.value) == f"No task {unknown.uuid} in database '{nodes[unknown.node].database}'."
    assert rows() == before


@on_all
@pytest.mark.parametrize("verb", VERBS)
def test_a_task_that_was_read_from_its_own_database_is_acted_on_there(verb: str) -> None:
    uuid = build_far(Fail).uuid
    if verb == "retry_failed":
        run_pending("odd")
    task = Task.objects.using("odd").get(uuid=uuid)
    if verb == "resume":
        task.pause()
    assert give(task, verb, reason="why", by="me").tasks == 1
    event = TaskEvent.objects.using("odd").get(reason="why")
    assert (event.task_id, event.by, event.verb) == (uuid, "me", verb.removesuffix("_failed"))
    assert not TaskEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("nested", [False, True], ids=["root", "nested"])
def test_a_verb_on_what_ended_well_moves_nothing(verb: str, nested: bool) -> None:
    root = build("ends", EntityWrapper(FanOut, {"good": 2}))
    run_pending()
    assert set(Task.objects.values_list("state", flat=True)) == {State.SUCCESS}
    before = rows()
    assert give(Task.objects.get(depth=1) if nested else root, verb, reason="why", by="me") == VerbResult()
    assert rows() == before


# Words.

WORDS: list[tuple[Any, str]] = [
    ("", ""),
    (None, ""),
    (" \n", " \n"),
    ("nul\0 in it", "nul\N{SYMBOL FOR NULL} in it"),
    ("half \ud83d a pair", "half ? a pair"),
    ("\N{PILE OF POO} “quoted” 'twice' \\ %s", "\N{PILE OF POO} “quoted” 'twice' \\ %s"),
    (5, "5"),
    (b"bytes", "b'bytes'"),
    (["a", {"list": 1}], "['a', {'list': 1}]"),
    (UUID(int=1), str(UUID(int=1))),
    (lazystr("translated"), "translated"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("given", "kept"), WORDS, ids=range(len(WORDS)))
def test_any_words_are_kept_as_text(verb: str, given: Any, kept: str) -> None:
    task = build("task", EntityWrapper(Fail))
    if verb == "retry_failed":
        run_pending()
    if verb == "resume":
        task.pause()
    assert give(task, verb, reason=given, by=given)
    event = TaskEvent.objects.get(verb=verb.removesuffix("_failed"))
    assert (event.by, event.reason) == (kept, kept)
    task.refresh_from_db()
    if verb in ("pause", "cancel"):
        assert task.message == kept or (not kept and task.message == {"pause": "", "cancel": "Canceled."}[verb])
    assert_consistent()


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_huge_words_are_cut(verb: str) -> None:
    """Given a reason of megabytes, then it is not written to each task of the tree as it is."""
    task = build("task", EntityWrapper(Noop))
    assert give(task, verb, reason="because " * 2**20, by="somebody " * 2**20)
    event = TaskEvent.objects.get()
    assert event.by == ("somebody " * 29)[:255]
    assert event.reason.startswith("because because ")
    assert "characters cut" in event.reason
    task.refresh_from_db()
    assert len(event.reason) <= 4096
    assert task.message == event.reason


class Nameless:
    def __str__(self) -> str:
        raise LookupError("no name")


@pytest.mark.django_db
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("word", ["reason", "by"])
def test_a_verb_whose_words_cannot_be_shown_does_nothing(verb: str, word: str) -> None:
    task = build("task", EntityWrapper(Fail))
    if verb == "retry_failed":
        run_pending()
    if verb == "resume":
        task.pause()
    before = rows()
    with pytest.raises(LookupError, match="no name"):
        give(task, verb, **{word: Nameless()})
    assert rows() == before


# Several at once.


def together(*works: Callable[[], Any]) -> list[Any]:
    """Do the works at once; in turns on SQLite, which has one writer."""
    return [work() for work in works] if connection.vendor == "sqlite" else at_once(*works)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", VERBS)
def test_of_many_who_give_one_verb_one_is_heard(verb: str) -> None:
    task = build("task", *[EntityWrapper(Fail)] * 3)
    if verb == "retry_failed":
        run_pending()
    if verb == "resume":
        task.pause()
    results = together(*[partial(give, task, verb, by=f"user {number}") for number in range(5)])
    assert [bool(result) for result in results].count(True) == 1
    heard = next(number for number, result in enumerate(results) if result)
    event = TaskEvent.objects.get(verb=verb.removesuffix("_failed"))
    assert event.by == f"user {heard}"
    assert_consistent()


@pytest.mark.django_db(transaction=True)
def test_users_who_cancel_and_retry_at_once_leave_a_tree_that_ends() -> None:
    """Given five users who cancel and five who retry, whoever is first, then each is told, and the tree ends."""
    root = build("root", EntityWrapper(FanOut, {"good": 1, "bad": 3}), EntityWrapper(Fail), unique=False)
    run_pending()
    nested = Task.objects.get(depth=1)
    busy: list[UUID] = []

    def retry(task: Task) -> VerbResult:
        try:
            return task.retry_failed(by="retry")
        except TaskBusy as refused:  # the root is being canceled
            busy.append(refused.uuid)
            return VerbResult()

    works: list[Callable[[], Any]] = []
    for task in (root, nested) * 3:
        works += [partial(task.cancel, by="cancel"), partial(retry, task)]
    results = together(*works)
    assert TaskEvent.objects.count() == [bool(result) for result in results].count(True)
    assert_consistent()
    run_pending()
    assert not Task.objects.filter(finished_at=None).exists()
    assert_consistent()


# What will not end.


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("witness")
@pytest.mark.parametrize("executor", ["prefork", "subprocess"])
def test_a_cancel_ends_what_ignores_it(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given stages that ignore SIGTERM, and grandchildren that do and leave the group, then all of them are killed."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.process.quick_settings")
    names = ("stays", "flees")
    tasks = {name: build(name, EntityWrapper(Orphans, {"name": name, "flees": name == "flees"})) for name in names}
    with manager("--executor", executor, "--heartbeat", "60", "--keeper-interval", "60") as running:
        running.wait_until(lambda: len({(n["name"], n["role"]) for n in notes()}) == 4, "they and their children tick")
        for task in tasks.values():
            assert task.cancel(reason="enough", by="ann") == VerbResult(tasks=1, processes=1)
            assert task.cancel(reason="at last", by="bob") == VerbResult()
        running.wait_until(lambda: not Task.objects.filter(finished_at=None).exists(), "the tasks end", 20)
        assert not [line["pid"] for line in notes() if lives(line["pid"])]
        assert running.stop() == 0
    for task in tasks.values():
        task.refresh_from_db()
        assert (task.state, task.message) == (State.CANCELED, "enough")
        (attempt,) = StageAttempt.objects.filter(stage__task=task)
        assert (attempt.outcome, attempt.signal) == (AttemptOutcome.CANCELED, signal.SIGKILL)
        event = TaskEvent.objects.get(task=task)
        assert (event.verb, event.by, event.reason) == ("cancel", "ann", "enough")
    assert_consistent()
