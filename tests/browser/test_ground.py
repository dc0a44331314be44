"""What the tests of this folder stand on: they would see what they are there to see."""

from __future__ import annotations

import pytest
from django.urls import reverse

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task

from ..managers import Manager, until
from .handlers import Row
from .surfer import Complaints, Surfer

pytestmark = pytest.mark.anywhere


def test_a_user_logs_in(surfer: Surfer) -> None:
    user = surfer.log_in("view_task", name="ann")
    user.set_password("a-password-of-ann")
    user.save()
    surfer.context.clear_cookies()
    page = surfer.go(reverse("admin:index"))
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("a-password-of-ann")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Tasks", exact=True).first.click()
    page.get_by_role("heading", name="Tasks").wait_for()


def test_a_policy_forbids_scripts_that_stand_in_a_page(surfer: Surfer, complaints: Complaints) -> None:
    complaints.expected.append("Content Security Policy")
    surfer.go(reverse("start")).evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))"
    )
    assert surfer.page.evaluate("window.ran") is None
    until(lambda: complaints.found, "the browser complains")


def test_an_uncaught_error_is_found(surfer: Surfer, complaints: Complaints) -> None:
    surfer.go(reverse("start")).evaluate("setTimeout(() => { throw new Error('on purpose') })")
    surfer.page.wait_for_timeout(50)
    assert len(complaints.unexpected) == 1
    complaints.expected.append("on purpose")


def test_a_manager_works_on_the_same_database(manager: Manager) -> None:
    builder = TaskBuilder()
    task = builder.build(builder.create("One row", EntityWrapper(Row, {"number": 1})))
    manager.wait_until(lambda: Task.objects.get(uuid=task.uuid).state == "SUCCESS", "the task succeeds")


def test_axe_finds_a_picture_without_words(critic: Surfer) -> None:
    critic.go(reverse("start")).evaluate("document.body.append(document.createElement('img'))")
    assert any("image-alt" in line for line in critic.violations())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_start_page_is_accessible_and_fits_a_phone(critic: Surfer, theme: str) -> None:
    getattr(critic, theme)()
    critic.on_a_phone()
    critic.go(reverse("start"))
    assert not critic.scrolls_sideways
    assert critic.violations() == []
