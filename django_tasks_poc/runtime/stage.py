"""One stage: make the handler, let it answer, and put the answer into a report."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync

from ..builder import TaskBuilder
from ..context import TaskStageContext
from ..entities import EntityFinally, EntityHandler, TaskResponse
from ..exceptions import InvalidHandler, InvalidParams
from ..messages import Link, Report, Request
from ..outcomes import Answer, Outcome
from ..serialization import import_class, load_params, load_response, params_type, reading
from ..states import State
from .answers import as_outcome, checked, error_outcome, report_of
from .atomic import AtomicScope
from .elsewhere import no_writes_but_on
from .forks import end_fork
from .transactions import Transactions

_ANSWER_OF_STATE = {
    State.SUCCESS: Answer.SUCCESS,
    State.ERROR: Answer.ERROR,
    State.CANCELED: Answer.CANCEL,
    State.SKIPPED: Answer.SKIP,
}


def prepare(handler: str) -> None:
    """Import the handler's module ahead of its first stage, and learn what params it takes."""
    base = EntityFinally if issubclass(import_class(handler, object), EntityFinally) else EntityHandler
    params_type(import_class(handler, base))


def run(request: Request, link: Link, make_builder: Callable[[str], TaskBuilder] = TaskBuilder) -> Report:
    """Run the stage of a request and return what it answered; only what is no Exception comes through."""
    try:
        if request.is_finally:
            return report_of(request, _run_finally(request))
        handler = _make(request, EntityHandler)
    except Exception as error:
        return report_of(request, error_outcome(error))
    if request.atomic:
        return _run_atomic(request, link, handler)
    context = TaskStageContext(request, link, make_builder)
    transactions = Transactions()
    try:
        outcome = _answer(handler, context)
        transactions.assert_none_left(handler)
    except Exception as error:
        transactions.roll_back()
        outcome = _after(error, handler, context)
    return report_of(request, outcome)


def _run_atomic(request: Request, link: Link, handler: Any) -> Report:
    """Commit the handler's writes and its answer together; an error, answered or raised, takes them back."""
    scope = AtomicScope(request, link)
    context = TaskStageContext(request, scope, TaskBuilder)
    before = Transactions()
    try:
        with scope, no_writes_but_on(scope.database):
            begun = Transactions()
            report = report_of(request, _answer(handler, context))
            begun.assert_none_left(handler)
            if report.answer is not Answer.ERROR:
                return scope.record(report)
            scope.roll_back()
            return report
    except Exception as error:
        before.roll_back()
        if scope.may_succeed_again(error):
            message = f"Interrupted by the database and to be done again: {error}"
            return Report(request.token, Answer.DELAY, message, seconds=scope.PAUSE)
        return report_of(request, _after(error, handler, context))


def _make(request: Request, base: type) -> Any:
    """Make the handler; what is wrong with it now was right when the task was built."""
    try:
        handler = import_class(request.handler, base)
        params = load_params(handler, request.params)
    except (InvalidHandler, InvalidParams) as error:
        raise type(error)(
            f"{str(error).rstrip('.')}. It was right when the task was built: put it back and retry what failed, "
            "or build the task anew."
        ) from error
    return handler(**params)


def _answer(handler: Any, context: TaskStageContext) -> Outcome:
    return checked(_call(handler.handle, context), handler, context)


def _after(error: Exception, handler: Any, context: TaskStageContext) -> Outcome:
    """Ask the handler what is to be stored for its exception."""
    outcome = error_outcome(error)
    name = f"{type(handler).__qualname__}.handle_error"
    try:
        changed = as_outcome(_call(handler.handle_error, context, outcome), name)
        if changed.answer is Answer.WAIT:
            raise InvalidHandler(f"{name} waits for a task, which only handle may; answer it there.")
    except InvalidHandler as refused:
        # Both are told: what is wrong with the answer, and what it was given.
        told = error_outcome(refused)
        return Outcome(Answer.ERROR, f"{told.message}\n{outcome.message}", error=told.error, exception=refused)
    except Exception as second:
        return error_outcome(second)
    if changed.answer is Answer.ERROR and changed.exception is None:
        # It is still the failure of this exception, and retried like it.
        return Outcome(Answer.ERROR, changed.message, changed.response, changed.error or outcome.error, error)
    return changed


def _run_finally(request: Request) -> Outcome:
    before = request.previous
    assert before is not None
    with reading("The response of the task"):
        response = load_response(before.response, before.response_type, TaskResponse)
    ended = Outcome(_ANSWER_OF_STATE[State(before.state)], before.message, response)
    _call(_make(request, EntityFinally).handle, request.task, ended)
    return Outcome(Answer.SUCCESS)


def _call(method: Any, *args: Any) -> Any:
    """Call the user's method; what it forks may not come back, for the stage and its transaction are the parent's."""
    pid = os.getpid()
    try:
        return _call_here(method, *args)
    finally:
        if os.getpid() != pid:
            end_fork()


def _call_here(method: Any, *args: Any) -> Any:
    """Call a method that may be async; an async one runs in this thread, where the transaction is."""
    answer = method(*args)
    if not isinstance(answer, Outcome) and inspect.isawaitable(answer):
        return async_to_sync(_await)(answer)
    return answer


async def _await(answer: Any) -> Any:
    return await answer
