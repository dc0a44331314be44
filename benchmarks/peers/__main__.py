"""Measure this package and its peers in turn, print a table, and write a JSON file.

``PEER_CHILDREN=1000`` is the size of the fan-out, ``REPEAT=5`` how often each run is done, ``ONLY=rq,ours`` picks
contenders by how their names begin. ``POSTGRES_URL`` and ``REDIS_URL`` name other servers than those of this machine,
of Redis with the number of a database that is empty. ``PEER_PYTHON`` names an interpreter for the peers that need a
newer one.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module

import django

from .. import databases

#: The database of Redis, far from the one that everything takes by itself.
_REDIS = "redis://127.0.0.1:6379/13"


def main() -> int:
    # So that what was started is stopped, and what was made is dropped, also when this is asked to stop.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    with databases.prepared() as notes:
        django.setup()
        for node in databases.labels():
            databases.renew(node)
        # What is measured imports models, so Django must be ready.
        comparison = import_module("benchmarks.peers.comparison")
        report = import_module("benchmarks.report").Report(notes)
        redis = os.environ.get("REDIS_URL", _REDIS)
        table = comparison.Comparison(int(os.environ.get("PEER_CHILDREN", "1000")), redis, os.environ.get("ONLY", ""))
        if not table.entries:
            print("ONLY picks nobody.", file=sys.stderr)
            return 2
        table.run()
        report.add(table.goals(notes), aloud=False)
        print("\n".join(table.lines()), report.table(), sep="\n\n")
        print(f"\nWritten to {report.write('peers-', **table.document())}")
    return int(report.is_missed)


if __name__ == "__main__":
    sys.exit(main())
