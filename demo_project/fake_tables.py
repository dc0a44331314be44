"""Write a realistic orders table with an exact number of malformed rows, the same bytes for the same seed."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

from .rows import BAD_DATE, BROKEN_EMAIL, COLUMNS, NEGATIVE_QUANTITY, UNKNOWN_COUNTRY, WRONG_COLUMN_COUNT

T = TypeVar("T")

FIRST_DAY = dt.date(2026, 1, 1)
DAYS = 31
MARKETS = (
    "AT",
    "BE",
    "CH",
    "CZ",
    "DE",
    "DK",
    "ES",
    "FI",
    "FR",
    "GB",
    "GR",
    "IE",
    "IT",
    "NL",
    "NO",
    "PL",
    "PT",
    "SE",
    "US",
)
FIRST_NAMES = ("ada", "alan", "barbara", "dennis", "edsger", "frances", "grace", "john", "ken", "margaret", "niklaus")
LAST_NAMES = ("allen", "backus", "hamilton", "hoare", "hopper", "knuth", "liskov", "lovelace", "ritchie", "turing")
DOMAINS = ("example.com", "example.net", "example.org")
KINDS = (BAD_DATE, NEGATIVE_QUANTITY, UNKNOWN_COUNTRY, BROKEN_EMAIL, WRONG_COLUMN_COUNT)
DAY, COUNTRY, EMAIL, QUANTITY = (COLUMNS.index(name) for name in ("day", "country", "email", "quantity"))


def write_table(path: Path, rows: int, bad: int, seed: int) -> None:
    """Write ``rows`` orders, ``bad`` of them malformed, to ``path``: whole, or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(make_rows(rows, bad, seed))
    partial.replace(path)


def make_rows(rows: int, bad: int, seed: int) -> Iterator[list[str]]:
    """Yield the orders of a table in the order of their days; the kinds of malformed ones take turns."""
    random = Random(seed)
    spoiled = 0
    for n in range(rows):
        fields = make_order(random, n, rows)
        if random.random() * (rows - n) < bad - spoiled:  # exactly `bad` of them, each row as likely as any other
            fields = spoil(random, fields, KINDS[spoiled % len(KINDS)])
            spoiled += 1
        yield fields


def make_order(random: Random, n: int, rows: int) -> list[str]:
    name = f"{pick(random, FIRST_NAMES)}.{pick(random, LAST_NAMES)}{int(random.random() * 1000)}"
    return [
        f"ORD-{n + 1:07d}",
        (FIRST_DAY + dt.timedelta(days=n * DAYS // rows)).isoformat(),
        pick(random, MARKETS),
        f"{name}@{pick(random, DOMAINS)}",
        str(1 + int(random.random() ** 3 * 20)),  # most orders are small
        f"{5 + int(random.random() * 495)}.{pick(random, ('00', '50', '90', '95', '99'))}",
    ]


def spoil(random: Random, fields: list[str], kind: str) -> list[str]:
    """Return the order with one thing wrong, as people and programs get it wrong."""
    day, email = fields[DAY], fields[EMAIL]
    if kind == BAD_DATE:
        wrong = pick(random, ("2026-02-30", "2026-13-01", day.replace("-", "/"), f"{day[8:]}.{day[5:7]}.{day[:4]}", ""))
        return replaced(fields, DAY, wrong)
    if kind == NEGATIVE_QUANTITY:
        return replaced(fields, QUANTITY, f"-{fields[QUANTITY]}")
    if kind == UNKNOWN_COUNTRY:
        return replaced(fields, COUNTRY, pick(random, ("XX", "UK", "EU", "Germany", "")))
    if kind == BROKEN_EMAIL:
        wrong = pick(random, (email.replace("@", ""), email.replace("@", "@@"), email.split(".")[0] + "@", ""))
        return replaced(fields, EMAIL, wrong)
    return pick(random, (fields[:-1], [*fields, ""], fields[:2]))


def replaced(fields: list[str], place: int, value: str) -> list[str]:
    return [*fields[:place], value, *fields[place + 1 :]]


def pick(random: Random, choices: Sequence[T]) -> T:
    """Choose one with random() alone: Python promises its sequence for ever, and not that of choice()."""
    return choices[int(random.random() * len(choices))]
