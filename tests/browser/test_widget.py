"""The widget on the demo's page of an import: live, quiet when nobody looks, and the same for everybody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from demo_project.fake_tables import write_table
from django_tasks_poc.models import Task

from ..managers import Manager
from .surfer import Complaints, Surfer, import_page

pytestmark = pytest.mark.anywhere


def test_a_table_is_sent_and_its_import_watched_to_the_end(manager: Manager, surfer: Surfer, tmp_path: Path) -> None:
    path = tmp_path / "May.csv"
    write_table(path, 300, 5, seed=2)
    page = surfer.go(reverse("start"))
    page.get_by_label("Table").set_input_files(path)
    page.get_by_role("button", name="Import", exact=True).click()
    bar = page.get_by_role("progressbar", name="Import of May.csv")
    expect(bar).to_have_attribute("aria-valuenow", "100")
    expect(page.get_by_text("295 rows loaded, 5 rejected")).to_be_visible()
    expect(page.get_by_role("heading", name="What came of it")).to_be_visible()


def test_a_change_is_seen_without_a_reload_and_the_end_is_told_to_the_page(
    manager: Manager, surfer: Surfer, task: Task
) -> None:
    page = surfer.go(import_page(task))
    page.evaluate(
        """() => {
            window.told = [];
            const stop = event => { event.stopPropagation(); window.told.push([event.type, event.detail.state]); };
            for (const name of ["task:changed", "task:finished"])
                document.querySelector("task-progress").addEventListener(name, stop);
        }"""
    )
    task.resume()
    expect(page.locator(".tp-inside[data-finished]")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    told = page.evaluate("window.told")
    assert told[-1] == ["task:finished", "SUCCESS"]
    assert ["task:changed", "SUCCESS"] in told
    assert page.locator(".tp-spoken").inner_text() == "Succeeded"


def test_what_has_not_changed_is_answered_with_304_and_after_the_end_nothing_is_asked(
    manager: Manager, surfer: Surfer, task: Task
) -> None:
    page = surfer.page
    with page.expect_response(re.compile("/progress/$")) as answer:
        page.goto(import_page(task))
    assert answer.value.status == 304
    task.resume()
    expect(page.get_by_role("heading", name="What came of it")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.install()
    page.clock.run_for(20_000)
    assert asked == []


def test_a_hidden_tab_asks_nothing(surfer: Surfer, task: Task) -> None:
    page = surfer.go(import_page(task))
    page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", {value: true, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2_500)
    assert asked == []
    with page.expect_request(re.compile("/progress/$")):
        page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")


def test_a_server_that_fails_is_asked_less_and_less_and_taken_up_again(
    surfer: Surfer, task: Task, complaints: Complaints
) -> None:
    complaints.expected.append("500")
    page = surfer.page
    page.clock.install()
    page.route("**/progress/", lambda route: route.fulfill(status=500))
    page.goto(import_page(task))
    asked: list[str] = []
    page.on("response", lambda answer: asked.append(answer.url))
    for _ in range(30):
        page.clock.run_for(1_000)
        page.wait_for_timeout(20)
    expect(page.get_by_text("No answer from the server.")).to_be_visible()
    assert 3 <= len(asked) <= 5  # after 2, 4, 8, 16 s
    page.unroute("**/progress/")
    note = page.get_by_text("No answer from the server.")
    for _ in range(60):  # in steps, so that an answer has the time it takes
        page.clock.run_for(1_000)
        page.wait_for_timeout(20)
    expect(note).to_be_hidden()


def test_a_task_that_is_gone_is_said_once(surfer: Surfer, task: Task, complaints: Complaints) -> None:
    complaints.expected.append("404")
    page = surfer.go(import_page(task))
    Task.objects.filter(uuid=task.uuid).update(purging=True)
    expect(page.get_by_text("This is not kept up to date any more.")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(critic: Surfer, manager: Manager, task: Task, theme: str) -> None:
    getattr(critic, theme)()
    critic.on_a_phone()
    page = critic.go(import_page(task))
    assert (critic.violations(), critic.scrolls_sideways) == ([], False)
    task.resume()
    expect(page.get_by_role("heading", name="What came of it")).to_be_visible()
    assert (critic.violations(), critic.scrolls_sideways) == ([], False)
