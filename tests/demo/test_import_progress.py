"""What the demo says of an import to a program, at each step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from demo_project.handlers.import_table import build_import
from django_tasks_poc.testing import run_pending

from ..support_storage import Store, success, waits
from .pages import add_manager, new_import, page_of, said_by, text_of

pytestmark = pytest.mark.django_db


def test_the_json_says_how_far_it_is_at_each_step(client: Client) -> None:
    store = Store()
    task = new_import(store)
    assert said_by(client, task).items() >= {"state": "READY", "say": "Waiting for its turn.", "done": 0}.items()

    (parse,) = store.claim()
    assert said_by(client, task)["say"] == "Reading the table."
    store.stage_command.progress({parse.stage: (parse.token, '[30,120,"bytes read"]')})
    said = said_by(client, task)
    assert (said["say"], said["done"], said["total"]) == ("Reading the table: 25%.", 0.25, 1)
    assert said["task"]["current"][0]["progress"] == {"done": 30, "total": 120, "message": "bytes read"}

    nested = store.promise(parse, 4)
    store.record(waits(parse, nested))
    store.record(success(store.claim(1)[0]))
    said = said_by(client, task)
    assert (said["state"], said["task"]["state"]) == ("RUNNING", "WAITING")
    assert (said["say"], said["done"], said["total"]) == ("Loading the table in batches: 1 of 4 are done.", 1, 4)
    assert said["facts"].items() >= {"Batches done": "1 of 4", "Batches failed": "0", "Batches at work": "0"}.items()

    store.record(*[success(claim) for claim in store.claim(3)])
    (finalise,) = store.claim()
    store.stage_command.progress({finalise.stage: (finalise.token, '[1,2,"batches added up"]')})
    assert said_by(client, task)["say"] == "Adding up what the batches loaded: 50%."
    store.record(success(finalise, "all loaded"))
    said = said_by(client, task)
    assert (said["say"], said["is_open"], said["state"]) == ("All loaded", False, "SUCCESS")


def test_it_says_that_no_manager_runs(client: Client, table: Path) -> None:
    task = build_import(table)
    assert said_by(client, task)["needs_manager"] is True
    words = r'<p class="note">No task manager is running on node default: start one with'
    assert re.search(words, text_of(client, page_of(task)))

    manager = add_manager()
    assert said_by(client, task)["needs_manager"] is False
    assert not re.search(words, text_of(client, page_of(task)))
    manager.delete()
    add_manager(stopped_at=timezone.now())
    add_manager(process_started="long ago")
    add_manager(node="elsewhere")
    assert said_by(client, task)["needs_manager"] is True
    task.pause()
    assert said_by(client, task)["needs_manager"] is False
    task.resume()
    run_pending()
    assert said_by(client, task)["needs_manager"] is False


def test_a_canceled_import_that_still_runs_is_watched_to_its_end(client: Client) -> None:
    store = Store()
    task = new_import(store)
    store.claim()
    task.cancel()
    said = said_by(client, task)
    assert (said["state"], said["is_open"]) == ("CANCELED", True)
    assert "What still runs is being stopped." in said["say"]
    assert "Cancel…" not in text_of(client, page_of(task))
