"""Who is killed, frozen or cut off, and when: planned by chance, done to what the test started and nothing else."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, transaction
from django.db.backends.signals import connection_created

from ..managers import children_of, kill
from .pair import Pair

#: Seconds that a fault waits for somebody whom it can hit.
_PATIENCE = 0.3
#: Seconds between two faults, on average.
_PAUSE = 0.25

KINDS = {"stage": 10, "fork server": 3, "database": 4, "manager": 2, "stop": 1, "freeze": 1}


@dataclass(frozen=True)
class Fault:
    """What happens ``at`` seconds; ``pick`` (0 to 1) chooses among those whom it may hit, and how long it lasts."""

    at: float
    kind: str
    pick: float


def plan(chance: random.Random, seconds: float, kinds: dict[str, int] = KINDS, pause: float = _PAUSE) -> list[Fault]:
    """Return the faults of so many seconds; ``pause`` is how many are between two, on average."""
    faults, at = [], 0.0
    while (at := at + chance.expovariate(1 / pause)) < seconds:
        faults.append(Fault(at, chance.choices(list(kinds), list(kinds.values()))[0], chance.random()))
    return faults


class Striker:
    """Does the faults to the pair of managers."""

    def __init__(self, pair: Pair, ours: Connections) -> None:
        self._pair = pair
        self._ours = ours
        self.done: Counter[str] = Counter()

    def strike(self, fault: Fault) -> None:
        """Do it as soon as there is somebody to hit, if that is soon."""
        act = self._cut_off if fault.kind == "database" else self._signal
        until = time.monotonic() + _PATIENCE
        while not act(fault):
            if time.monotonic() > until:
                self.done["no victim"] += 1
                return
            time.sleep(0.005)
        self.done[fault.kind] += 1

    def _signal(self, fault: Fault) -> bool:
        managers = self._pair.up()
        servers = [pid for one in managers for pid in children_of(one.pid)]
        if fault.kind == "stage":
            victims = [pid for server in servers for pid in children_of(server)]
        elif fault.kind == "fork server":
            victims = servers
        else:
            victims = [one.pid for one in managers]
        if not victims:
            return False
        victim = victims[int(fault.pick * len(victims))]
        match fault.kind:
            case "stop":
                kill(victim, signal.SIGTERM)
            case "freeze":
                self._pair.freeze(victim, 1 + 4 * fault.pick)
            case _:
                kill(victim)
        return True

    def _cut_off(self, fault: Fault) -> bool:
        """Kill a connection of the managers or their stages; on SQLite, which has none, hold the writer lock."""
        if connection.vendor == "sqlite":
            with transaction.atomic():
                time.sleep(fault.pick)
            return True
        victims = self._ours.others()
        if not victims:
            return False
        with suppress(DatabaseError):  # It may have closed it just now.
            _do(_KILL[connection.vendor], victims[int(fault.pick * len(victims))])
        return True


_ME = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT connection_id()"}
_ALL = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database()",
    "mysql": "SELECT id FROM information_schema.processlist WHERE db = database() AND command <> 'Killed'",
}
_KILL = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}


class Connections:
    """Tells the connections of this process from those of the managers.

    While one of ours is made nobody looks: the server knows it before we know its number.
    """

    def __init__(self) -> None:
        self._mine: set[int] = set()
        self._making = threading.RLock()
        self._wrapper: Any = type(connections[DEFAULT_DB_ALIAS])
        self._connect = connect = self._wrapper.connect

        def connect_unseen(wrapper: Any) -> None:
            with self._making:
                connect(wrapper)

        self._wrapper.connect = connect_unseen
        connection_created.connect(self._note)
        connection.close()

    def close(self) -> None:
        connection_created.disconnect(self._note)
        self._wrapper.connect = self._connect

    def _note(self, connection: Any, **_: Any) -> None:
        if connection.vendor in _ME:
            self._mine |= {key for (key,) in _rows(connection.cursor, _ME[connection.vendor])}

    def others(self) -> list[int]:
        """Return the connections to this database that are not ours."""
        with self._making:
            rows = _rows(connection.cursor, _ALL[connection.vendor])
            return sorted(key for (key,) in rows if key not in self._mine)


def _rows(cursor: Callable[[], Any], sql: str) -> list[tuple[Any, ...]]:
    with cursor() as opened:
        opened.execute(sql)
        return list(opened.fetchall())


def _do(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
