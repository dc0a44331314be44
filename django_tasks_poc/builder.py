"""Building tasks: from a draft to rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.db import transaction

from . import signals
from .draft import TaskDraft, creator, make_options
from .entities import EntityFinally, EntityHandler, EntityWrapper, OnError
from .exceptions import InvalidDraft, InvalidHandler
from .node import EntityNode, nodes
from .options import FinallySpec, HandlerSpec, StoredRetry, TaskOptions
from .serialization import class_path, to_json
from .storage.values import NewTask, Parent
from .words import short

if TYPE_CHECKING:
    from .context import TaskStageContext
    from .models import Task


class TaskBuilder:
    """Makes drafts and builds them on one node."""

    def __init__(self, node: str | EntityNode = "default") -> None:
        self.node = node if isinstance(node, EntityNode) else nodes[node]

    def create(self, title: str, *stages: EntityWrapper, **options: Any) -> TaskDraft:
        """Return a draft. Options: timeout, finally_, retry, on_error, max_failures, parallel, max_parallel, shared,
        unique, unique_key, priority, delay, run_after, created_by, queue.
        """
        return TaskDraft(title, stages, make_options(options))

    def build(self, draft: TaskDraft, context: TaskStageContext | None = None) -> Task:
        """Store the draft's task; with a stage's context as a nested task, which the stage then waits for.

        Raises TaskExists when an open root with the same unique key exists; InvalidDraft, InvalidHandler and
        InvalidParams name what cannot be built.
        """
        if not isinstance(draft, TaskDraft):
            raise InvalidDraft(f"build takes a draft made by create, not {short(draft)}.")
        if draft.is_built:
            raise InvalidDraft(f"The draft {draft.title!r} is built already; make a new one with create.")
        if context is not None and not isinstance(getattr(context, "node", None), EntityNode):
            raise InvalidDraft(f"build takes the context that handle got, not {short(context)}.")
        if context is not None and context.node.label != self.node.label:
            raise InvalidDraft(
                f"A nested task lives on its parent's node {context.node.label!r}, not on {self.node.label!r}."
            )
        recipe = _Recipe(draft)
        new = _new_task(draft, recipe, is_nested=context is not None)
        if context is None:
            task = self.node.task_command.create(new, recipe.stages())
            self._announce(task)
        else:
            task = self._promise(new, recipe.stages(), context)
            context.built.append(task.uuid)
        draft.is_built = True
        return task

    async def abuild(self, draft: TaskDraft, context: TaskStageContext | None = None) -> Task:
        """Do the same from async code."""
        return await sync_to_async(self.build)(draft, context)

    def _promise(self, new: NewTask, stages: Iterator[tuple[str, str]], context: TaskStageContext) -> Task:
        return self.node.task_command.promise(new, stages, Parent(context.task, context.stage, context.token))

    def _announce(self, task: Task) -> None:
        def send() -> None:
            signals.task_built.send_robust(None, task=task.uuid, node=task.node, title=task.title)

        transaction.on_commit(send, using=self.node.database)


class _Recipe:
    """The draft's stages as (handler path, params) pairs, and the options that come to light on the way."""

    def __init__(self, draft: TaskDraft) -> None:
        self._draft = draft
        self._specs: dict[str, HandlerSpec] = {}
        self._known: dict[type | str, str] = {}
        self._finally = self._finally_spec(draft.options.finally_)

    def stages(self) -> Iterator[tuple[str, str]]:
        for wrapper in self._draft.stages():
            path = self._known.get(wrapper.handler) or self._learn(wrapper, EntityHandler)
            yield path, wrapper.params_json()

    def options(self) -> str:
        """Return the options as JSON text; complete once all stages were read."""
        options, retry = self._draft.options, self._draft.options.retry
        stored = TaskOptions(
            timeout=options.timeout,
            retry=StoredRetry.of(retry) if retry is not None else None,
            finally_=self._finally,
            handlers=self._specs,
            has_shared=options.shared is not None,
        )
        return stored.dumps()

    def _learn(self, wrapper: EntityWrapper, base: type) -> str:
        handler = wrapper.resolve(base)
        path = class_path(handler)
        if len(path) > 255:
            raise InvalidHandler(f"The path of a handler may have 255 characters; this one has {len(path)}: {path}")
        self._known[wrapper.handler] = path
        self._specs[path] = HandlerSpec.of(handler)
        return path

    def _finally_spec(self, wrapper: EntityWrapper | None) -> FinallySpec | None:
        if wrapper is None:
            return None
        return FinallySpec(self._learn(wrapper, EntityFinally), wrapper.params_json())


def _new_task(draft: TaskDraft, recipe: _Recipe, *, is_nested: bool) -> NewTask:
    options = draft.options
    parallel = is_nested if options.parallel is None else options.parallel
    if options.max_parallel is not None and not parallel:
        raise InvalidDraft("max_parallel needs parallel=True; a sequential task runs one stage at a time.")
    if is_nested and options.unique_key is not None:
        raise InvalidDraft("unique_key is for root tasks; a nested task has none.")
    continues = parallel if options.max_failures is None else True
    on_error = options.on_error or (OnError.CONTINUE if continues else OnError.STOP)
    if options.max_failures is not None and on_error == OnError.STOP:
        raise InvalidDraft("max_failures needs on_error=OnError.CONTINUE; a task that stops has no use for it.")
    shared = "" if options.shared is None else to_json(options.shared, "The shared context", InvalidDraft)
    return NewTask(
        title=draft.title, options=recipe.options, shared=shared, queue=options.queue, parallel=parallel,
        max_parallel=options.max_parallel, on_error=str(on_error), max_failures=options.max_failures,
        priority=options.priority, delay=options.delay, run_after=options.run_after,
        unique_key=(options.unique_key or "") if options.unique and not is_nested else None,
        created_by="" if options.created_by is None else creator(options.created_by),
    )  # fmt: skip
