"""Answers: whether one is allowed, and how it is written down."""

from __future__ import annotations

import inspect
import math
import traceback
from typing import Any
from uuid import UUID

from ..context import TaskStageContext
from ..entities import TaskResponse
from ..exceptions import InvalidHandler, InvalidResponse, TaskError
from ..messages import Report, Request
from ..options import StoredRetry
from ..outcomes import Answer, ErrorInfo, Outcome
from ..serialization import clean_text, dump_response, text_of
from ..words import short

_HINT = "return self.success(...), or another helper of TaskHandlerBase"


def checked(returned: Any, handler: Any, context: TaskStageContext) -> Outcome:
    """Return the answer of ``handle`` if it may be one; raise InvalidHandler saying what is wrong."""
    name = f"{type(handler).__qualname__}.handle"
    answer = as_outcome(returned, name)
    if answer.answer is Answer.WAIT:
        if answer.nested not in context.built:
            raise InvalidHandler(
                f"{name} waits for task {answer.nested}, which was not built with this attempt's context: "
                "self.wait(context.builder.build(draft, context))."
            )
        if len(context.built) > 1:
            raise InvalidHandler(f"{name} built {len(context.built)} nested tasks; a stage waits for one.")
    elif context.built:
        raise InvalidHandler(f"{name} built nested task {context.built[0]} and did not return self.wait(task).")
    return answer


def as_outcome(answer: Any, name: str) -> Outcome:
    """Return what the method ``name`` returned; raise InvalidHandler when it is no outcome, or one of wrong parts."""
    if not isinstance(answer, Outcome):
        if inspect.isgenerator(answer) or inspect.isasyncgen(answer):
            raise InvalidHandler(f"{name} is a generator; {_HINT}, and yield nothing.")
        raise InvalidHandler(f"{name} returned {short(answer)}; {_HINT}.")
    if wrong := _wrong_part(answer):
        part, wanted = wrong
        value = short(getattr(answer, part))
        raise InvalidHandler(f"{name} returned an outcome whose {part} is {value}, not {wanted}; {_HINT}.")
    return answer


def _wrong_part(outcome: Outcome) -> tuple[str, str] | None:
    """Name a part of a wrong type or value, and what it must be."""
    error, seconds, nested = outcome.error, outcome.seconds, outcome.nested
    if not isinstance(outcome.answer, Answer):
        return "answer", "an Answer"
    if not isinstance(outcome.message, str):
        return "message", "a string"
    if error is not None and not _is_error(error):
        return "error", "an ErrorInfo of strings"
    if not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
        return "seconds", "a number of at least 0"
    if nested is not None and not isinstance(nested, UUID):
        return "nested", "the uuid of a task"
    return None


def _is_error(error: Any) -> bool:
    texts = (error.class_path, error.message, error.traceback) if isinstance(error, ErrorInfo) else (None,)
    return all(isinstance(text, str) for text in texts)


def error_outcome(error: Exception) -> Outcome:
    """Return the outcome of an exception: ``Class: text``, and the traceback."""
    kind = type(error)
    text = text_of(error)
    message = f"{kind.__qualname__}: {text}" if text else kind.__qualname__
    path = f"{kind.__module__}.{kind.__qualname__}"
    trace = "".join(traceback.format_exception(error))
    return Outcome(Answer.ERROR, message, error=ErrorInfo(path[:255], text, trace), exception=error)


def report_of(request: Request, outcome: Outcome) -> Report:
    """Return the outcome as it travels; a response that cannot be stored makes it an error."""
    try:
        response, kind = _dump(outcome.response, request.max_response_size)
    except TaskError as refused:
        return report_of(request, _refusal(refused, outcome))
    retriable = False
    if outcome.answer is Answer.ERROR and outcome.exception is not None:
        # Our own complaints are about the code; another start would end the same way.
        policy = StoredRetry(on=request.retry_on)
        retriable = policy.matches(outcome.exception) and not isinstance(outcome.exception, TaskError)
    error = outcome.error or ErrorInfo(message=outcome.message)
    failed = outcome.answer is Answer.ERROR
    return Report(
        request.token, outcome.answer, clean_text(outcome.message), response, kind,
        error_class=error.class_path if failed else "",
        error_message=clean_text(error.message) if failed else "",
        traceback=clean_text(error.traceback) if failed else "",
        nested=outcome.nested, seconds=outcome.seconds, retriable=retriable,
    )  # fmt: skip


def _refusal(refused: TaskError, outcome: Outcome) -> Outcome:
    """Return the outcome of an answer whose response was refused; the error that it told of is not lost for that."""
    if outcome.answer is not Answer.ERROR:
        return error_outcome(refused)
    refused.__cause__ = outcome.exception or refused.__cause__
    told = error_outcome(refused)
    return Outcome(Answer.ERROR, f"{outcome.message}\n{told.message}", error=told.error, exception=refused)


def _dump(response: Any, limit: int) -> tuple[str, str]:
    if response is None:
        return "", ""
    text, kind = dump_response(response, TaskResponse)
    if len(text) > limit or len(text.encode()) > limit:
        raise InvalidResponse(
            f"The response has {len(text.encode()):,} bytes of JSON; MAX_RESPONSE_SIZE allows {limit:,}. "
            "Store it yourself and return where it is."
        )
    return text, kind
