"""Purging trees that ended: whole, in pieces, never an open one, and never half there for anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_tasks_poc import State, TaskViewer
from django_tasks_poc.exceptions import TaskNotFound
from django_tasks_poc.models import StageAttempt, Task, TaskEvent, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.purging import PurgeCursor, Purged, PurgeWish

from .. import support_storage as act
from ..support_rows import add_stages
from ..support_storage import Store, error, fresh, grow_old, success

MODELS = (Task, TaskStage, StageAttempt, TaskEvent)
NOW = PurgeWish(0)


def row_count() -> int:
    return sum(model.objects.count() for model in MODELS)


def tree(store: Store, leaves: int = 2) -> list[Task]:
    """Build a tree of three levels with finallies, and let it end with failed starts and an event."""
    root = store.root(1, with_finally=True)
    middle = store.wait(store.claim_of(root)[0], 2, with_finally=True)
    one, two = store.claim_of(middle)
    deep = store.wait(one, leaves)
    store.record(success(two))
    store.drain(lambda claim: error(claim) if claim.task == deep.uuid else success(claim))
    deep.retry_failed(reason="once more")
    store.drain(lambda claim: error(claim) if claim.task == deep.uuid else success(claim))
    assert fresh(root).finished_at is not None
    assert StageAttempt.objects.filter(stage__task__root=root).count() == 2 * leaves
    return [fresh(task) for task in (root, middle, deep)]


def ended(store: Store, count: int = 1, stages: int = 1) -> list[Task]:
    """Build small trees and let them end."""
    tasks = [store.root(stages) for _ in range(count)]
    store.drain()
    return tasks


def sums(pieces: list[Purged]) -> tuple[int, int]:
    return sum(piece.trees for piece in pieces), sum(piece.stages for piece in pieces)


def test_a_tree_goes_with_all_that_belongs_to_it(store: Store) -> None:
    tree(store)
    other = store.root(3)
    pieces = store.purge()
    assert sums(pieces) == (1, 5)  # without the rows of the two finallies
    assert list(Task.objects.all()) == [other]
    assert row_count() == 4


def test_nothing_to_purge_is_one_piece(store: Store) -> None:
    assert store.purge() == [Purged()]


def test_the_age_is_that_of_the_end(store: Store) -> None:
    """Given a task that was built long ago and ended just now, then it is young."""
    (old,) = ended(store)
    slow = store.root(1)
    grow_old(100)
    store.drain()
    assert sums(store.purge(older_than=101)) == (0, 0)
    assert sums(store.purge(older_than=99)) == (1, 1)
    assert not Task.objects.filter(uuid=old.uuid).exists()
    assert fresh(slow).finished_at is not None


def test_only_roots_of_the_wanted_states_and_of_the_node_go(store: Store) -> None:
    (good, elsewhere), failed = ended(store, 2), store.root(1)
    store.drain(error)
    Task.objects.filter(uuid=elsewhere.uuid).update(node="elsewhere")
    assert sums(store.purge(states={State.ERROR})) == (1, 1)
    assert set(Task.objects.all()) == {good, elsewhere}
    assert failed not in Task.objects.all()
    assert sums(store.purge(states={State.CANCELED, State.SUCCESS})) == (1, 1)
    assert list(Task.objects.all()) == [elsewhere]


def running(store: Store) -> None:
    store.root(1)
    store.claim()


def waiting(store: Store) -> None:
    store.chain(1)


def paused(store: Store) -> None:
    store.root(1).pause()


def canceled_and_running(store: Store) -> None:
    root = store.root(2, parallel=True)
    store.claim(1)
    root.cancel()
    store.settle()
    assert fresh(root).state == State.CANCELED


def being_closed(store: Store) -> None:
    store.root(2001).cancel()


def finally_to_run(store: Store) -> None:
    root = store.root(1, with_finally=True)
    store.record(success(*store.claim()))
    assert fresh(root).finished_at is not None


def finally_running(store: Store) -> None:
    finally_to_run(store)
    store.claim()


def finally_below(store: Store) -> None:
    _, nested = store.chain(1, with_finally=True)
    store.record(success(*store.claim()))
    root = Task.objects.get(depth=0)
    assert (root.finished_at is None, root.active, fresh(nested).active) == (False, False, True)


def promised_below(store: Store) -> None:
    """A nested task that was built and not waited for; the manager has not deleted it yet."""
    root = store.root(1)
    (claim,) = store.claim()
    store.promise(claim)
    store.record(error(claim))
    assert fresh(root).finished_at is not None


def retried(store: Store) -> None:
    root = store.root(1)
    store.drain(error)
    root.retry_failed()


@pytest.mark.parametrize(
    "open_tree",
    [
        lambda store: store.root(1), running, waiting, paused, canceled_and_running, being_closed,
        finally_to_run, finally_running, finally_below, promised_below, retried,
    ],
)  # fmt: skip
def test_a_tree_of_which_anything_goes_on_is_never_purged(store: Store, open_tree: Callable[[Store], Any]) -> None:
    open_tree(store)
    grow_old(100)
    before = row_count()
    assert store.purge() == store.purge(piece=1) == [Purged()]
    assert row_count() == before


def test_small_trees_go_many_at_once(store: Store) -> None:
    """Given 30 trees of 4 stages, then a piece of 60 rows takes ten of them (each may have a finally), whole."""
    ended(store, 30, stages=4)
    pieces = store.purge(piece=60)
    assert [piece.trees for piece in pieces] == [10, 10, 10, 0]
    assert row_count() == 0


def test_a_large_tree_goes_in_pieces_that_nobody_sees(store: Store) -> None:
    """Given a tree of more rows than a piece may have, then it is hidden whole, and its root goes last."""
    tasks = tree(store, leaves=20)
    small = ended(store)[0]
    before = whole = row_count()
    cursor, pieces = PurgeCursor(), 0
    while Task.objects.filter(uuid=tasks[0].uuid).exists():
        done = store.task_command.purge(7, cursor, NOW)
        assert done.next is not None
        assert before - row_count() <= 7
        assert done.trees == int(not Task.objects.filter(uuid=tasks[0].uuid).exists())
        before, cursor, pieces = row_count(), done.next, pieces + 1
        assert_hidden(tasks[:1] if before == whole else tasks)
    assert pieces > 10
    assert list(Task.objects.visible()) == [small]
    assert sums([store.task_command.purge(7, cursor, NOW)]) == (1, 1)
    assert row_count() == 0


def assert_hidden(tasks: list[Task]) -> None:
    """The tasks are in no list and found by no name, and nothing may be done to them."""
    query, stages = nodes["default"].task_query, nodes["default"].stage_query
    for task in tasks:
        assert task not in Task.objects.visible()
        for verb in (task.pause, task.resume, task.cancel, task.retry_failed):
            with pytest.raises(TaskNotFound):
                verb()
        for look in (TaskViewer().get, query.get):
            with pytest.raises(TaskNotFound):
                look(task.uuid)
        for stage in TaskStage.objects.filter(task=task)[:1]:
            with pytest.raises(TaskNotFound):
                stages.get(stage.uuid)


def test_below_a_root_that_is_hidden_nothing_may_be_done(store: Store) -> None:
    """Given a root that is hidden and a nested task that is not yet, then a verb finds nothing there either."""
    root, _, deep = tree(store)
    store.task_command.purge(7, PurgeCursor(), NOW)
    assert (fresh(root).purging, fresh(deep).purging) == (True, False)
    with pytest.raises(TaskNotFound):
        deep.retry_failed()


def test_a_tree_whose_failed_starts_are_too_many_goes_in_pieces_too(store: Store) -> None:
    """Given trees that fit by their stages and not by the starts of these, then each piece keeps to its limit."""
    for _ in range(3):
        store.root(1)
    for _ in range(10):
        store.record(*[act.retry(claim) for claim in store.claim()])
    store.drain()
    assert StageAttempt.objects.count() == 30
    before, pieces = row_count(), []
    cursor: PurgeCursor | None = PurgeCursor()
    while cursor is not None:
        pieces.append(store.task_command.purge(9, cursor, NOW))
        assert before - row_count() <= 9
        before, cursor = row_count(), pieces[-1].next
    assert (sums(pieces), row_count()) == ((3, 3), 0)


@pytest.mark.parametrize("wish", [PurgeWish(None), PurgeWish(1e6), PurgeWish(0, states={State.CANCELED})])
def test_a_tree_that_a_killed_purge_left_half_is_finished_by_the_next(store: Store, wish: PurgeWish) -> None:
    root, *_ = tree(store, leaves=20)
    (young,) = ended(store)
    cursor = PurgeCursor()
    for _ in range(6):
        done = store.task_command.purge(7, cursor, NOW)
        assert done.next is not None
        cursor = done.next
    assert Task.objects.get(uuid=root.uuid).purging
    pieces = store.purge(wish.older_than, states=wish.states)
    assert sums(pieces)[0] == 1
    assert list(Task.objects.all()) == [young]


def test_a_trial_says_the_same_and_touches_nothing(store: Store) -> None:
    tree(store, leaves=20)
    ended(store, 3, stages=2)
    before = row_count()
    with CaptureQueriesContext(connection) as queries:
        trial = store.purge(piece=7, is_trial=True)
    assert not [sql for sql in queries if not sql["sql"].lstrip("(").startswith(("SELECT", "WITH"))]
    assert row_count() == before
    assert sums(trial) == sums(store.purge(piece=7)) == (4, 29)


def test_what_is_purged_can_be_built_again(store: Store) -> None:
    store.root(1, unique_key="once")
    store.drain()
    store.purge()
    again = store.root(1, unique_key="once")
    assert list(Task.objects.all()) == [again]


def test_the_cost_of_a_piece_does_not_grow_with_the_tree(db: None) -> None:
    """Given a task of 1,000 and one of 20,000 stages, then a piece of either takes as many statements."""
    store, counts = Store(), []
    for size in (1_000, 20_000):
        ended(store)
        add_stages(Task.objects.get(), size - 1, state=State.SUCCESS)
        hidden = store.task_command.purge(500, PurgeCursor(), NOW)
        assert hidden.next is not None
        with CaptureQueriesContext(connection) as queries:
            done = store.task_command.purge(500, hidden.next, NOW)
        assert done.stages == 500
        counts.append(len(queries))
        store.purge()
        assert row_count() == 0
    assert counts[0] == counts[1]
