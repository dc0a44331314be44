"""Storms for minutes: ``python -m tests.chaos --seconds 600 --seed 7``, or ``make soak``.

Each storm has a seed of its own, counted up from the first; ``CHAOS_SEED=8 pytest tests/chaos`` repeats one.
DATABASE_URL names the database, beside which one for tests is made.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter

import django


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seconds", type=float, default=600, help="how long; default 600")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the first storm")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_project.settings")
    django.setup()
    from django.test.utils import setup_databases, teardown_databases

    from . import plans, storm

    figures: Counter[str] = Counter()
    violations: list[str] = []
    databases = setup_databases(verbosity=0, interactive=False, aliases={"default"})
    until = time.monotonic() + arguments.seconds
    try:
        for seed in range(arguments.seed, sys.maxsize):
            result = storm.run(plans.plan(seed, plans.SECONDS))
            storm.clean()
            figures.update({"storms": 1, **result.figures})
            violations += result.violations
            print(
                "\n".join([f"CHAOS_SEED={seed}: {len(result.violations)} violations", *result.violations]), flush=True
            )
            if time.monotonic() > until:
                break
    finally:
        teardown_databases(databases, verbosity=0)
    print("\n".join(f"{count:>8,} {name}" for name, count in sorted(figures.items())))
    print(f"{len(violations):>8,} violations, the seed of the first storm is {arguments.seed}")
    return int(bool(violations))


if __name__ == "__main__":
    sys.exit(main())
