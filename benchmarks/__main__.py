"""Measure every line on every database that is there, print a table, and write a JSON file.

``ONLY=latency,fanout`` picks lines, ``REPEAT=5`` is how often each run is done (default 5), ``FULL=1`` measures with
1,000,000 stages, once, what is about so many, ``POSTGRES_URL`` names another server than that of this machine.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import django

from . import databases

LINES = (
    "latency", "chain", "join", "fanout", "roots", "inserts", "atomic", "crew", "build", "verbs", "backlog", "idle",
    "memory", "pages", "million",
)  # fmt: skip
#: Of these, those about 1,000,000 stages: without FULL=1 they make do with 100,000, or with none.
LARGE = {"build": "100,000", "verbs": "100,000", "backlog": "100,000", "pages": "100,000", "million": "none"}


def main() -> int:
    wanted = [name.strip() for name in os.environ.get("ONLY", "").split(",") if name.strip()] or LINES
    if unknown := set(wanted) - set(LINES):
        print(f"ONLY names {', '.join(sorted(unknown))}; there are {', '.join(LINES)}.", file=sys.stderr)
        return 2
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    with databases.prepared() as notes:
        django.setup()
        for node in databases.labels():
            databases.renew(node)
        # The lines import models, so Django must be ready.
        managers = import_module("benchmarks.managers")
        report = import_module("benchmarks.report").Report(notes)
        if not managers.FULL and (less := [f"{name} with {LARGE[name]}" for name in wanted if name in LARGE]):
            notes.append(f"NOT MEASURED with 1,000,000 stages, but {', '.join(less)}: set FULL=1")
        for name in wanted:
            measure = import_module(f"benchmarks.{name}").measure
            for node in databases.labels():
                databases.renew(node)
                print(f"{name} on {node} ...", file=sys.stderr)
                try:
                    report.add(measure(node))
                except managers.Failed as error:
                    report.fail(f"{name} on {node}: {error}")
    print(report.table())
    print(f"\nWritten to {report.write()}")
    return int(report.is_missed)


if __name__ == "__main__":
    sys.exit(main())
