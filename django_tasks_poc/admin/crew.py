"""Managers and nodes as a page shows them, in a fixed number of queries a node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..conf import config
from ..ends import BIN, BINS, Ended
from ..health import NodeHealth, health_of
from ..lifecycle import Life, life
from ..models import ManagerProcess
from ..node import databases, nodes
from ..storage.orm import clock
from ..storage.orm.schema import not_migrated
from ..texts import about, amount, short_amount, visible
from .served import Note, note_of
from .texts import moment, short_host

#: Managers of a database that are shown: those that live, and those that began last.
_MANAGERS = 100
_WORDS = {
    Life.ALIVE: gettext_lazy("Alive"), Life.LATE: gettext_lazy("Late"), Life.DEAD: gettext_lazy("Dead"),
    Life.STOPPED: gettext_lazy("Stopped"),
}  # fmt: skip
_DOTS = {Life.ALIVE: "alive", Life.LATE: "late", Life.DEAD: "dead", Life.STOPPED: "stopped"}


@dataclass(frozen=True)
class Slots:
    """How many of the places for stages are taken; ``share`` is percent."""

    running: int
    size: int

    @property
    def words(self) -> str:
        return f"{amount(self.running)} / {amount(self.size)}"

    @property
    def share(self) -> float:
        return min(100.0, 100 * self.running / self.size) if self.size else 0.0


@dataclass(frozen=True)
class ManagerRow:
    """A manager."""

    id: str
    host: str
    full_host: str
    pid: int
    word: str
    dot: str
    say: str
    node: str
    executor: str
    slots: Slots
    beat: str
    beat_at: str
    lived: str
    version: str


@dataclass(frozen=True)
class NodeRow:
    """A node."""

    label: str
    say: str
    word: str
    dot: str
    slots: Slots
    backlog: str
    oldest: str
    is_late: bool
    #: Path of the line of the last five minutes in a field of 60 × 24, and what is below it.
    line: str
    area: str
    rate: str
    failed: str
    failed_of: str


@dataclass(frozen=True)
class Crew:
    """All managers and nodes; ``errors`` are the words of databases that cannot be read."""

    nodes: list[NodeRow]
    managers: list[ManagerRow]
    notes: list[Note]
    errors: list[str]
    lease: str


def crew() -> Crew:
    """Read all nodes, database by database."""
    node_rows, manager_rows, notes, errors = [], [], [], []
    for alias, labels in databases().items():
        try:
            now = clock.now(alias)
            rows = _managers(alias, labels)
        except DatabaseError as error:
            known = not_migrated(alias, error)
            errors.append(str(known) if known else _("Database %(name)s cannot be read.") % {"name": alias})
            continue
        lives = [(row, life(row, now)) for row in rows]
        manager_rows += [_manager(row, found, now) for row, found in lives]
        for label in labels:
            health = health_of(label)
            node_rows.append(_node(health, [pair for pair in lives if pair[0].node == label], now))
            notes += [note for note in [note_of(health)] if note is not None]
    lease = about(config().lease)
    return Crew(sorted(node_rows, key=lambda row: list(nodes).index(row.label)), manager_rows, notes, errors, lease)


def _managers(alias: str, labels: list[str]) -> list[ManagerProcess]:
    """Read by index those that live, and by key, which grows with time, those that began last; by their last beat."""
    rows = ManagerProcess.objects.using(alias)
    found = {row.uuid: row for row in rows.filter(node__in=labels, stopped_at__isnull=True)[:_MANAGERS]}
    found |= {row.uuid: row for row in rows.order_by("-uuid")[:_MANAGERS]}
    return sorted(found.values(), key=lambda row: row.beat_at, reverse=True)[:_MANAGERS]


def _manager(row: ManagerProcess, found: Life, now: datetime) -> ManagerRow:
    silence = max(0.0, (now - row.beat_at).total_seconds())
    lived = ((row.stopped_at or (row.beat_at if found is Life.DEAD else now)) - row.started_at).total_seconds()
    say = {
        Life.LATE: _("its beat is overdue"),
        Life.DEAD: _("what it had at work goes back to the queue"),
    }.get(found, "")  # fmt: skip
    is_there = found in (Life.ALIVE, Life.LATE)
    return ManagerRow(
        id=f"m-{row.uuid.hex}", host=short_host(row.host), full_host=visible(row.host), pid=row.pid,
        word=str(_WORDS[found]), dot=_DOTS[found], say=say, node=row.node, executor=row.executor,
        slots=Slots(row.running if is_there else 0, row.queue_size), beat=_("%(age)s ago") % {"age": about(silence)},
        beat_at=moment(row.beat_at), lived=about(lived) if is_there else _("lived %(age)s") % {"age": about(lived)},
        version=row.version,
    )  # fmt: skip


def _node(health: NodeHealth, lives: Iterable[tuple[ManagerProcess, Life]], now: datetime) -> NodeRow:
    here = [row for row, found in lives if found in (Life.ALIVE, Life.LATE)]
    is_late = bool(health.backlog or health.running) and not here
    if here:
        word, dot = _("Working") if health.running else _("Idle"), "alive"
        words = ngettext("%(count)s manager", "%(count)s managers", len(here))
        say = words % {"count": amount(len(here))}
    else:
        word, dot = (_("Nobody works"), "dead") if is_late else (_("No manager"), "stopped")
        last = max((row.beat_at for row, _life in lives), default=None)
        age = "" if last is None else about(max(0.0, (now - last).total_seconds()))
        say = _("no manager for %(age)s") % {"age": age} if age else _("no manager ever ran")
    lately = sum((Ended.read(row.recent, now.timestamp()) for row, _life in lives), Ended())
    ended, failed = sum(lately.ended), sum(lately.failed)
    line, area = _spark(lately.ended)
    return NodeRow(
        label=health.node, say=say, word=word, dot=dot,
        slots=Slots(sum(row.running for row in here), sum(row.queue_size for row in here)),
        backlog=amount(health.backlog), oldest="–" if health.oldest is None else about(health.oldest), is_late=is_late,
        line=line, area=area, rate=short_amount(ended / (BIN * BINS)) if ended else "",
        failed=_("%(share)s%%") % {"share": short_amount(round(100 * failed / ended, 1))} if ended else "–",
        failed_of=_("%(failed)s of %(ended)s") % {"failed": amount(failed), "ended": amount(ended)} if ended else "",
    )  # fmt: skip


def _spark(counts: tuple[int, ...]) -> tuple[str, str]:
    """Return the path of a line through the counts, and of the area below it."""
    most = max(max(counts), 1)
    points = " ".join(
        f"{60 * index / (BINS - 1):.1f},{23 - 21 * count / most:.1f}" for index, count in enumerate(counts)
    )
    return f"M{points}", f"M0,24 {points} 60,24Z"
