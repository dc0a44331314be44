"""What cannot be built is refused by name, in the caller's own process, and leaves no row behind."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from django_tasks_poc import EntityWrapper, TaskBuilder, TaskExists, TaskHandlerBase
from django_tasks_poc.exceptions import InvalidDraft, InvalidHandler, NodeNotConfigured, TokenLost
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.storage.values import Claim

from ..building import build
from ..handlers import Goodbye, Noop
from ..support_storage import Store
from . import broken
from .broken import Abstract, Taking
from .building import refused

pytestmark = pytest.mark.usefixtures("nothing_is_written")

HERE = "tests.bad_input"


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (broken.function, "<function function at 0x…> is no handler."),
        (broken.Foreign, "<class 'tests.bad_input.broken.Foreign'> is no handler."),
        (Taking(), "<tests.bad_input.broken.Taking object at 0x…> is no handler."),
        (None, "None is no handler."),
        (3, "3 is no handler."),
        ("", "'' is no handler."),
        ("  ", "'  ' is no handler."),
        (b"tests.handlers.Noop", "b'tests.handlers.Noop' is no handler."),
    ],
)
def test_what_is_no_handler_is_refused(handler: Any, words: str) -> None:
    said = refused(InvalidHandler, lambda: EntityWrapper(handler))
    head, address, rest = said.partition(" at 0x")
    said = f"{head} at 0x…{rest[rest.index('>') :]}" if address else said
    assert said == f"{words} Give a subclass of TaskHandlerBase or EntityFinally, or its dotted path."


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("shop", "'shop' is no dotted path of a class, like shop.jobs.Report."),
        ("..jobs.Report", "'..jobs.Report' is no dotted path of a class, like shop.jobs.Report."),
        ("shop.jobs.Report ", "'shop.jobs.Report ' is no dotted path of a class, like shop.jobs.Report."),
        ("shop.jo\0bs.Report", "'shop.jo\\x00bs.Report' is no dotted path of a class, like shop.jobs.Report."),
        ("__import__('os').x", "\"__import__('os').x\" is no dotted path of a class, like shop.jobs.Report."),
        (f"{HERE}.broken", f"{HERE}.broken is not a subclass of EntityHandler."),
        (f"{HERE}.broken.function", f"{HERE}.broken.function is not a subclass of EntityHandler."),
        (f"{HERE}.broken.NUMBER", f"{HERE}.broken.NUMBER is not a subclass of EntityHandler."),
        (f"{HERE}.broken.Foreign", f"{HERE}.broken.Foreign is not a subclass of EntityHandler."),
        (f"{HERE}.broken.Taking.handle", f"{HERE}.broken.Taking.handle is not a subclass of EntityHandler."),
        ("os.system", "os.system is not a subclass of EntityHandler."),
        ("builtins.eval", "builtins.eval is not a subclass of EntityHandler."),
        ("shop.jobs.Report", "shop.jobs.Report cannot be imported: there is no module shop."),
        (f"{HERE}.gone.Report", f"{HERE}.gone.Report cannot be imported: module {HERE} has no gone.Report."),
        (f"{HERE}.broken.Gone", f"{HERE}.broken.Gone cannot be imported: module {HERE}.broken has no Gone."),
        (
            f"{HERE}.raises_on_import.Report",
            f"{HERE}.raises_on_import.Report cannot be imported: RuntimeError: no licence found",
        ),
        (f"{HERE}.leaves_on_import.Report", f"{HERE}.leaves_on_import.Report cannot be imported: SystemExit: 3"),
        ("tests.handlers.Goodbye", "tests.handlers.Goodbye is not a subclass of EntityHandler."),
        (f"{HERE}.broken.Abstract", f"{HERE}.broken.Abstract is abstract; it must have the method handle."),
    ],
)
def test_a_path_that_names_no_handler_is_refused(path: str, words: str) -> None:
    assert refused(InvalidHandler, lambda: build("bad", EntityWrapper(Noop), EntityWrapper(path))) == words


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (Abstract, f"{HERE}.broken.Abstract is abstract; it must have the method handle."),
        (TaskHandlerBase, "django_tasks_poc.handlers.TaskHandlerBase is abstract; it must have the method handle."),
        (
            broken.nested(),
            f"{HERE}.broken.nested.<locals>.Local cannot be imported by another process. "
            "Move it to the top level of a module.",
        ),
        (broken.Hasty, f"{HERE}.broken.Hasty.timeout is 0; it must be seconds from 1 to ten years."),
        (broken.Stubborn, f"{HERE}.broken.Stubborn.retry is 3; it must be a RetryPolicy."),
        (broken.Undecided, f"{HERE}.broken.Undecided.atomic is 'perhaps'; it must be True or False."),
        (broken.ByPosition, "ByPosition.__init__ takes 'rows' by position; params are given by name."),
    ],
)
def test_a_class_that_cannot_run_is_refused(handler: type, words: str) -> None:
    assert refused(InvalidHandler, lambda: EntityWrapper(handler)) == words


def test_a_finally_is_no_stage_and_a_stage_no_finally() -> None:
    assert refused(InvalidHandler, lambda: build("bad", EntityWrapper(Goodbye))) == (
        "tests.handlers.Goodbye must derive from EntityHandler to stand here."
    )
    assert refused(InvalidHandler, lambda: build("bad", EntityWrapper(Noop), finally_=EntityWrapper(Noop))) == (
        "tests.handlers.Noop must derive from EntityFinally to stand here."
    )


@pytest.mark.parametrize(
    ("stage", "shown"),
    [(Noop, "<class 'tests.handlers.Noop'>"), (None, "None"), ("x" * 500, f"'{'x' * 99}…")],
)
def test_a_stage_that_is_no_wrapper_is_refused(stage: Any, shown: str) -> None:
    words = f"A stage must be an EntityWrapper, not {shown}."
    draft = TaskBuilder().create("bad", EntityWrapper(Noop))
    assert refused(InvalidDraft, lambda: TaskBuilder().create("bad", stage)) == words
    assert refused(InvalidDraft, lambda: draft.add_stage(stage)) == words
    assert refused(InvalidDraft, lambda: TaskBuilder().build(draft.extend([stage]))) == words


@pytest.mark.parametrize("stages", [3, None, "abc", {"a": 1}, Noop])
def test_extend_takes_an_iterable_of_wrappers(stages: Any) -> None:
    said = refused(InvalidDraft, lambda: TaskBuilder().create("bad").extend(stages))
    assert said == f"extend takes an iterable of EntityWrappers, not {stages!r}."


def test_a_root_without_stages_is_refused() -> None:
    words = "Task 'bad' has no stages. A root task needs at least one."
    assert refused(InvalidDraft, lambda: build("bad")) == words
    assert refused(InvalidDraft, lambda: TaskBuilder().build(TaskBuilder().create("bad").extend(iter(())))) == words


def test_a_draft_is_built_once() -> None:
    builder = TaskBuilder()
    draft = builder.create("good", EntityWrapper(Noop))
    builder.build(draft)
    said = refused(InvalidDraft, lambda: builder.build(draft))
    assert said == "The draft 'good' is built already; make a new one with create."
    assert refused(InvalidDraft, lambda: builder.build("bad")) == "build takes a draft made by create, not 'bad'."
    assert TaskStage.objects.count() == 1


def test_a_generator_that_raises_leaves_nothing_and_its_draft_is_not_built_from_what_is_left() -> None:
    """Given a draft whose generator failed in the middle, then a second build would store its second half only."""
    rows = iter([*range(1500), None, *range(10)])
    draft = TaskBuilder().create("bad").extend(EntityWrapper(Taking, {"number": row + 0}) for row in rows)
    with transaction.atomic():
        other = build("good", EntityWrapper(Noop))
        said = refused(TypeError, lambda: TaskBuilder().build(draft))
        assert said.startswith("unsupported operand")
        assert set(Task.objects.values_list("uuid", flat=True)) == {other.uuid}
    assert refused(InvalidDraft, lambda: TaskBuilder().build(draft)) == (
        "A build that failed has read the stages of the draft 'bad' from an iterator; make a new one with create."
    )


def test_a_second_task_of_one_content_names_the_first_and_the_transaction_goes_on() -> None:
    with transaction.atomic():
        first = build("good", EntityWrapper(Noop))
        before = build("good", EntityWrapper(Noop), unique_key="other")
        with pytest.raises(TaskExists) as caught:
            build("good", EntityWrapper(Noop))
        after = build("good", EntityWrapper(Taking))
    assert caught.value.uuid == first.uuid
    assert str(caught.value) == (
        f"Task {first.uuid} with the same unique key is still open. Wait for it, cancel it, or use unique=False."
    )
    assert set(Task.objects.values_list("uuid", flat=True)) == {first.uuid, before.uuid, after.uuid}


@pytest.mark.parametrize("node", ["nowhere", "", None, 3, ["default"]], ids=repr)
def test_a_builder_of_an_unknown_node_is_refused(node: Any) -> None:
    words = f"Node {node!r} is not in DJANGO_TASKS_POC['NODES']. Configured: default, even, odd."
    assert refused(NodeNotConfigured, lambda: TaskBuilder(node)) == words


class Context:
    """What of a context a build reads."""

    def __init__(self, claim: Claim, node: Any) -> None:
        self.task, self.stage, self.token, self.node, self.built = claim.task, claim.stage, claim.token, node, []


def test_a_nested_task_needs_the_context_of_a_stage_that_runs_and_lives_on_its_node(settings: Any) -> None:
    settings.DJANGO_TASKS_POC = {"NODES": {"default": {}, "mail": {}}}
    builder, other = TaskBuilder(), TaskBuilder("mail")

    def nested() -> Any:
        return builder.create("bad", EntityWrapper(Noop))

    said = refused(InvalidDraft, lambda: builder.build(nested(), uuid4()))
    assert said.startswith("build takes the context that handle got, not UUID(")
    store = Store()
    store.root(1)
    (claim,) = store.claim()
    context: Any = Context(claim, builder.node)
    assert refused(InvalidDraft, lambda: other.build(nested(), context)) == (
        "A nested task lives on its parent's node 'default', not on 'mail'."
    )
    assert refused(InvalidDraft, lambda: builder.build(nested().using(unique_key="k"), context)) == (
        "unique_key is for root tasks; a nested task has none."
    )
    context.token = uuid4()
    assert refused(TokenLost, lambda: builder.build(nested(), context)) == (
        f"Stage {claim.stage} is no longer run by this process; it cannot build a nested task."
    )
    assert context.built == []
