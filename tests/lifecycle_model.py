"""What tasks and stages do, in plain Python and from the design alone: the states that the rows are held to."""

from __future__ import annotations

from collections.abc import Iterator

from django_tasks_poc.states import FAILED, FINAL, State

_BUSY = (State.RUNNING, State.WAITING)


class Busy(Exception):
    """A retry is refused."""


class Stage:
    def __init__(self, task: Model) -> None:
        self.task = task
        self.state = State.READY
        self.begun = False
        #: The nested task that it waited for last.
        self.nested: Model | None = None


class Model:
    """One task, in a tree."""

    def __init__(self, stages: int, *, parallel: bool, on_error: str, above: Stage | None = None) -> None:
        self.parallel, self.stop, self.above = parallel, on_error == "STOP", above
        self.stages = [Stage(self) for _ in range(stages)]
        self.state = State.READY
        self.ended = self.begun = False
        self.paused_by: Model | None = None

    # Who is where.

    @property
    def counts(self) -> bool:
        """Whether nothing on its way up was built anew since."""
        return self.above is None or (self.above.nested is self and self.above.task.counts)

    def subtree(self) -> Iterator[Model]:
        yield self
        for stage in self.stages:
            if stage.nested is not None:
                yield from stage.nested.subtree()

    def open(self) -> list[Model]:
        return [task for task in self.subtree() if task.state not in FINAL]

    def holds_failure(self) -> bool:
        return any(stage.state in FAILED for task in self.subtree() for stage in task.stages)

    def claimable(self) -> list[Stage]:
        if self.state in FINAL or self.state == State.PAUSED:
            return []
        left = [stage for stage in self.stages if stage.state not in FINAL]
        if not self.parallel:  # After a retry a later one may wait: still one at a time.
            left = [] if any(stage.state in _BUSY for stage in left) else left[:1]
        return [stage for stage in left if stage.state == State.READY]

    # What happens.

    def claim(self, stage: Stage) -> None:
        stage.state = State.RUNNING
        stage.begun = self.begun = True

    def answer(self, stage: Stage, state: State) -> None:
        """Record the end of a start: a final state, READY for a retry or PAUSED."""
        over = self.state in FINAL and state not in FINAL
        stage.state = State.CANCELED if over else state
        if stage.state == State.PAUSED:
            self.pause()

    def wait(self, stage: Stage, nested: Model) -> None:
        stage.state, stage.nested = State.WAITING, nested
        if self.state in (State.CANCELED, State.PAUSED):
            nested.state, nested.paused_by = self.state, self.paused_by

    def pause(self) -> None:
        for task in self.open():
            if task.state != State.PAUSED:
                task.state, task.paused_by = State.PAUSED, self

    def resume(self) -> None:
        higher = self.above.task.paused_by if self.above is not None else None
        for task in [task for task in self.open() if task.paused_by is self]:
            task.paused_by = higher
            if higher is None:
                task.state = State.READY
                for stage in task.stages:
                    stage.state = State.READY if stage.state == State.PAUSED else stage.state

    def cancel(self) -> None:
        for task in self.open():
            task.state, task.paused_by = State.CANCELED, None

    def retry(self) -> None:
        if not (self.ended and self.counts and self.holds_failure()):
            return
        way: list[Stage] = []
        while (above := (way[-1].task if way else self).above) is not None:
            way.append(above)
            later = above.task.stages[above.task.stages.index(above) + 1 :]
            busy = not above.task.parallel and any(stage.state in _BUSY for stage in later)
            if busy or (above.task.state in FINAL and not above.task.ended):
                raise Busy
        self._run_failures_again()
        for stage in way:
            stage.task._reopen([stage], failures=False)
        for holder in [stage.task for stage in way if stage.task.state == State.PAUSED][:1]:
            for task in self.open():
                task.state, task.paused_by = State.PAUSED, holder.paused_by

    def _run_failures_again(self) -> None:
        waits = [stage for stage in self.stages if stage.nested is not None and stage.nested.holds_failure()]
        waits = waits if self.parallel else waits[:1]
        self._reopen(waits, failures=True)
        for stage in waits:
            assert stage.nested is not None
            stage.nested._run_failures_again()

    def _reopen(self, waits: list[Stage], *, failures: bool) -> None:
        after = self.stages[self.stages.index(waits[0]) + 1 :] if waits and not self.parallel else []
        for stage in self.stages:
            if stage in waits:
                stage.state = State.WAITING
            elif stage.state in FINAL and (stage in after or (failures and stage.state in FAILED)):
                stage.state, stage.begun = State.READY, False
        self.ended = False
        self.state = State.READY if self.state in FINAL else self.state

    def settle(self) -> None:
        """Draw all consequences, from below."""
        for stage in self.stages:
            if stage.state == State.WAITING and (nested := stage.nested) is not None:
                nested.settle()
                if nested.ended:
                    stops = nested.stop and nested.state == State.ERROR
                    stage.state = State.ERROR if stops else State.SUCCESS
                    stage.state = State.CANCELED if nested.state == State.CANCELED else stage.state
        errors = any(stage.state in FAILED for stage in self.stages)
        for stage in self.stages:
            over = self.state in FINAL or (self.stop and errors and not stage.begun)
            if over and stage.state in (State.READY, State.PAUSED):
                stage.state = State.CANCELED
        states = {stage.state for stage in self.stages}
        if self.state == State.PAUSED:
            return
        if states <= FINAL and not self.ended:
            canceled = self.stop and State.ERROR not in states
            verdict = (State.CANCELED if canceled else State.ERROR) if states & FAILED else State.SUCCESS
            self.state, self.ended = self.state if self.state in FINAL else verdict, True
        elif self.state not in FINAL:
            going = [state for state in _BUSY if state in states] or [State.RUNNING if self.begun else State.READY]
            self.state = going[0]
