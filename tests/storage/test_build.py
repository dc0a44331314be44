"""Building: a root in one transaction that is the caller's too, a nested task in pieces that nobody sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from django_tasks_poc import EntityWrapper, State, TaskBuilder, TaskExists
from django_tasks_poc.exceptions import InvalidDraft, TokenLost
from django_tasks_poc.models import Task, TaskStage

from ..handlers import Goodbye, Noop, Number
from ..support_storage import Store, error, fresh, state, states, success, waits
from ..support_threads import at_once


def build(*numbers: int, **options: Any) -> Task:
    builder = TaskBuilder()
    stages = [EntityWrapper(Number, {"number": number}) for number in numbers]
    return builder.build(builder.create(options.pop("title", "numbers"), *stages, **options))


def test_what_build_returns_is_what_the_row_holds(store: Store) -> None:
    task = build(1, 2, 3, shared={"path": "a"}, priority=7, created_by="ann", finally_=EntityWrapper(Goodbye))
    row = fresh(task)
    names = [field.attname for field in Task._meta.concrete_fields]
    assert {name: getattr(task, name) for name in names} == {name: getattr(row, name) for name in names}
    assert (row.state, row.root_id, row.depth, row.total_count, row.open_count) == (State.READY, row.uuid, 0, 3, 3)
    assert (row.shared_value, row.priority, row.created_by, row.parallel) == ({"path": "a"}, 7, "ann", False)
    assert [stage.params_value for stage in store.stage_query.page(row.uuid, State)] == [
        {"number": 1}, {"number": 2}, {"number": 3},
    ]  # fmt: skip


def test_build_is_taken_back_with_the_callers_transaction(live: Store) -> None:
    with transaction.atomic():
        build(1)
        transaction.set_rollback(True)
    assert not Task.objects.exists()
    assert not TaskStage.objects.exists()
    # Then the key is free again.
    build(1)


def test_a_task_is_claimed_only_once_the_callers_transaction_committed(live: Store) -> None:
    with transaction.atomic():
        build(1)
        if connection.vendor == "sqlite":
            return  # The other connection would wait for the writer lock.
        (claims,) = at_once(live.claim)
        assert claims == []
    assert len(live.claim()) == 1


def test_a_failing_generator_leaves_nothing(live: Store) -> None:
    def stages() -> Iterator[EntityWrapper]:
        yield from [EntityWrapper(Noop)] * 2500
        raise OSError("the file ends here")

    builder = TaskBuilder()
    draft = builder.create("rows").extend(stages())
    with pytest.raises(OSError, match="ends here"):
        builder.build(draft)
    assert not Task.objects.exists()
    assert not TaskStage.objects.exists()


def test_a_generator_is_read_while_its_stages_are_stored(store: Store) -> None:
    """Given 5,000 stages from a generator, then the first are in the database long before the last is made."""
    stored_at: list[int] = []

    def stages() -> Iterator[EntityWrapper]:
        for number in range(5000):
            if number % 1000 == 999:
                stored_at.append(TaskStage.objects.count())
            yield EntityWrapper(Number, {"number": number})

    builder = TaskBuilder()
    task = builder.build(builder.create("rows").extend(stages()))
    assert task.total_count == 5000
    assert stored_at == sorted(stored_at)
    assert stored_at[-1] >= 3000
    assert store.stage_query.at(task.uuid, State, 4999).params_value == {"number": 4999}


def test_stages_are_stored_many_by_one_statement(store: Store) -> None:
    with CaptureQueriesContext(connection) as queries:
        store.root(10_000)
    assert len(queries) < 60


def test_a_root_without_stages_is_refused(store: Store) -> None:
    with pytest.raises(InvalidDraft, match="no stages"):
        build()
    assert not Task.objects.exists()


def test_a_second_open_task_of_one_content_is_refused(store: Store) -> None:
    """Given an open task, when the same is built again, then TaskExists names the first and the caller goes on."""
    first = build(1)
    with transaction.atomic():
        before = build(2)
        with pytest.raises(TaskExists) as refused:
            build(1)
        assert refused.value.uuid == first.uuid
        after = build(3)
    assert set(Task.objects.values_list("uuid", flat=True)) == {first.uuid, before.uuid, after.uuid}


@pytest.mark.parametrize(
    "other", [{"title": "others"}, {"shared": 1}, {"unique": False}, {"unique_key": "mine"}], ids=str
)
def test_another_content_or_key_is_another_task(store: Store, other: dict[str, Any]) -> None:
    assert build(1).uuid != build(1, **other).uuid


def test_a_key_of_ones_own_goes_over_the_content(store: Store) -> None:
    first = build(1, unique_key="nightly")
    with pytest.raises(TaskExists) as refused:
        build(2, title="another", unique_key="nightly")
    assert (refused.value.uuid, refused.value.key) == (first.uuid, "nightly")
    assert first.unique_key == "nightly"


def test_the_key_is_free_only_when_the_task_ended(store: Store) -> None:
    """Given a cancelled task one of whose stages still runs, then its key is held until that stage is over."""
    task = build(1, unique_key="nightly", finally_=EntityWrapper(Goodbye))
    (claim,) = store.claim()
    task.cancel()
    assert state(task) == State.CANCELED
    with pytest.raises(TaskExists):
        build(1, unique_key="nightly")
    store.record(success(claim))
    # Its finally is not waited for.
    assert states(task) == ["SUCCESS", "READY"]
    again = build(1, unique_key="nightly")
    assert again.unique_key == fresh(task).unique_key == "nightly"


def test_two_that_build_one_task_at_once_get_one(live: Store) -> None:
    """Given two connections, when both build the same again and again, then one is refused and names the other's."""
    for number in range(10):

        def attempt(number: int = number) -> Task | TaskExists:
            try:
                return build(number)
            except TaskExists as error:
                return error

        results = at_once(attempt, attempt)
        (built,) = [result for result in results if isinstance(result, Task)]
        (refused,) = [result for result in results if isinstance(result, TaskExists)]
        assert refused.uuid == built.uuid


def test_a_nested_task_commits_in_pieces_and_nothing_of_it_may_run(live: Store) -> None:
    """Given a running stage that builds 3,500 nested stages, then pieces are committed while it is being built."""
    live.root(1)
    (parent,) = live.claim()
    seen: list[int] = []

    def stages() -> Iterator[tuple[str, str]]:
        for number in range(3500):
            if number % 1000 == 500:
                seen.append(*at_once(TaskStage.objects.count))
                assert live.claim() == []
            yield "tests.handlers.Noop", "{}"

    nested = live.promise(parent, stages())
    assert 1 <= seen[0] < seen[1] < seen[2] <= 3501
    assert (nested.state, nested.total_count) == (State.PROMISED, 3500)
    assert live.claim() == []
    assert live.task_query.next_due() is None
    live.record(waits(parent, nested))
    assert len(live.claim(10)) == 10


def test_a_nested_task_takes_after_its_parent(store: Store) -> None:
    root = store.root(1, priority=5, created_by="ann")
    (parent,) = store.claim()
    nested = fresh(store.promise(parent, 2))
    assert (nested.priority, nested.created_by, nested.age) == (5, "ann", root.age)
    assert (nested.depth, nested.root_id, nested.token) == (1, root.uuid, parent.token)
    assert store.promise(parent, 1, priority=-3).priority == -3


def test_a_late_attempt_cannot_build(store: Store) -> None:
    """Given a stage that was started anew, then its first process can no longer build for it."""
    store.root(1)
    (late,) = store.claim()
    store.stage_command.declare_dead([store.manager])
    store.stage_command.rescue(100)
    (claim,) = store.claim(manager=store.enlist())
    assert claim.stage == late.stage
    with pytest.raises(TokenLost):
        store.promise(late, 3)
    assert Task.objects.count() == 1


def test_a_dead_promise_is_seen_by_nobody_and_deleted_in_pieces(live: Store) -> None:
    """Given a stage that built a nested task and failed, then that is no task, and it goes piece by piece."""
    task = live.root(2, on_error="CONTINUE", parallel=True)
    parent, other = live.claim()
    dead = live.promise(parent, 2500)
    promised = live.promise(other, 5)
    live.record(error(parent))
    assert live.task_query.nested_of([parent.stage, other.stage]) == {}
    assert not live.task_query.is_drained()
    task.pause()
    task.resume()
    assert state(dead) == State.PROMISED
    # When the sweep deletes up to 1,000 rows at a time, then it does so in three pieces, and the living one stays.
    counts = []
    while live.task_command.discard_promised(1000):
        counts.append(TaskStage.objects.filter(task=dead).count())
    assert counts == [1500, 500, 0]
    assert not Task.objects.filter(uuid=dead.uuid).exists()
    live.record(waits(other, promised))
    live.drain()
    assert state(task) == State.ERROR
    assert live.task_query.is_drained()


def test_a_promise_lives_as_long_as_the_very_start_that_made_it(store: Store) -> None:
    store.root(1)
    (parent,) = store.claim()
    mine = store.promise(parent, 3)
    assert store.discard() == 0
    # When its manager is lost and the stage runs again under another token, then the promise is dead.
    store.stage_command.declare_dead([store.manager])
    store.stage_command.rescue(100)
    store.manager = store.enlist()
    store.claim()
    assert store.discard() > 0
    assert not Task.objects.filter(uuid=mine.uuid).exists()
