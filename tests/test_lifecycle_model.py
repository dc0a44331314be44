"""Every verb and every end in any order: tasks and stages are in the states that a simple model says."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from django_tasks_poc import State, TaskBusy
from django_tasks_poc.models import Task
from django_tasks_poc.storage.values import Claim

from . import support_storage as act
from .lifecycle_model import Busy, Model, Stage
from .machines import SEED, play
from .storage.consistency import assert_consistent
from .support_storage import Store, fresh, states

ANSWERS: dict[str, tuple[Any, State]] = {
    "success": (act.success, State.SUCCESS),
    "error": (act.error, State.ERROR),
    "skip": (act.skip, State.SKIPPED),
    "retry": (act.retry, State.READY),
    "later": (act.later, State.READY),
    "pauses": (act.pauses, State.PAUSED),
    "stopped": (act.stopped, State.CANCELED),
}
PICK = st.integers(0, 1_000)
MODES = st.fixed_dictionaries({"parallel": st.booleans(), "on_error": st.sampled_from(["STOP", "CONTINUE"])})


class Machine(RuleBasedStateMachine):
    """A root with nested tasks of one level, beside its model."""

    def __init__(self) -> None:
        super().__init__()
        # Each example is taken back.
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.store = Store()
        self.models: dict[UUID, Model] = {}
        self.held: list[tuple[Claim, Stage]] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def settle(self) -> None:
        self.store.settle(2)
        for model in self.models.values():
            if model.above is None:
                model.settle()

    def pick(self, number: int) -> tuple[Task, Model]:
        uuid = list(self.models)[number % len(self.models)]
        return Task.objects.get(uuid=uuid), self.models[uuid]

    @initialize(stages=st.integers(1, 4), mode=MODES)
    def build(self, stages: int, mode: dict[str, Any]) -> None:
        self.models[self.store.root(stages, **mode).uuid] = Model(stages, **mode)

    @invariant()
    def as_the_model_says(self) -> None:
        assert_consistent()
        for number, (uuid, model) in enumerate(self.models.items()):
            task = Task.objects.get(uuid=uuid)
            found = task.state, task.finished_at is not None, states(task)
            assert found == (model.state, model.ended, [stage.state for stage in model.stages]), f"task {number}"

    @rule()
    def claim(self) -> None:
        act.let_pass(1)
        wanted = {(uuid, order) for uuid, model in self.models.items() for order in self.orders(model)}
        claims = self.store.claim(100)
        assert {(claim.task, claim.order) for claim in claims} == wanted
        for claim in claims:
            model = self.models[claim.task]
            model.claim(model.stages[claim.order])
            self.held.append((claim, model.stages[claim.order]))
        self.settle()

    @staticmethod
    def orders(model: Model) -> list[int]:
        return [model.stages.index(stage) for stage in model.claimable()]

    @precondition(lambda self: self.held)
    @rule(number=PICK, name=st.sampled_from(sorted(ANSWERS)))
    def answer(self, number: int, name: str) -> None:
        claim, stage = self.held.pop(number % len(self.held))
        move, state = ANSWERS[name]
        assert not self.store.record(move(claim)).refused
        stage.task.answer(stage, state)
        self.settle()

    @precondition(lambda self: any(claim.depth == 0 for claim, _ in self.held))
    @rule(number=PICK, stages=st.integers(1, 3), mode=MODES)
    def wait(self, number: int, stages: int, mode: dict[str, Any]) -> None:
        roots = [pair for pair in self.held if pair[0].depth == 0]
        claim, stage = pair = roots[number % len(roots)]
        self.held.remove(pair)
        nested = self.store.wait(claim, stages, **mode)
        self.models[nested.uuid] = model = Model(stages, **mode, above=stage)
        stage.task.wait(stage, model)
        self.settle()

    @rule(number=PICK, verb=st.sampled_from(["pause", "pause", "resume", "cancel", "retry_failed"]))
    def give_verb(self, number: int, verb: str) -> None:
        self.give(verb, *self.pick(number))

    # What gets a tree out of where nothing more can happen has rules of its own.

    @precondition(lambda self: any(model.paused_by is not None for model in self.models.values()))
    @rule(number=PICK)
    def resume_what_is_paused(self, number: int) -> None:
        paused = [uuid for uuid, model in self.models.items() if model in {m.paused_by for m in self.models.values()}]
        uuid = paused[number % len(paused)]
        self.give("resume", Task.objects.get(uuid=uuid), self.models[uuid])

    @precondition(lambda self: any(model.ended and model.holds_failure() for model in self.models.values()))
    @rule(number=PICK)
    def retry_what_failed(self, number: int) -> None:
        failed = [uuid for uuid, model in self.models.items() if model.ended and model.holds_failure()]
        uuid = failed[number % len(failed)]
        self.give("retry_failed", Task.objects.get(uuid=uuid), self.models[uuid])

    def give(self, verb: str, task: Task, model: Model) -> None:
        before = fresh(task).finished_at
        refused = None
        try:
            getattr(model, verb.removesuffix("_failed"))()
        except Busy:
            refused = TaskBusy
        if refused is None:
            getattr(task, verb)()
        else:
            with pytest.raises(refused), transaction.atomic():
                getattr(task, verb)()
            assert fresh(task).finished_at == before
        self.settle()


@pytest.mark.parametrize("number", [SEED], ids=lambda number: f"SEED={number}")
def test_any_order_of_verbs_and_ends(db: None, number: int) -> None:
    play(Machine, number)
