"""What ``handle_stage`` does, with toy stages: the process that the tests of the executors start.

A request's ``handler`` names one of ``toys``; ``params`` is its argument as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import django
from django.conf import settings

from django_tasks_poc.executors import run_cold, serve
from django_tasks_poc.messages import Link, Report, Request
from django_tasks_poc.outcomes import Answer
from tests.executors import toys

APPS = ["admin", "auth", "contenttypes", "sessions", "messages", "staticfiles"]


def set_up() -> None:
    """Load Django as a project does; small unless HOST_APPS says otherwise."""
    apps = [f"django.contrib.{name}" for name in APPS] if os.environ.get("HOST_APPS") else []
    # A file: a database in memory stays open when it is closed.
    name = os.environ.get("HOST_DATABASE") or str(Path(tempfile.gettempdir(), "executor_host.sqlite3"))
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": name}
    settings.configure(INSTALLED_APPS=apps, DATABASES={"default": database}, USE_TZ=True, SECRET_KEY="no secret")
    django.setup()


def run(request: Request, link: Link) -> Report:
    """Run the toy; an exception becomes a report, what is no Exception goes through."""
    try:
        response = toys.HANDLERS[request.handler.rpartition(".")[2]](json.loads(request.params), link)
    except Exception as error:
        return Report(request.token, Answer.ERROR, f"{type(error).__name__}: {error}")
    return Report(request.token, Answer.SUCCESS, "done", json.dumps(response))


def prepare(path: str) -> None:
    """Do what importing the handler's module does."""
    name = path.rpartition(".")[2]
    if name == "starts_thread":
        threading.Thread(target=time.sleep, args=(1000,), daemon=True, name="busybody").start()
    elif name == "opens_connection":
        toys.open_connection(None, None)
    elif name == "kills_server":
        os._exit(3)
    elif name == "fails":
        raise SystemExit("No such module.")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve")
    parser.add_argument("--task")
    parser.add_argument("--stage")
    parser.add_argument("--previous")
    parser.add_argument("--fd", type=int)
    options = parser.parse_args()
    if os.environ.get("HOST_BROKEN") and os.path.exists(os.environ["HOST_BROKEN"]):
        sys.exit("The settings are broken.")
    set_up()
    if options.serve:
        serve(run, prepare, Request(*[uuid4()] * 3, "default", "echo", "1"), options.serve)
    run_cold(run, options.fd)


if __name__ == "__main__":
    main()
