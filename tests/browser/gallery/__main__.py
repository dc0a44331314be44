"""Take the pictures of the docs: ``python -m tests.browser.gallery [FOLDER]``, or ``make screenshots``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from ..chromium import CHROMIUM, FLAGS, MISSING, ROOT


def main() -> None:
    if MISSING:
        sys.exit(f"The pictures need {MISSING}.")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("", "EVEN_", "ODD_"):
            os.environ[f"{name}DATABASE_URL"] = f"sqlite:///{scratch}/{name.lower()}db.sqlite3"
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.gallery.settings"
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps an event loop in this thread
        django.setup()
        take(Path(scratch), folder)


def take(scratch: Path, folder: Path) -> None:
    """Run the tasks, then photograph every page."""
    from django.core.management import call_command
    from playwright.sync_api import sync_playwright

    from ...managers import manager
    from . import pages, scenes
    from .handlers import GATE

    call_command("migrate", verbosity=0)
    with manager(**{GATE: f"{scratch}/gate"}) as running, server() as address, sync_playwright() as playwright:
        running.wait_until_up()
        print("Running the tasks of the pictures …")
        scene = scenes.play(running, scratch)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for path in pages.photograph(browser, address, *scene, folder):
            print(f"{path.stat().st_size / 1024:6.0f} KB  {path.name}")
        browser.close()


@contextmanager
def server() -> Iterator[str]:
    from pytest_django.live_server_helper import LiveServer

    running = LiveServer("localhost")
    try:
        yield running.url
    finally:
        running.stop()


if __name__ == "__main__":
    main()
