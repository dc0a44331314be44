"""Log lines on the signals: logger ``django_tasks_poc``, with stable keys in ``extra``."""

from __future__ import annotations

import logging
from typing import Any

from . import signals
from .states import State
from .texts import one_line

logger = logging.getLogger("django_tasks_poc")


#: Of states, in English whatever the language of the admin: lines are searched for.
_WORDS = {
    State.WAITING: "waiting", State.PAUSED: "paused", State.SUCCESS: "succeeded", State.ERROR: "failed",
    State.CANCELED: "canceled", State.SKIPPED: "skipped", State.READY: "is to run again",
}  # fmt: skip
#: Characters of a message in a log line.
_LINE = 500


def _log(level: int, text: str, *args: Any, **extra: Any) -> None:
    extra.pop("signal", None)
    extra.pop("sender", None)
    # "message" is a name that logging keeps for itself.
    extra["outcome"] = extra.pop("message", "")
    logger.log(level, text, *args, extra=extra)


def _brief(message: str) -> str:
    """Return what of a title or a message goes into a line; the whole is in ``extra``."""
    return one_line(message.partition("\n")[0], _LINE) or "no message"


def _task_built(**event: Any) -> None:
    _log(logging.DEBUG, "Built “%s” (%s)", _brief(event["title"]), event["task"], **event)


def _task_ended(**event: Any) -> None:
    level = logging.ERROR if event["state"] == State.ERROR else logging.INFO
    word = _WORDS[State(event["state"])]
    _log(level, "Task “%s” %s: %s", _brief(event["title"]), word, _brief(event["message"]), **event)


def _stage_started(**event: Any) -> None:
    if not logger.isEnabledFor(logging.DEBUG):
        return  # It is called for every stage: nothing is made that nobody reads.
    _log(logging.DEBUG, "Stage %s %s begins, attempt %s", event["handler"], event["stage"], event["attempt"], **event)


def _stage_ended(**event: Any) -> None:
    failed = event["state"] == State.ERROR or event["outcome"]
    level = logging.WARNING if failed else logging.DEBUG
    if not logger.isEnabledFor(level):
        return
    word = _WORDS[State(event["state"])]
    seconds = "" if event["duration"] is None else f" after {event['duration']:.2f} s"
    message = _brief(event["message"])
    _log(level, "Stage %s %s %s%s: %s", event["handler"], event["stage"], word, seconds, message, **event)


def _manager_started(**event: Any) -> None:
    text = "Manager %s works on node %s: %s, %s stages side by side"
    _log(logging.INFO, text, event["manager"], event["node"], event["executor"], event["queue_size"], **event)


def _manager_stopped(**event: Any) -> None:
    _log(logging.INFO, "Manager %s stopped", event["manager"], **event)


for _signal, _receiver in (
    (signals.task_built, _task_built),
    (signals.task_ended, _task_ended),
    (signals.stage_started, _stage_started),
    (signals.stage_ended, _stage_ended),
    (signals.manager_started, _manager_started),
    (signals.manager_stopped, _manager_stopped),
):
    _signal.connect(_receiver, dispatch_uid=f"django_tasks_poc.{_receiver.__name__}")
