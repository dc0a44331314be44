"""What a fork server runs before its children do: it touches no database, and leaves in caches what they need."""

from __future__ import annotations

import socket

from django_tasks_poc.executors import child
from django_tasks_poc.executors.link import SocketLink
from django_tasks_poc.messages import Report, Unpacker, for_manager, pack
from django_tasks_poc.outcomes import Answer
from django_tasks_poc.runtime import prepare, rehearsal, run
from django_tasks_poc.serialization import params_type

from .handlers import Noop


def test_a_rehearsal_succeeds_without_a_database() -> None:
    """Given no access to a database, when the stage runs as in a child, then it answers."""
    request = rehearsal()
    mine, theirs = socket.socketpair()
    with mine, theirs:
        mine.send(pack(request))
        link = SocketLink(theirs)
        received = link.receive()
        assert received is not None
        link.report(run(received, link), goes_on=False)
        messages = [for_manager(body) for body in Unpacker().feed(mine.recv(65536))]
    report = messages[-1]
    assert isinstance(report, Report)
    assert (report.token, report.answer, report.response) == (request.token, Answer.SUCCESS, "1")


def test_nobody_speaks_after_a_rehearsal() -> None:
    """Given a server that has rehearsed, then no socket of the rehearsal is left for its forks to close."""
    child.rehearse(run, rehearsal())
    from django_tasks_poc.executors import link

    assert link._speaker is None


def test_a_handler_is_known_before_the_first_fork_for_it() -> None:
    params_type.cache_clear()
    prepare(f"{Noop.__module__}.{Noop.__qualname__}")
    hits = params_type.cache_info().hits
    params_type(Noop)
    assert params_type.cache_info().hits == hits + 1
