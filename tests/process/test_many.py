"""Many stages and deep trees: exact counts, one end each, and nothing left open."""

from __future__ import annotations

from collections import Counter

import pytest

from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.models import Kind, StageAttempt, Task, TaskStage

from ..storage.consistency import assert_consistent
from ..support import run_manager
from .handlers import Fan, Join, Step, Tell, Tree
from .witness import notes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]


@pytest.mark.parametrize(
    ("executor", "stages", "depth", "width"),
    [("prefork", 1_000, 4, 5), pytest.param("subprocess", 60, 3, 3, marks=pytest.mark.slow)],
)
def test_a_wide_fan_out_and_a_deep_tree_end_exactly_once(executor: str, stages: int, depth: int, width: int) -> None:
    builder = TaskBuilder()
    fan = builder.create(
        "fan", EntityWrapper(Fan, {"hows": [], "prices": stages}), EntityWrapper(Step), finally_=tell("fan")
    )
    tree = builder.create(
        "tree", EntityWrapper(Tree, {"depth": depth, "width": width}), EntityWrapper(Step), finally_=tell("root")
    )
    roots = [builder.build(draft) for draft in (fan, tree)]
    run = run_manager("--executor", executor)
    assert run.returncode == 0, run.stderr
    assert_consistent()

    for root in roots:
        root.refresh_from_db()
        assert (root.state, root.message) == (State.SUCCESS, "step done"), root
    branches = [width**level for level in range(depth)]
    leaves = width**depth
    assert Task.objects.count() == 2 + 1 + sum(branches)
    assert Counter(TaskStage.objects.values_list("kind", "state")) == {
        (Kind.STAGE, State.SUCCESS): 2 + stages + 2 + sum(branches[1:]) + leaves,
        (Kind.FINALLY, State.SUCCESS): 2 + sum(branches),
    }
    nested = Task.objects.get(parent_stage__task=roots[0])
    assert (nested.total_count, nested.success_count, nested.open_count) == (stages, stages, 0)
    # One end each: of every task of the tree, and of the two roots.
    told = Counter(note["task"] for name in ("tree", "fan", "root") for note in notes(name))
    wanted = Task.objects.exclude(uuid=nested.uuid).values_list("uuid", flat=True)
    assert told == {str(uuid): 1 for uuid in wanted}
    assert not StageAttempt.objects.exists()
    assert not TaskStage.objects.exclude(start=1).exists()


def tell(name: str) -> EntityWrapper:
    return EntityWrapper(Tell, {"name": name})


def test_failures_of_many_are_counted_and_read_in_pieces() -> None:
    builder = TaskBuilder()
    hows = ["success", "raise", "skip", "crash"] * 30
    task = builder.build(builder.create("mixed", EntityWrapper(Fan, {"hows": hows}), EntityWrapper(Join)))
    assert run_manager().returncode == 0
    task.refresh_from_db()
    found = task.response_value
    assert found["lengths"] == [30, 60, 120]
    assert Counter(state for _, state, *_ in found["failure"]) == {State.ERROR: 60}
    assert found["stages"] == [State.SUCCESS, State.ERROR, State.SKIPPED, State.ERROR] * 30
    assert StageAttempt.objects.count() == 60
    assert_consistent()
