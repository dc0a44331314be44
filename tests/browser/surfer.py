"""Somebody in front of a browser: who they are, what they see, and what the browser complains of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from django_tasks_poc.models import Task

PHONE = {"width": 375, "height": 812}
DESKTOP = {"width": 1280, "height": 900}

#: Seconds that anything on a page may take, on a machine that has other things to do.
PATIENCE = 20.0

expect.set_options(timeout=PATIENCE * 1000)


@dataclass
class Complaints:
    """What a browser wrote into its console, and what no script caught."""

    found: list[str] = field(default_factory=list)
    #: Patterns of what a test brings about on purpose.
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.found.append(f"{page.url}: uncaught: {error}"))

    def _note(self, message: ConsoleMessage) -> None:
        where = message.location
        self.found.append(f"{where['url']}:{where['lineNumber']}: {message.type}: {message.text}")

    @property
    def unexpected(self) -> list[str]:
        return [line for line in self.found if not any(re.search(pattern, line) for pattern in self.expected)]


class Surfer:
    """One user with one page open; ``address`` is the server's."""

    def __init__(
        self, browser: Browser, address: str, complaints: Complaints, axe: Path | None, **options: Any
    ) -> None:
        self.address, self.complaints = address, complaints
        self.context = browser.new_context(base_url=address, viewport=DESKTOP, **options)
        self.context.set_default_timeout(PATIENCE * 1000)
        if axe is not None:
            self.context.add_init_script(path=axe)
        self.page = self.context.new_page()
        complaints.watch(self.page)

    def log_in(self, *rights: str, name: str = "", superuser: bool = False) -> User:
        """Be a user of the admin with the rights, named like ``pause_task``; all of them for a superuser."""
        name = name or ("admin" if superuser else "-".join(rights) or "nobody")
        user, _ = User.objects.get_or_create(
            username=name, defaults={"is_staff": True, "is_superuser": superuser, "email": f"{name[:40]}@example.com"}
        )
        for right in rights:
            user.user_permissions.add(
                Permission.objects.get(codename=right, content_type__app_label="django_tasks_poc")
            )
        client = Client()
        client.force_login(user)
        self.context.add_cookies([{
            "name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
            "url": self.address,
        }])  # fmt: skip
        return user

    def go(self, path: str) -> Page:
        self.page.goto(path)
        return self.page

    def dark(self) -> None:
        """Prefer the dark theme, as a system does."""
        self.page.emulate_media(color_scheme="dark")

    def light(self) -> None:
        self.page.emulate_media(color_scheme="light")

    def on_a_phone(self) -> None:
        """Look at it 375 px wide."""
        self.page.set_viewport_size(PHONE)

    def at_a_desk(self) -> None:
        self.page.set_viewport_size(DESKTOP)

    @property
    def scrolls_sideways(self) -> bool:
        """Whether the page is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def violations(self) -> list[str]:
        """Return what axe-core calls serious or critical, each with the elements that it is about.

        The label of an item of a tree is its name; what else is in its row, and what is opened inside it, need not be.
        """
        self.complaints.expected.append(r"axe\.min\.js")  # measures with a style of its own
        found = self.page.evaluate(
            """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
                .filter(rule => ["serious", "critical"].includes(rule.impact))
                .flatMap(rule => rule.nodes
                    .filter(node => rule.id !== "label-content-name-mismatch" || !/role="treeitem"/.test(node.html))
                    .map(node => `${rule.id}: ${node.html.slice(0, 200)}: ${node.failureSummary}`))"""
        )
        return list(found)


def import_page(task: Task) -> str:
    """Return the path of the demo's page of an import."""
    return reverse("import", args=[task.uuid])
