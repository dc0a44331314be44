"""Running tasks to their end in the process, and the transaction, of a test."""

from __future__ import annotations

import os
import time
from collections import Counter
from uuid import UUID

from ..lifecycle import Cause, Ending, decide, host, tell_end, tell_start, tell_tasks
from ..messages import Report, Request
from ..models import Task, TaskStage
from ..node import nodes
from ..runtime import run
from ..states import State
from ..storage.orm import clock
from ..storage.values import Claim
from ..words import short
from .errors import NotEnded
from .links import Here
from .managing import managing
from .transactions import as_outside_a_test

#: In these a task stands still.
_STILL = (State.PAUSED, State.PROMISED)


def run_task(task: Task, *, max_starts: int = 1000) -> Task:
    """Run the task and all below it to the end, its finally too, and return the task as it is then.

    Only stages of its tree are run. Nothing is waited for: a delay, the pause before a retry and ``run_after`` are over
    at once, in the order in which they would be. Raises NotEnded where the task pauses, stands still, or takes more
    than ``max_starts`` starts.
    """
    if not isinstance(task, Task):
        raise TypeError(f"run_task takes the task that build returned, not {short(task)}.")
    runner = _Runner(task.node, task.root_id)
    runner.run(max_starts)
    task.refresh_from_db()
    tree = Task.objects.using(runner.alias).filter(root=task.root_id, active=True).exclude(state=State.PROMISED)
    if task.finished_at is None or tree.exists():
        raise NotEnded(task, _why(task, runner.alias))
    return task


def run_pending(node: str = "default", *, max_starts: int = 1000) -> int:
    """Run all that the node has to run, without waiting for what is due later, and return how many starts it took.

    What is paused stays. Raises NotEnded where it takes more than ``max_starts`` starts.
    """
    return _Runner(node, None).run(max_starts)


class _Runner:
    """Does a manager's work in this thread, one stage after another."""

    def __init__(self, node: str, root: UUID | None) -> None:
        self.node = nodes[node]
        self.alias = self.node.database
        self._root = root
        self._starts: Counter[UUID] = Counter()

    def run(self, max_starts: int) -> int:
        with managing(self.node.label) as self._processing:
            while True:
                self._settle()
                pairs, unreadable = self._processing.claim(1, self._root)
                self._record(unreadable)
                for claim, request in pairs:
                    if self._starts.total() >= max_starts:
                        self._record([Ending(claim, cause=Cause.RETURNED)])
                        raise self._endless(max_starts)
                    self._starts[claim.stage] += 1
                    self._run_one(claim, request)
                if not pairs and not unreadable and not self._bring_forward():
                    return self._starts.total()

    def _settle(self) -> None:
        unsettled = True
        while unsettled:
            settled = self._processing.settle()
            tell_tasks(settled.ended)
            unsettled = settled.unsettled
        while self._processing.discard_promised():
            pass

    def _run_one(self, claim: Claim, request: Request) -> None:
        """Run one claimed stage and record its end."""
        tell_start(self.node.label, claim, os.getpid())
        started, report, code = time.monotonic(), None, 0
        with as_outside_a_test():
            try:
                report = run(request, Here(self._processing, request))
            except SystemExit as exit:
                # In production that is the end of the stage's process, and no answer.
                code = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
        ending = Ending(
            claim, report, host=host(), pid=os.getpid(), duration=time.monotonic() - started,
            code=None if report is not None else code,
        )  # fmt: skip
        if report is not None and report.recorded:
            self._tell_recorded(ending, report)
        else:
            self._record([ending])

    def _record(self, endings: list[Ending]) -> None:
        recorded, moves = self._processing.record(endings)
        for ending, move in zip(endings, moves, strict=True):
            if ending.claim.token not in recorded.refused and ending.cause is not Cause.RETURNED:
                tell_end(self.node.label, ending, move)
        tell_tasks(recorded.ended)

    def _tell_recorded(self, ending: Ending, report: Report) -> None:
        """Tell of what an atomic stage has recorded itself."""
        tell_end(self.node.label, ending, decide(ending))
        tell_tasks(self._processing.tasks(report.ended))

    def _bring_forward(self) -> bool:
        """Have what is due next be due now; say whether there is anything."""
        tasks = Task.objects.using(self.alias).filter(node=self.node.label, due__isnull=False).exclude(state__in=_STILL)
        if self._root is not None:
            tasks = tasks.filter(root=self._root)
        next_one = tasks.order_by("due").only("uuid", "due").first()
        if next_one is None:
            return False
        now = clock.now(self.alias)
        stages = TaskStage.objects.using(self.alias).filter(task=next_one, state=State.READY, due__lte=next_one.due)
        stages.update(due=now)
        tasks.filter(uuid=next_one.uuid).update(due=now)
        return True

    def _endless(self, max_starts: int) -> NotEnded:
        (uuid, most), *_ = self._starts.most_common(1)
        stage = self.node.stage_query.get(uuid)
        task = self.node.task_query.get(stage.task.root_id)
        return NotEnded(
            task,
            f"not over after {max_starts:,} starts, of which stage “{stage}” of “{stage.task}” took {most:,}. If it is "
            "not to go on for ever, give a larger max_starts",
        )


def _why(task: Task, alias: str) -> str:
    """Say why the task does not go on."""
    rows = TaskStage.objects.using(alias).filter(task__root=task.root_id)
    paused = Task.objects.using(alias).filter(root=task.root_id, state=State.PAUSED).order_by("depth").first()
    if paused is not None:
        told = f": {paused.message}" if paused.message else ""
        return (
            f"paused{told}. Resume it (task.resume()) and run it again; run_pending() returns where something is paused"
        )
    if (stage := rows.filter(state=State.RUNNING).first()) is not None:
        return f"held up by stage “{stage}”, which is RUNNING: somebody has claimed it"
    return f"{task.state}, and nothing of it can start"
