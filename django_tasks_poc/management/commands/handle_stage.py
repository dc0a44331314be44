"""Run one stage, or be the fork server of a manager."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ...connections import prepare_connections
from ...exceptions import TaskError
from ...executors import run_cold, serve
from ...manager.by_hand import rehearse, run_by_hand
from ...runtime import prepare, rehearsal, run
from ..verb import as_uuid


class Command(BaseCommand):
    help = "Run one stage in this process. Managers start it; by hand it claims the stage like a manager."
    # A manager starts it a thousand times, and has checked the project itself.
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--task", type=as_uuid, help="uuid of the task")
        add("--stage", type=as_uuid, help="uuid of the stage")
        add("--previous", type=as_uuid, help="uuid of the stage before (looked up when left out)")
        add("--node", default="default", help="label of the task's node (default: default)")
        add("--dry-run", action="store_true", help="run it and record nothing")
        add("--fd", type=int, help=argparse.SUPPRESS)
        add("--serve", metavar="OPTIONS", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        prepare_connections()
        if options["serve"]:
            serve(run, prepare, rehearsal(), options["serve"])
        if options["fd"] is not None:
            run_cold(run, options["fd"])
        if not (options["task"] and options["stage"]):
            raise CommandError("Give --task and --stage, as the admin shows them.", returncode=2)
        act = rehearse if options["dry_run"] else run_by_hand
        try:
            report = act(options["node"], options["task"], options["stage"])
        except TaskError as error:
            raise CommandError(str(error), returncode=2) from error
        except DatabaseError as error:
            raise CommandError(f"The database fails: {error}", returncode=1) from error
        self.stdout.write(f"{report.answer.value}: {report.message or 'no message'}")
        if report.response:
            self.stdout.write(report.response)
        if report.traceback:
            self.stderr.write(report.traceback)
        if report.answer.value == "error":
            sys.exit(1)
