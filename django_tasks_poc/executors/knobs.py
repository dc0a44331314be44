"""What a stage may have turned in its interpreter and at the system, and what turns it back."""

from __future__ import annotations

import decimal
import gc
import locale
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

#: What is read, and what writes it.
Knob = tuple[Callable[[], Any], Callable[[Any], object]]


class Knobs:
    """The knobs as they stand when this is made.

    Not among them are imported modules and what those keep, and the settings of loggers that came later: a module that
    is imported once sets them once.
    """

    def __init__(self) -> None:
        knobs: list[Knob] = [*_KNOBS, *_limits()]
        self._values = [(read, write, read()) for read, write in knobs]
        self._loggers = [_read_logger(logger) for logger in (logging.getLogger(), *_known_loggers())]
        self._decimal = decimal.getcontext().copy()

    def turn_back(self) -> None:
        """Turn back what was turned; raises what the system says when it does not let."""
        for read, write, value in self._values:
            if read() != value:
                write(value)
        _turn_back_loggers(self._loggers)
        decimal.setcontext(self._decimal.copy())


def _limits() -> Iterator[Knob]:
    for name in dir(resource):
        if name.startswith("RLIMIT_"):
            number = getattr(resource, name)
            yield partial(resource.getrlimit, number), partial(resource.setrlimit, number)


def _known_loggers() -> Iterator[logging.Logger]:
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            yield logger


def _read_logger(logger: logging.Logger) -> tuple[Any, ...]:
    return logger, logger.level, logger.propagate, logger.disabled, logger.handlers[:], logger.filters[:]


def _turn_back_loggers(states: list[tuple[Any, ...]]) -> None:
    for logger, level, propagate, disabled, handlers, filters in states:
        if logger.level != level:
            logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled
        if logger.handlers != handlers:
            logger.handlers[:] = handlers
        if logger.filters != filters:
            logger.filters[:] = filters


def _switch_collector(on: bool) -> None:
    if on:
        gc.enable()
    else:
        gc.disable()


def _write_path(path: list[str]) -> None:
    sys.path[:] = path


_KNOBS: list[Knob] = [
    (lambda: list(sys.path), _write_path),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (lambda: sys.excepthook, partial(setattr, sys, "excepthook")),
    (lambda: threading.excepthook, partial(setattr, threading, "excepthook")),
    (gc.isenabled, _switch_collector),
    (socket.getdefaulttimeout, socket.setdefaulttimeout),
    (lambda: logging.root.manager.disable, logging.disable),
    (partial(locale.setlocale, locale.LC_ALL), partial(locale.setlocale, locale.LC_ALL)),
    (partial(os.getpriority, os.PRIO_PROCESS, 0), partial(os.setpriority, os.PRIO_PROCESS, 0)),
    *(
        (partial(signal.getitimer, which), lambda value, which=which: signal.setitimer(which, *value))
        for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    ),
]
if hasattr(os, "sched_getaffinity"):
    _KNOBS.append((partial(os.sched_getaffinity, 0), partial(os.sched_setaffinity, 0)))
