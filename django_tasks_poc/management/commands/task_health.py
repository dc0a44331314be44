"""Say whether the work goes on, for probes."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...exceptions import TaskError
from ...health import NodeHealth, health_of, waiting
from ...node import nodes
from ...texts import about
from ..age import as_seconds
from ..formats import add_format, as_json, at_least, plain


class Command(BaseCommand):
    help = "Say whether the work of the nodes goes on; exit 0 when all are healthy, 1 when one is not."
    requires_system_checks = ()  # It is asked often, and has to answer where a check would fail, too.

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--node", action="append", help="label of a node; may be given again for more (default: all)")
        add("--max-age", type=as_seconds, metavar="AGE",
            help="unhealthy when a stage has waited longer for a process: 12h, 30m, 90s, or seconds")  # fmt: skip
        add("--max-backlog", type=at_least(0), metavar="N",
            help="unhealthy when more stages wait for a process")  # fmt: skip
        add_format(parser)

    def handle(
        self, *, node: list[str] | None, max_age: float | None, max_backlog: int | None, format: str, **options: Any
    ) -> None:  # fmt: skip
        try:
            found = [health_of(label, max_age, max_backlog) for label in (node or nodes)]
        except TaskError as error:
            raise CommandError(str(error), returncode=2) from error
        if format == "json":
            self.stdout.write(as_json([{"healthy": one.is_healthy, **vars(one)} for one in found]))
        else:
            for one in found:
                self.stdout.write(plain(_line(one)))
        if not all(one.is_healthy for one in found):
            sys.exit(1)


def _line(found: NodeHealth) -> str:
    if not found.is_healthy:
        return f"{found.node}: unhealthy: {'; '.join(found.reasons)}"
    managers = {0: "no manager", 1: "1 manager"}.get(found.managers, f"{found.managers:,} managers")
    facts = [managers, f"{found.running:,} at work", waiting(found.backlog)]
    if found.oldest is not None:
        facts.append(f"the oldest for {about(found.oldest)}")
    return f"{found.node}: healthy: {', '.join(facts)}"
