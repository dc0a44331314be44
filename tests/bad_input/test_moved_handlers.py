"""Code that changed after the task was built: the stage alone fails, and says what to do; its siblings run."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_tasks_poc import EntityWrapper, RetryPolicy, State, TaskBuilder
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.serialization import import_class

from ..handlers import Noop
from ..support import run_manager

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]

HEAD = "from django_tasks_poc import EntityFinally, TaskHandlerBase\n"
STAGE = """
class {name}(TaskHandlerBase):
    def __init__(self, {params}): ...
    def handle(self, context):
        return self.success("ran")
"""
RAISES = """
class Oops(Exception): ...
class Raises(TaskHandlerBase):
    def handle(self, context):
        raise Oops("as ever")
"""
BYE = """
class Bye(EntityFinally):
    def handle(self, uuid, outcome): ...
"""


def stages(*names: str, params: str = "path: str = ''") -> str:
    return "".join(STAGE.format(name=name, params=params) for name in names)


#: Modules as they were when the task was built.
BEFORE = {
    "shop_jobs": HEAD + stages("Stays", "Gone", "Old", "Function", "Abstract", "Signed", "Typed", "Named") + BYE,
    "shop_moved": HEAD + stages("Job"),
    "shop_raises": HEAD + stages("Job"),
    "shop_leaves": HEAD + stages("Job"),
    "shop_broken": HEAD + stages("Job"),
    "shop_lacks": HEAD + stages("Job"),
    "shop_errors": HEAD + RAISES,
}
#: And as they are when it runs; what is not here was removed.
AFTER = {
    "shop_jobs": HEAD
    + stages("Stays", "New")
    + stages("Signed", params="path: str, day: int")
    + stages("Typed", params="path: int")
    + stages("Named", params="file: str = ''")
    + "def Function(path): ...\nclass Abstract(TaskHandlerBase): ...\n",
    "shop_raises": "raise RuntimeError('no licence found')\n",
    "shop_leaves": "raise SystemExit(3)\n",
    "shop_broken": "def (\n",
    "shop_lacks": "import shop_dependency\n",
    "shop_errors": HEAD + RAISES.replace("Oops", "Worse"),
}
CHANGED = "It was right when the task was built: put it back and retry what failed, or build the task anew."
HANDLER, PARAMS = "InvalidHandler: ", "InvalidParams: Params of "

#: What each stage says, by the handler that it was built with.
SAID = {
    "shop_jobs.Stays": "ran",
    "shop_jobs.Gone": f"{HANDLER}shop_jobs.Gone cannot be imported: module shop_jobs has no Gone. {CHANGED}",
    "shop_jobs.Old": f"{HANDLER}shop_jobs.Old cannot be imported: module shop_jobs has no Old. {CHANGED}",
    "shop_jobs.Function": f"{HANDLER}shop_jobs.Function is not a subclass of EntityHandler. {CHANGED}",
    "shop_jobs.Abstract": f"{HANDLER}shop_jobs.Abstract is abstract; it must have the method handle. {CHANGED}",
    "shop_jobs.Signed": f"{PARAMS}Signed: Object missing required field `day`. It takes path, day. {CHANGED}",
    "shop_jobs.Typed": f"{PARAMS}Typed: Expected `int`, got `str` - at `$.path`. It takes path. {CHANGED}",
    "shop_jobs.Named": f"{PARAMS}Named: Object contains unknown field `path`. It takes file. {CHANGED}",
    "shop_moved.Job": f"{HANDLER}shop_moved.Job cannot be imported: there is no module shop_moved. {CHANGED}",
    "shop_raises.Job": f"{HANDLER}shop_raises.Job cannot be imported: RuntimeError: no licence found. {CHANGED}",
    "shop_leaves.Job": f"{HANDLER}shop_leaves.Job cannot be imported: SystemExit: 3. {CHANGED}",
    "shop_broken.Job": f"{HANDLER}shop_broken.Job cannot be imported: SyntaxError: ",
    "shop_lacks.Job": (
        f"{HANDLER}shop_lacks.Job cannot be imported: No module named 'shop_dependency'. {CHANGED}"
    ),
    # The exception that was to be retried is gone with its name.
    "shop_errors.Raises": "Worse: as ever",
}  # fmt: skip


def write(folder: Path, modules: dict[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source)


@pytest.fixture(scope="module")
def ended(shared_database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Task]:
    """A task of all these stages and one of ours, built with the old code and run with the new."""
    folder = tmp_path_factory.mktemp("shop") / "code"
    write(folder, BEFORE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        builder = TaskBuilder()
        moved = [
            EntityWrapper(import_class(path, object), {} if path.startswith("shop_errors") else {"path": "a"})
            for path in SAID
        ]
        retry = RetryPolicy(max_attempts=3, on=(sys.modules["shop_errors"].Oops,))
        finally_ = EntityWrapper("shop_jobs.Bye")
        draft = builder.create("moved", *moved, EntityWrapper(Noop), parallel=True, retry=retry, finally_=finally_)
        task = builder.build(draft)
        write(folder, AFTER)
        run = run_manager("--queue-size", "4")
        assert (run.returncode, "Traceback" in run.stderr) == (1, False), run.stderr
        task.refresh_from_db()
        yield task
        for name in BEFORE:
            del sys.modules[name]


@pytest.mark.parametrize("path", SAID)
def test_a_stage_whose_code_changed_says_what_to_do(ended: Task, path: str) -> None:
    stage = TaskStage.objects.get(task=ended, handler=path)
    words = SAID[path]
    assert stage.message == words or (words.endswith("SyntaxError: ") and stage.message.startswith(words))
    assert stage.state == (State.SUCCESS if words == "ran" else State.ERROR)
    # Another attempt would find the same code.
    assert (stage.start, stage.attempts.count()) == (1, int(words != "ran"))


def test_the_siblings_run_and_the_task_ends(ended: Task) -> None:
    assert (ended.state, ended.message) == (State.ERROR, f"2 succeeded, {len(SAID) - 1} failed")
    assert TaskStage.objects.get(task=ended, handler="tests.handlers.Noop").state == State.SUCCESS


def test_a_finally_whose_code_is_gone_fails_alone(ended: Task) -> None:
    bye = TaskStage.objects.get(task=ended, handler="shop_jobs.Bye")
    words = f"{HANDLER}shop_jobs.Bye cannot be imported: module shop_jobs has no Bye. {CHANGED}"
    assert (bye.state, bye.message) == (State.ERROR, words)
