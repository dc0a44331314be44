"""Every two things that may happen to one tree at once: each pair ends, and the tree comes to its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from django_tasks_poc import TaskBusy
from django_tasks_poc.models import Task
from django_tasks_poc.storage.values import Claim

from .. import support_storage as act
from ..support_storage import Store, fresh, success
from ..support_threads import Actor, interleave
from .consistency import assert_consistent

pytestmark = [pytest.mark.service, pytest.mark.slow]


class Scene:
    """A root whose first stage waits for a nested task, whose second has built one, and whose last is ready.

    Of the nested task two stages run and one is ready. Another nested task failed and was joined. A second manager is
    dead, and one stage of its own is left.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.root = store.root(5, parallel=True, on_error="STOP", with_finally=True, unique_key="scene")
        self.parent, self.builder, joined = store.claim(3)
        (self.lost,) = store.claim(1, manager=(dead := store.enlist()))
        self.failed = store.wait(joined, 1)
        store.record(act.error(self.claim_of(self.failed, 1)[0]))
        self.nested = store.wait(self.parent, 3)
        self.promised = store.promise(self.builder, 2)
        self.one, self.two = self.claim_of(self.nested, 2)
        store.stage_command.declare_dead([dead])
        self.claims = [self.builder, self.lost, self.one, self.two]

    def claim_of(self, nested: Task, limit: int) -> list[Claim]:
        """Claim stages of a nested task, whosever turn it is."""
        Task.objects.filter(uuid=self.root.uuid).update(claimable=False)
        claims = self.store.claim_of(nested, limit)
        Task.objects.filter(uuid=self.root.uuid).update(claimable=True)
        return claims

    def claim(self) -> list[Claim]:
        found = self.store.claim(100)
        self.claims += found
        return found

    def rescue(self) -> Any:
        return self.store.stage_command.rescue(100)

    def record_last_children(self) -> Any:
        return self.store.record(success(self.one), success(self.two))

    def record_failed_child(self) -> Any:
        return self.store.record(act.error(self.two))

    def record_error(self) -> Any:
        return self.store.record(act.error(self.builder))

    def record_wait(self) -> Any:
        return self.store.record(act.waits(self.builder, self.promised))

    def record_pause(self) -> Any:
        return self.store.record(act.pauses(self.two))

    def record_cancel(self) -> Any:
        return self.store.record(act.cancels(self.two))

    def record_retry(self) -> Any:
        return self.store.record(act.retry(self.one), act.later(self.builder, 5))

    def pause_root(self) -> Any:
        return self.root.pause()

    def pause_nested(self) -> Any:
        return self.nested.pause()

    def resume_root(self) -> Any:
        return self.root.resume()

    def cancel_root(self) -> Any:
        return self.root.cancel()

    def cancel_nested(self) -> Any:
        return self.nested.cancel()

    def retry_failed(self) -> Any:
        with suppress(TaskBusy):  # its root is being canceled
            return self.failed.retry_failed()

    def discard(self) -> Any:
        return self.store.task_command.discard_promised(100)

    def finish(self) -> None:
        """Let everything go on to its end."""
        self.nested.resume()
        self.root.resume()
        act.let_pass(10)
        self.store.settle()
        self.rescue()
        self.store.discard()
        # Their tokens may be over; then nobody hears of it.
        self.store.record(*[success(claim) for claim in self.claims])
        self.store.drain()
        self.store.settle()
        self.store.discard()


EVENTS: list[Callable[[Scene], Any]] = [
    Scene.claim, Scene.rescue, Scene.record_last_children, Scene.record_failed_child,
    Scene.record_error, Scene.record_wait, Scene.record_pause, Scene.record_cancel, Scene.record_retry,
    Scene.pause_root, Scene.pause_nested, Scene.resume_root, Scene.cancel_root, Scene.cancel_nested,
    Scene.retry_failed, Scene.discard,
]  # fmt: skip


@pytest.mark.parametrize("first", EVENTS, ids=lambda event: event.__name__)
def test_an_event_meets_each_other(live: Store, one: Actor, other: Actor, first: Callable[[Scene], Any]) -> None:
    """Given the scene, when another happens before the first is committed, then both do, and all tasks end."""
    for second in EVENTS:
        try:
            meet(Scene(live), one, other, first, second)
        except BaseException as error:
            error.add_note(f"when {second.__name__} met {first.__name__}")
            raise


def meet(scene: Scene, one: Actor, other: Actor, first: Callable[[Scene], Any], second: Callable[[Scene], Any]) -> None:
    if first in (Scene.pause_root, Scene.resume_root):
        scene.nested.pause()
    if Scene.resume_root in (first, second):
        scene.root.pause()
    interleave(one, lambda: first(scene), other, lambda: second(scene))
    assert_consistent()
    scene.finish()
    assert_consistent()
    assert all(task.finished_at and not task.active for task in Task.objects.all())
    assert fresh(scene.root).unique_open is None
    assert scene.store.task_query.is_drained()
