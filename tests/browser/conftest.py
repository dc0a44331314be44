"""A live server and a manager on the database of the tests, and Chromium to look at them.

Where one of them or axe-core is missing, one test is left, which is skipped, and fails with REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from demo_project.fake_tables import write_table
from demo_project.handlers.import_table import build_import

from ..managers import Manager
from ..managers import manager as running_manager
from .chromium import AXE, CHROMIUM, FLAGS, MISSING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from django_tasks_poc.models import Task

    from .surfer import Complaints, Surfer

if MISSING:
    collect_ignore_glob = ["test_[!t]*.py", "test_t[!h]*.py"]  # all but the one that says so


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser, as long as the tests of this folder run: Playwright keeps an event loop in this thread.

    So Django has to be told that what looks asynchronous is not.
    """
    if MISSING and os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"The tests in a browser need {MISSING}.")
    if MISSING:
        pytest.skip(f"the tests in a browser need {MISSING}")
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def db(chromium: Browser, shared_database: None) -> None:
    """The database that the tests of a module, a server and a manager share: it is committed to.

    In the place of pytest-django's fixture of this name, which would keep what a test writes to itself.
    """


@pytest.fixture(autouse=True)
def uploads(settings: Any, tmp_path: Path) -> None:
    """A folder for the tables that a test sends."""
    settings.UPLOADS = tmp_path / "uploads"


@pytest.fixture(scope="module")
def address(db: None) -> Iterator[str]:
    """The address of a server of the demo project with two nodes, every page under the strictest policy."""
    middleware = ["tests.browser.csp.StrictPolicy", *settings.MIDDLEWARE]
    tasks = {**settings.DJANGO_TASKS_POC, "NODES": {"default": {}, "mail": {}}}
    with override_settings(MIDDLEWARE=middleware, DJANGO_TASKS_POC=tasks):
        server = LiveServer("localhost")
        try:
            yield server.url
        finally:
            server.stop()


@pytest.fixture(scope="module")
def manager(db: None) -> Iterator[Manager]:
    """A task manager that works as long as the tests of a module run."""
    with running_manager("--queue-size", "16") as running:
        running.wait_until_up()
        yield running


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """What the browsers of a test complain of; the test fails if that is anything that it does not expect."""
    from .surfer import Complaints

    complaints = Complaints()
    yield complaints
    assert complaints.unexpected == []


@pytest.fixture
def new_surfer(chromium: Browser, address: str, complaints: Complaints) -> Iterator[Callable[..., Surfer]]:
    """Makes somebody with a browser of their own, with options of Playwright's ``new_context``."""
    from .surfer import Surfer

    with ExitStack() as stack:

        def make(*, axe: Path | None = None, **options: Any) -> Surfer:
            surfer = Surfer(chromium, address, complaints, axe, **options)
            stack.callback(surfer.context.close)
            return surfer

        yield make


@pytest.fixture
def surfer(new_surfer: Callable[..., Surfer]) -> Surfer:
    """Somebody with a browser, not logged in."""
    return new_surfer()


@pytest.fixture
def critic(new_surfer: Callable[..., Surfer]) -> Surfer:
    """Somebody with a browser that has axe-core in it."""
    return new_surfer(axe=AXE)


@pytest.fixture
def task(db: None, tmp_path: Path) -> Task:
    """An import of four batches that waits until it is resumed."""
    path = tmp_path / "orders.csv"
    write_table(path, 200, 7, seed=1)
    task = build_import(path, batch=50)
    task.pause()
    return task
