"""A user's program from the view that starts it to the page that watches it, with a manager between."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from django_tasks_poc import EntityWrapper, OnError, State, TaskBuilder, TaskDraft, TaskExists, TaskViewer
from django_tasks_poc.models import StageAttempt, Task, TaskStage

from ..managers import manager
from ..storage.consistency import assert_consistent
from ..support import run_manager
from .jobs import Ask, Batches, Bill, Goodbye
from .scenarios import attempts
from .witness import notes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]


def bills(**options: object) -> TaskDraft:
    """Return the draft of a view: 100 customers in batches of ten."""
    return (
        TaskBuilder()
        .create(
            "Bills of May",
            EntityWrapper(Batches, {"customers": 100}),
            EntityWrapper("tests.process.jobs.Balance"),
            timeout=300,
            on_error=OnError.STOP,
            finally_=EntityWrapper(Goodbye, {"whom": "ann"}),
            unique_key="bills:7",
            priority=10,
        )
        .using(**options)
    )


def test_a_fan_out_is_billed_and_balanced_and_failures_are_data() -> None:
    task = TaskBuilder().build(bills())
    run = run_manager()
    assert run.returncode == 0, run.stderr
    task.refresh_from_db()
    assert (task.state, task.message) == (State.SUCCESS, "80 bills")
    assert task.response_value == {
        "bills": 80,
        "sum": str(80 * Decimal("1.19")),
        "reasons": ["customer 66 has no address", "TimeoutError: no answer"],
        "first": 60,
        "response": {"customer": 66},
    }
    # Batch 40 failed once and is there once; of batches 60 and 80 no row is left.
    billed = {int(name.removeprefix("bill ")) for name in Group.objects.values_list("name", flat=True)}
    assert billed == {*range(60), *range(70, 80), *range(90, 100)}
    assert sorted(StageAttempt.objects.values_list("stage__order", "attempt")) == [
        (4, 1), (6, 1), (8, 1), (8, 2), (8, 3),
    ]  # fmt: skip
    (goodbye,) = notes("goodbye")
    assert (goodbye["whom"], goodbye["task"], goodbye["state"]) == ("ann", str(task.uuid), "SUCCESS")
    assert_consistent()


def test_a_view_of_the_task_tells_how_far_it_is() -> None:
    task = TaskBuilder().build(bills())
    before = TaskViewer().get(task.uuid)
    assert (before.title, before.state, before.metrics.count, before.metrics.finished) == (
        "Bills of May",
        "READY",
        2,
        0,
    )
    run_manager()
    after = TaskViewer().get(task.uuid)
    assert (after.state, after.message, after.metrics.finished, after.metrics.failed) == ("SUCCESS", "80 bills", 2, 0)
    assert [(nested.title, nested.metrics.count, nested.metrics.failed) for nested in after.nested] == [
        ("bills", 10, 2)
    ]


def test_a_request_that_rolls_back_leaves_no_task_and_a_second_one_is_refused() -> None:
    with transaction.atomic():
        TaskBuilder().build(bills())
        transaction.set_rollback(True)
    assert not Task.objects.exists()
    task = TaskBuilder().build(bills(delay=60))
    with transaction.atomic():
        with pytest.raises(TaskExists) as exists:
            TaskBuilder().build(bills())
        Group.objects.create(name="the request's own row")
    assert exists.value.uuid == task.uuid
    assert Group.objects.count() == 1
    task.cancel()
    TaskBuilder().build(bills())


def test_a_draft_with_a_delay_does_not_begin_before_it() -> None:
    task = TaskBuilder().build(bills(delay=1.2))
    with manager() as running:
        running.wait_until(lambda: TaskStage.objects.filter(state=State.RUNNING).exists(), "it begins")
        task.refresh_from_db()
        assert task.started_at is not None
        assert 1.2 <= (task.started_at - task.created_at).total_seconds() < 10
        task.cancel()
        assert running.stop() == 0


def test_a_poll_asks_again_without_a_process_and_gives_up_politely() -> None:
    builder = TaskBuilder()
    task = builder.build(builder.create("poll", EntityWrapper(Ask, {"times": 3})))
    assert run_manager().returncode == 0
    task.refresh_from_db()
    stage = task.stages.get()
    assert (task.state, stage.state, stage.message) == ("SUCCESS", "SKIPPED", "the bank is never open")
    asked = notes("asked")
    assert [(note["turn"], note["attempt"]) for note in asked] == [(1, 1), (2, 1), (3, 1), (4, 1)]
    assert len({note["pid"] for note in asked}) == 4
    assert all(later["at"] - sooner["at"] >= 0.2 for sooner, later in pairwise(asked))
    assert attempts(task) == []


def test_more_failures_than_are_allowed_stop_the_fan_out_and_the_task() -> None:
    draft = TaskBuilder().create(
        "few", EntityWrapper(Batches, {"customers": 30, "size": 30}), EntityWrapper("tests.process.jobs.Balance")
    )
    Group.objects.create(name="bill 3")  # in the way of the only batch
    task = TaskBuilder().build(draft)
    assert run_manager().returncode == 1
    task.refresh_from_db()
    assert (task.state, task.message) == (State.ERROR, "1 failed")
    assert list(task.stages.order_by("order").values_list("state", flat=True)) == ["ERROR", "CANCELED"]
    assert not Group.objects.exclude(name="bill 3").exists()
    assert Bill.atomic
