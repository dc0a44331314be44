"""Waits that make no sense: the stage that asks for one fails and says why; nothing of what it built is left."""

from __future__ import annotations

from uuid import UUID

import pytest

from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.models import Task, TaskStage

from ..storage.consistency import assert_consistent
from ..support import run_manager
from .waits import Ascends, AtomicWaitsFor, Builds, Descends, Forgets, WaitsAgain, WaitsFor, WaitsLate

pytestmark = pytest.mark.django_db

NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"
HINT = "self.wait(context.builder.build(draft, context))."
TAKES = "wait takes the task that builder.build returned, not"
ANSWERS = ("success", "error", "skip", "pause", "cancel", "delay")


def waits(what: str, handler: type = WaitsFor, uuid: str | None = None) -> EntityWrapper:
    return EntityWrapper(handler, {"what": what, "uuid": uuid})


def not_built(name: str) -> str:
    return f"InvalidHandler: {name}.handle waits for task UUID, which was not built with this attempt's context: {HINT}"


#: The stages of a task each, and what the last one says; UUID stands for any.
WRONG: dict[str, tuple[list[EntityWrapper], str]] = {
    "a root": ([waits("a root")], not_built("WaitsFor")),
    "another stage's": ([EntityWrapper(Builds), waits("another stage's")], not_built("WaitsFor")),
    "nobody's": ([waits("nobody's", uuid=NOBODY)], not_built("WaitsFor")),
    "its own": ([waits("its own")], not_built("WaitsFor")),
    "atomic": ([waits("nobody's", AtomicWaitsFor, NOBODY)], not_built("AtomicWaitsFor")),
    "another attempt's": ([EntityWrapper(WaitsAgain)], not_built("WaitsAgain")),
    "a draft": ([waits("a draft")], f"InvalidResponse: {TAKES} <django_tasks_poc.draft.TaskDraft object at ADDRESS>."),
    "a uuid": ([waits("a uuid")], f"InvalidResponse: {TAKES} UUID('UUID')."),
    "one of two": (
        [waits("one of two")],
        "InvalidHandler: WaitsFor.handle built 2 nested tasks; a stage waits for one.",
    ),
    "another node's": (
        [waits("another node's")],
        "InvalidDraft: A nested task lives on its parent's node 'default', not on 'even'.",
    ),
    "too late": (
        [EntityWrapper(WaitsLate)],
        "InvalidHandler: WaitsLate.handle_error waits for a task, which only handle may; answer it there."
        "\nOSError: row 13 is bad",
    ),
    "raise": ([EntityWrapper(Forgets, {"answer": "raise"})], "OSError: it came to nothing"),
    "None": (
        [EntityWrapper(Forgets, {"answer": "None"})],
        "InvalidHandler: Forgets.handle returned None; return self.success(...), or another helper of TaskHandlerBase.",
    ),
    **{
        answer: (
            [EntityWrapper(Forgets, {"answer": answer})],
            "InvalidHandler: Forgets.handle built nested task UUID and did not return self.wait(task).",
        )
        for answer in ANSWERS
    },
}


@pytest.fixture(scope="module")
def ended(shared_database: None) -> dict[str, Task]:
    """All these tasks and a good one, run by one manager."""
    builder = TaskBuilder()
    tasks = {name: builder.build(builder.create(name, *stages)) for name, (stages, _) in WRONG.items()}
    tasks["good"] = builder.build(builder.create("good", EntityWrapper(Builds)))
    run = run_manager("--queue-size", "4")
    assert (run.returncode, "Traceback" in run.stderr) == (1, False), run.stderr
    for task in tasks.values():
        task.refresh_from_db()
    return tasks


def plain(text: str) -> str:
    """Return the text without what is different each time."""
    words = []
    for word in text.split(" "):
        bare = word.strip("'(),.;:").removeprefix("UUID('")
        try:
            words.append(word.replace(bare, str(UUID(bare)) and "UUID"))
        except ValueError:
            words.append("ADDRESS>." if word.startswith("0x") else word)
    return " ".join(words)


@pytest.mark.parametrize("name", WRONG)
def test_the_stage_fails_and_says_why(ended: dict[str, Task], name: str) -> None:
    task = ended[name]
    stage = TaskStage.objects.filter(task=task).latest("order")
    words = WRONG[name][1]
    assert plain(stage.message) == words
    assert (task.state, task.message, stage.state) == (State.ERROR, stage.message, State.ERROR)
    assert stage.start == (2 if name == "another attempt's" else 1)


def test_what_was_built_and_not_waited_for_is_gone_and_all_else_is_there(ended: dict[str, Task]) -> None:
    nested = Task.objects.filter(title="nested")
    waited = {task.parent_stage.task_id: task.state for task in nested.select_related("parent_stage")}
    assert waited == {ended[name].uuid: State.SUCCESS for name in ("another stage's", "good")}
    assert ended["good"].state == State.SUCCESS
    # A root is nobody's nested task: it ran, whoever built it.
    assert Task.objects.get(title="a root of its own").state == State.SUCCESS
    assert_consistent()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("levels", [30, pytest.param(200, marks=pytest.mark.slow)])
def test_many_levels_of_nesting_run_to_the_end(levels: int) -> None:
    """Given a depth at which what costs a level, or a frame of the stack, too much is seen, then nothing is."""
    builder = TaskBuilder()
    task = builder.build(builder.create("deep", EntityWrapper(Descends, {"levels": levels}), EntityWrapper(Ascends)))
    run = run_manager()
    assert run.returncode == 0, run.stderr
    task.refresh_from_db()
    assert (task.state, task.message, task.response_value) == (State.SUCCESS, f"{levels} levels", "found")
    rows = Task.objects.filter(root=task).order_by("depth").values_list("depth", "state", "success_count")
    assert list(rows) == [(0, "SUCCESS", 2), *[(depth, "SUCCESS", 1) for depth in range(1, levels + 1)]]
    assert set(TaskStage.objects.filter(task__root=task).values_list("start", "attempt")) == {(1, 1)}
    assert_consistent()
