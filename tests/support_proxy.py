"""A way to the database that can be cut: connections are refused, or what is sent is never answered."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import connection

_PORTS = {"postgresql": 5432, "mysql": 3306}


class Proxy:
    """Hands connections to a port of its own on to the server of the tests."""

    def __init__(self) -> None:
        values = connection.settings_dict
        self._server = values["HOST"] or "127.0.0.1", int(values["PORT"] or _PORTS[connection.vendor])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._flows = threading.Event()
        self._flows.set()
        self._is_refusing = False
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def refuse(self) -> None:
        """End all connections, and each new one at once."""
        self._is_refusing = True
        self._end_all()

    def fall_silent(self) -> None:
        """Keep connections open, also new ones, and hand nothing on."""
        self._flows.clear()

    def hang(self) -> None:
        """End all connections; new ones are taken and never answered."""
        self._flows.clear()
        self._end_all()

    def mend(self) -> None:
        """Hand everything on again, also what came meanwhile."""
        self._is_refusing = False
        self._flows.set()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # or the thread would go on to accept
        self._listener.close()
        self._flows.set()
        self._end_all()

    def _end_all(self) -> None:
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_refusing:
                    client.close()
                    continue
                server = socket.create_connection(self._server)
                self._open |= {client, server}
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                self._flows.wait()
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.discard(one)
        one.close()


@contextmanager
def proxy() -> Iterator[Proxy]:
    """Open a way to the server, and close it in the end."""
    way = Proxy()
    try:
        yield way
    finally:
        way.close()
