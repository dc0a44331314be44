"""Measure every line on every database that is there, print a table, and write a JSON file.

``ONLY=latency,fanout`` picks lines, ``REPEAT=5`` is how often each run is done (default 5), ``POSTGRES_URL`` names
another server than that of this machine.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import django

from . import databases

LINES = ("latency", "fanout", "atomic", "verbs", "memory")


def main() -> int:
    wanted = [name.strip() for name in os.environ.get("ONLY", ",".join(LINES)).split(",") if name.strip()]
    if unknown := set(wanted) - set(LINES):
        print(f"ONLY names {', '.join(sorted(unknown))}; there are {', '.join(LINES)}.", file=sys.stderr)
        return 2
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    with databases.prepared() as notes:
        django.setup()
        for node in databases.labels():
            databases.renew(node)
        # The lines import models, so Django must be ready.
        report = import_module("benchmarks.report").Report(notes)
        for name in wanted:
            measure = import_module(f"benchmarks.{name}").measure
            for node in databases.labels():
                databases.renew(node)
                print(f"{name} on {node} ...", file=sys.stderr)
                report.add(measure(node))
    print(report.table())
    print(f"\nWritten to {report.write()}")
    return int(report.is_missed)


if __name__ == "__main__":
    sys.exit(main())
