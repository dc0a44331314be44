"""run_task_manager --reload: a change of a source file is taken up by the next stage, and no running one is touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings

from django_tasks_poc.exceptions import TaskError
from django_tasks_poc.manager import TaskManagerOptions
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.states import State

from ..building import build
from ..managers import manager

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.anywhere]

JOB = """\
import time
from pathlib import Path

from django_tasks_poc import EntityWrapper, TaskHandlerBase


class Job(TaskHandlerBase):
    def __init__(self, gate: str = "") -> None:
        self.gate = gate

    def handle(self, context):
        while self.gate and not Path(self.gate).exists():
            time.sleep(0.01)
        return self.success("{word}")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module of jobs that may change, and a manage.py beside it."""
    shutil.copy(settings.BASE_DIR / "manage.py", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{settings.BASE_DIR}")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # a change within a second may be taken for none
    return tmp_path


def write(folder: Path, word: str, name: str = "jobs_that_change") -> None:
    draft = folder / f"{name}.draft"
    draft.write_text(JOB.replace("{word}", word) if word else "def broken(:\n")
    draft.rename(folder / f"{name}.py")


def start(**params: str) -> Task:
    from jobs_that_change import EntityWrapper, Job

    return build("Job", EntityWrapper(Job, params), unique=False)


def message(task: Task) -> str:
    task.refresh_from_db()
    return task.message if task.finished_at is not None else ""


def test_a_changed_file_is_taken_up_and_running_stages_end_on_the_old_one(project: Path) -> None:
    write(project, "old")
    with manager("--reload", project=project) as running:
        running.wait_until_up()
        before = start()
        assert running.wait_until(lambda: message(before), "the first job ends") == "old"
        gate = project / "gate"
        held = start(gate=str(gate))
        rows = TaskStage.objects.filter(task=held, state=State.RUNNING)
        running.wait_until(rows.exists, "the held job runs")
        write(project, "new")
        running.wait_until(lambda: "jobs_that_change.py has changed" in running.said, "the change is seen")
        after = start()
        assert running.wait_until(lambda: message(after), "the job behind the change ends") == "new"
        assert rows.exists()
        gate.touch()
        assert running.wait_until(lambda: message(held), "the held job ends") == "old"
        write(project, "")
        running.wait_until(lambda: running.said.count("jobs_that_change.py has changed") == 2, "the mistake is seen")
        broken = start()
        assert "SyntaxError" in running.wait_until(lambda: message(broken), "the broken job ends")
        write(project, "mended")
        mended = start()
        assert running.wait_until(lambda: message(mended), "the mended job ends") == "mended"
        assert running.stop() == 0


def test_stages_in_this_process_cannot_be_reloaded() -> None:
    with pytest.raises(TaskError, match="reload cannot be had with the inline executor"):
        TaskManagerOptions(executor="inline", reload=True)
