"""From the end of a start to the move of its stage."""

from __future__ import annotations

import signal
from enum import Enum

import msgspec

from ..messages import Report
from ..models import AttemptOutcome, StageAttempt
from ..options import MAX_LOST, TaskOptions
from ..outcomes import STATE_OF_ANSWER, Answer
from ..serialization import clean_text
from ..states import State
from ..storage.values import Claim, StageMove

#: What a signal that nobody here has sent may mean.
_HINTS: dict[int, str] = {
    signal.SIGKILL: " The system may have run out of memory.",
    signal.SIGXCPU: " It used up the CPU time that it is limited to.",
    **dict.fromkeys(
        (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL), " Its stderr names the place."
    ),
}
#: Characters of the last line of stderr that are told.
_LAST_WORDS = 500


class Cause(Enum):
    """Why the manager stopped a process."""

    TIMED_OUT = "timed out"
    CANCELED = "canceled"
    INTERRUPTED = "interrupted"
    LOST = "lost"
    #: Claimed and not begun.
    RETURNED = "returned"
    #: Claimed, and its row cannot be read.
    UNREADABLE = "unreadable"


class Ending(msgspec.Struct, frozen=True):
    """How one start ended: what the process said, how it went, and why it was stopped if it was.

    Times are seconds, ``max_rss`` is KiB; ``code`` or ``signal`` of a process that is gone.
    """

    claim: Claim
    report: Report | None = None
    cause: Cause | None = None
    host: str = ""
    pid: int | None = None
    duration: float | None = None
    timeout: float = 0.0
    code: int | None = None
    signal: int | None = None
    user_cpu: float | None = None
    system_cpu: float | None = None
    max_rss: int | None = None
    stdout: str = ""
    stderr: str = ""
    why: str = ""

    @property
    def cpu(self) -> float | None:
        if self.user_cpu is None or self.system_cpu is None:
            return self.report.cpu if self.report is not None else None
        return self.user_cpu + self.system_cpu


def decide(ending: Ending) -> StageMove:
    """Return the move that the ending means. An outcome that arrived wins over everything else."""
    if ending.report is not None:
        return _answered(ending, ending.report)
    if ending.cause is Cause.RETURNED:
        return _move(ending, State.READY, "", is_refunded=True)
    if ending.cause is Cause.UNREADABLE:
        return _failed(ending, State.ERROR, AttemptOutcome.ERROR, ending.why)
    if ending.cause is Cause.CANCELED:
        return _failed(ending, State.CANCELED, AttemptOutcome.CANCELED, "Canceled while it ran.")
    if ending.cause is Cause.INTERRUPTED:
        return _returned(ending, State.READY, AttemptOutcome.INTERRUPTED, ending.why or "Its manager stopped.")
    if ending.cause is Cause.LOST and ending.claim.lost >= MAX_LOST:
        message = f"Its process was lost {ending.claim.lost + 1} times while it ran. {ending.why}".rstrip()
        return _returned(ending, State.ERROR, AttemptOutcome.LOST, message)
    if ending.cause is Cause.LOST:
        return _returned(ending, State.READY, AttemptOutcome.LOST, ending.why or "Its process was lost.")
    if ending.cause is Cause.TIMED_OUT:
        message = f"TimeoutError: it ran longer than {ending.timeout:g} s."
        return _failed_or_again(ending, AttemptOutcome.TIMED_OUT, message, may_retry=True)
    return _failed_or_again(ending, AttemptOutcome.CRASHED, _death(ending), may_retry=True)


def _answered(ending: Ending, report: Report) -> StageMove:
    state = STATE_OF_ANSWER[report.answer]
    if report.answer is Answer.ERROR:
        return _failed_or_again(ending, AttemptOutcome.ERROR, report.message, may_retry=report.retriable)
    return _move(
        ending, state, report.message,
        response=report.response, response_type=report.response_type, nested=report.nested, delay=report.seconds,
        is_refunded=report.answer in (Answer.DELAY, Answer.PAUSE), cancels_task=report.answer is Answer.CANCEL,
    )  # fmt: skip


def _failed_or_again(ending: Ending, outcome: AttemptOutcome, message: str, *, may_retry: bool) -> StageMove:
    claim = ending.claim
    policy = TaskOptions.loads(claim.options).retry_of(claim.handler, is_finally=claim.is_finally)
    if may_retry and claim.spent < policy.max_attempts:
        return _failed(ending, State.READY, outcome, message, delay=policy.pause_after(claim.spent))
    return _failed(ending, State.ERROR, outcome, message)


def _failed(ending: Ending, state: State, outcome: AttemptOutcome, message: str, *, delay: float = 0.0) -> StageMove:
    report = ending.report
    return _move(
        ending, state, message,
        response=report.response if report is not None else "",
        response_type=report.response_type if report is not None else "",
        error_class=report.error_class if report is not None else "",
        error_message=clean_text(report.error_message if report is not None else message),
        traceback=clean_text(report.traceback if report is not None else ""),
        delay=delay, attempt=_post_mortem(ending, outcome, message),
    )  # fmt: skip


def _returned(ending: Ending, state: State, outcome: AttemptOutcome, message: str) -> StageMove:
    """Return the move of a start that ended through no fault of its own, unless it was lost too often."""
    return _move(
        ending, state, message, error_message=message if state is State.ERROR else "",
        is_refunded=True, is_lost=outcome is AttemptOutcome.LOST, attempt=_post_mortem(ending, outcome, message),
    )  # fmt: skip


def _move(ending: Ending, state: State, message: str, **rest: object) -> StageMove:
    claim = ending.claim
    max_rss = ending.max_rss
    if max_rss is None and ending.report is not None:
        max_rss = ending.report.max_rss
    return StageMove(
        claim.task, claim.stage, claim.token, state, clean_text(message),
        duration=ending.duration, cpu=ending.cpu, max_rss=max_rss,
        is_followed=claim.is_followed, is_of_root=claim.depth == 0, **rest,  # type: ignore[arg-type]  # named above
    )  # fmt: skip


def _post_mortem(ending: Ending, outcome: AttemptOutcome, message: str) -> StageAttempt:
    return StageAttempt(
        outcome=outcome, message=clean_text(message), host=ending.host[:255], pid=ending.pid,
        traceback=clean_text(ending.report.traceback) if ending.report is not None else "",
        exit_code=ending.code, signal=ending.signal, user_cpu=ending.user_cpu, system_cpu=ending.system_cpu,
        max_rss=ending.max_rss, stdout=clean_text(ending.stdout), stderr=clean_text(ending.stderr),
    )  # fmt: skip


def _death(ending: Ending) -> str:
    if ending.signal is not None:
        try:
            name = signal.Signals(ending.signal).name
        except ValueError:
            name = "unknown"
        return f"Its process died of signal {ending.signal} ({name}).{_HINTS.get(ending.signal, '')}"
    words = next((line.strip() for line in reversed(ending.stderr.splitlines()) if line.strip()), "")
    said = f" It said last: {words[:_LAST_WORDS]}" if words else ""
    return (
        f"Its process ended with exit code {ending.code} and sent no outcome. "
        f"A handler returns its answer and ends no process.{said}"
    )
