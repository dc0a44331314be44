"""The buttons of the demo's page of an import, which no manager works on."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from django_tasks_poc.models import Task

from .surfer import Surfer, import_page

pytestmark = pytest.mark.anywhere


def test_an_import_is_paused_resumed_and_canceled_by_clicking(surfer: Surfer, task: Task) -> None:
    page = surfer.go(import_page(task))
    expect(page.get_by_text("Paused at 0 of 2")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Cancel…").click()
    page.get_by_role("button", name="Cancel the import").click()
    expect(page.get_by_text("Canceled at 0 of 2")).to_be_visible()
