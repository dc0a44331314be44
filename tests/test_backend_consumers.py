"""Libraries that others wrote for Django's tasks framework run on the backend as they are, in projects of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from .managers import until

pytestmark = pytest.mark.anywhere

ROOT = Path(__file__).resolve().parent.parent
PROJECT = Path(__file__).parent / "docs" / "project"

SETTINGS = """
TASKS = {{"default": {{"BACKEND": "django_tasks_poc.backend.TaskManagerBackend"}}}}
INSTALLED_APPS += {apps}
DEBUG = False
"""


class Project:
    """A project of a user in a folder, on a SQLite file of its own."""

    def __init__(self, folder: Path, apps: list[str], **files: str) -> None:
        shutil.copytree(PROJECT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        self.folder = folder
        with (folder / "project" / "settings.py").open("a") as file:
            file.write(SETTINGS.format(apps=apps))
        for name, text in files.items():
            (folder / "shop" / f"{name}.py").write_text(text)
        named = ("DJANGO_", "PYTEST_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(named)}
        self.environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])
        self.manage("migrate", "--run-syncdb", "--verbosity", "0")

    def manage(self, *arguments: str) -> str:
        """Run a command; return what it printed, and fail when it fails."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or "--drain" in arguments, done.stdout
        return done.stdout

    def shell(self, code: str) -> str:
        """Run code in the project; return what it printed."""
        return self.manage("shell", "--verbosity", "0", "-c", code).strip()

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """Run a command meanwhile."""
        with (self.folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
            try:
                yield
            finally:
                process.terminate()
                process.wait(30)


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    def make(*apps: str, **files: str) -> Project:
        """Make a project with these apps, once the libraries are known to be there."""
        for app in apps:
            if find_spec(app) is None:
                needs_new = app != "modelsearch" and sys.version_info < (3, 12)
                reason = f"{app} needs Python 3.12 and Django 6.0" if needs_new else f"{app} is not installed"
                if os.environ.get("REQUIRE_SERVICES") and not needs_new:
                    pytest.fail(reason)
                pytest.skip(reason)
        return Project(tmp_path, list(apps), **files)

    return make


CRON = """
from apscheduler.triggers.interval import IntervalTrigger
from crontask import cron
from django.tasks import task


@cron(IntervalTrigger(seconds=0.2))
@task
def count_sales():
    return 7
"""

ENDS = """
from django_tasks_poc.models import Task
print({(task.state, task.response_value.value) for task in Task.objects.all()})
"""


def test_django_crontask_enqueues_by_the_clock(project: Callable[..., Project]) -> None:
    shop = project("crontask", tasks=CRON)
    count = 'from django_tasks_poc.models import Task; print(Task.objects.filter(title="count_sales").count())'
    with shop.running("crontask", "--no-heartbeat"):
        until(lambda: int(shop.shell(count)) >= 2, "the function was enqueued twice")
    shop.manage("run_task_manager", "--drain")
    assert shop.shell(ENDS) == "{('SUCCESS', 7)}"


MONITORED = """
import os
import signal

from django.tasks import task


@task
def good():
    return 1


@task
def bad():
    raise ValueError("no stock")


@task
def killed():
    os.kill(os.getpid(), signal.SIGKILL)
"""

LOOK = """
from tasks_monitor.models import TaskRecord
for record in TaskRecord.objects.order_by("id"):
    error = record.exception_class.rpartition(".")[2]
    print(record.task_name, record.status, record.attempts, record.duration is not None, error)
"""


def test_django_tasks_monitor_sees_every_start_and_end(project: Callable[..., Project]) -> None:
    shop = project("tasks_monitor", tasks=MONITORED)
    shop.shell("from shop.tasks import bad, good, killed\nfor task in (good, bad, killed): task.enqueue()")
    shop.manage("run_task_manager", "--drain")
    assert shop.shell(LOOK).splitlines() == [
        "good SUCCESSFUL 1 True ",
        "bad FAILED 1 True ValueError",
        "killed FAILED 1 True ProcessDied",
    ]
    retry = """
from tasks_monitor.models import TaskRecord
from tasks_monitor.retry import retry
record = retry(TaskRecord.objects.get(task_path="shop.tasks.bad"))
print(record.status, record.retry_of.task_name)
"""
    assert shop.shell(retry) == "READY bad"


MODELS = """
from django.db import models
from modelsearch import index


class Product(index.Indexed, models.Model):
    name = models.CharField(max_length=100)
    search_fields = [index.SearchField("name")]

    class Meta:
        app_label = "shop"
"""

SEARCH = """
from modelsearch.backends import get_search_backend
from shop.models import Product
print([product.name for product in get_search_backend().search("teapot", Product)])
"""


def test_modelsearch_fills_its_index(project: Callable[..., Project]) -> None:
    shop = project("modelsearch", models=MODELS)
    shop.shell("from shop.models import Product; Product.objects.create(name='A red teapot')")
    assert shop.shell(SEARCH) == "[]"
    shop.manage("run_task_manager", "--drain")
    assert shop.shell(SEARCH) == "['A red teapot']"
