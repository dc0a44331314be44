"""Whatever happens to trees of tasks, in whatever order: the rows stay consistent, and all comes to an end."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from django_tasks_poc import State, TaskBusy, TaskExists
from django_tasks_poc.models import Task
from django_tasks_poc.storage.values import Claim, StageMove

from . import support_storage as act
from .machines import SEED, play
from .storage.consistency import assert_consistent
from .support_storage import Store, success

ANSWERS = {
    "success": success, "error": act.error, "skip": act.skip, "retry": act.retry, "later": act.later,
    "pauses": act.pauses, "cancels": act.cancels, "stopped": act.stopped,
}  # fmt: skip
PICK = st.integers(0, 1_000)
MODES = st.fixed_dictionaries(
    {"parallel": st.booleans(), "with_finally": st.booleans()},
    optional={
        "on_error": st.sampled_from(["STOP", "CONTINUE"]),
        "max_parallel": st.integers(1, 2),
        "max_failures": st.sampled_from([0, 1, "50%"]),
        "delay": st.just(30.0),
        "priority": st.integers(-1, 1),
        "unique_key": st.sampled_from(["a", "b"]),
    },
)


def options_of(mode: dict[str, Any], *, nested: bool) -> dict[str, Any]:
    """Return options that a builder would let through."""
    options = dict(mode)
    if not options["parallel"]:
        options.pop("max_parallel", None)
    if "max_failures" in options:
        options["on_error"] = "CONTINUE"
    if nested:
        options.pop("unique_key", None)
    return options


class Machine(RuleBasedStateMachine):
    """A node with two managers, and the claims that their processes hold."""

    def __init__(self) -> None:
        super().__init__()
        # Each example is taken back.
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.store = Store()
        self.managers = [self.store.manager, self.store.enlist()]
        self.held: list[Claim] = []
        self.promised: dict[Any, Task] = {}

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    def finish(self) -> None:
        """Give everything what it waits for: then every task ends."""
        for _ in range(20):
            for task in Task.objects.filter(state=State.PAUSED).order_by("depth"):
                task.resume()
            act.let_pass(3600)
            self.held += self.store.claim(100, self.managers[0])
            if not self.held and self.store.task_query.is_drained():
                break
            self.answer([success(claim) for claim in self.held])
            self.store.settle(3)
            self.store.stage_command.rescue(100)
            self.store.discard(2)
        assert_consistent()
        left = [f"{task}: {task.state}" for task in Task.objects.filter(active=True)]
        assert not left
        assert self.store.task_query.is_drained()

    def answer(self, moves: list[StageMove]) -> None:
        over = {move.token for move in moves}
        self.store.record(*moves)
        self.held = [claim for claim in self.held if claim.token not in over]

    def a_task(self, pick: int) -> Task | None:
        tasks = list(Task.objects.order_by("uuid"))
        return tasks[pick % len(tasks)] if tasks else None

    @invariant()
    def consistent(self) -> None:
        assert_consistent()

    @rule(stages=st.integers(1, 4), mode=MODES)
    def build(self, stages: int, mode: dict[str, Any]) -> None:
        options = options_of(mode, nested=False)
        try:
            self.store.root(stages, **options)
        except TaskExists as refused:
            held = Task.objects.get(uuid=refused.uuid)
            assert (held.finished_at, held.unique_key) == (None, options["unique_key"])

    @rule(limit=st.integers(1, 5), manager=st.integers(0, 1))
    def claim(self, limit: int, manager: int) -> None:
        claims = self.store.claim(limit, self.managers[manager])
        assert len(claims) <= limit
        for task in Task.objects.filter(uuid__in=[claim.task for claim in claims]):
            assert task.state == State.RUNNING or task.finished_at is not None
            assert task.max_parallel is None or task.running_count + task.waiting_count <= task.max_parallel
            assert task.parallel or task.running_count + task.waiting_count <= 1
        self.held += claims

    @precondition(lambda self: self.held)
    @rule(ends=st.lists(st.tuples(PICK, st.sampled_from(sorted(ANSWERS))), min_size=1, max_size=4))
    def record(self, ends: list[tuple[int, str]]) -> None:
        moves = []
        for pick, name in ends:
            claim = self.held[pick % len(self.held)]
            answer = name
            if claim.is_finally and name not in ("success", "error", "retry"):
                answer = "success"
            moves.append(ANSWERS[answer](claim))
        self.answer(moves)

    @precondition(lambda self: self.held)
    @rule(pick=PICK, stages=st.integers(0, 3), mode=MODES, waits=st.booleans(), also=st.sampled_from(sorted(ANSWERS)))
    def nest(self, pick: int, stages: int, mode: dict[str, Any], waits: bool, also: str) -> None:
        claim = self.held[pick % len(self.held)]
        row = self.store.stage_query.get(claim.stage)
        if claim.is_finally or claim.depth > 2 or row.token != claim.token:
            return
        nested = self.store.promise(claim, stages, **options_of(mode, nested=True))
        others = [ANSWERS[also](other) for other in self.held if other.task == claim.task and other != claim]
        moves = [act.waits(claim, nested) if waits else ANSWERS[also](claim), *others[:1]]
        self.answer(moves)

    @rule(pick=PICK, verb=st.sampled_from(["pause", "resume", "cancel", "retry_failed"]))
    def give_verb(self, pick: int, verb: str) -> None:
        if (task := self.a_task(pick)) is None:
            return
        try:
            with transaction.atomic():
                getattr(task, verb)()
        except (TaskBusy, TaskExists):
            assert verb == "retry_failed"

    @rule(seconds=st.sampled_from([1, 31]))
    def let_pass(self, seconds: int) -> None:
        act.let_pass(seconds)

    @rule(piece=st.integers(1, 3))
    def settle(self, piece: int) -> None:
        self.store.task_command.settle(piece)

    @rule(piece=st.integers(1, 3))
    def discard(self, piece: int) -> None:
        self.store.task_command.discard_promised(piece)

    @rule(which=st.integers(0, 1), piece=st.integers(1, 3))
    def lose_a_manager(self, which: int, piece: int) -> None:
        self.store.stage_command.declare_dead([self.managers[which]])
        self.managers[which] = self.store.enlist()
        self.store.stage_command.rescue(piece)

    @rule(piece=st.integers(1, 3))
    def rescue(self, piece: int) -> None:
        self.store.stage_command.rescue(piece)


@pytest.mark.parametrize("number", [SEED], ids=lambda number: f"SEED={number}")
def test_any_order_of_events(db: None, number: int) -> None:
    play(Machine, number)
