"""What a handler returns and raises that it must not."""

from __future__ import annotations

import pytest

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.models import Task

from .answers import Answers, FailsInInit, Handles, WrongSignature, Yields, YieldsAsync
from .runs import Run

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]

_HINT = "return self.success(...), or another helper of TaskHandlerBase"
_RETURNED = "InvalidHandler: Answers.handle returned"
_WHOSE = "InvalidHandler: Answers.handle returned an outcome whose"
_PATH = "tests.bad_input.answers"
FAILED = {
    "None": f"{_RETURNED} None; {_HINT}.",
    "a string": f"{_RETURNED} 'done'; {_HINT}.",
    "a long string": f"{_RETURNED} '{('done ' * 20)[:99]}…; {_HINT}.",
    "a tuple": f"{_RETURNED} (True, 'done'); {_HINT}.",
    "a class": f"{_RETURNED} <class 'django_tasks_poc.outcomes.Outcome'>; {_HINT}.",
    "an answer in words": f"{_WHOSE} answer is 'success', not an Answer; {_HINT}.",
    "a message that is none": f"{_WHOSE} message is 5, not a string; {_HINT}.",
    "seconds without end": f"{_WHOSE} seconds is nan, not a number of at least 0; {_HINT}.",
    "a title for a task": f"{_WHOSE} nested is 'nested', not the uuid of a task; {_HINT}.",
    "an error that is none": f"{_WHOSE} error is ErrorInfo(class_path='a.B', message=5, traceback=''), "
    f"not an ErrorInfo of strings; {_HINT}.",
    "a wait for a title": "InvalidResponse: wait takes the task that builder.build returned, not 'nested'.",
    "a negative delay": "InvalidResponse: delay takes seconds from 0 to ten years, not -1.",
    "a delay beyond the calendar": "InvalidResponse: delay takes seconds from 0 to ten years, not 10000000000000.0.",
    "MemoryError": "MemoryError",
    "RecursionError": "RecursionError: maximum recursion depth exceeded",
    "an exception without words": "Unspeakable: (its __str__ raised RuntimeError)",
    "StopIteration": "StopIteration",
    "a group": "ExceptionGroup: all of it (2 sub-exceptions)",
    "yields": f"InvalidHandler: Yields.handle is a generator; {_HINT}, and yield nothing.",
    "yields async": f"InvalidHandler: YieldsAsync.handle is a generator; {_HINT}, and yield nothing.",
    "signature": "TypeError: WrongSignature.handle() takes 1 positional argument but 2 were given",
    "init": "OSError: not made",
    "handles: raises": "RuntimeError: worse",
    "handles: None": f"InvalidHandler: Handles.handle_error returned None; {_HINT}.\nLookupError: row 13 is missing",
    "handles: string": f"InvalidHandler: Handles.handle_error returned 'sorry'; {_HINT}.\n"
    "LookupError: row 13 is missing",
    "handles: exception": "InvalidHandler: Handles.handle_error returned LookupError('row 13 is missing'); "
    f"{_HINT}.\nLookupError: row 13 is missing",
    "handles: waits": "InvalidHandler: Handles.handle_error waits for a task, which only handle may; answer it there.\n"
    "LookupError: row 13 is missing",
}
_NO_OUTCOME = (
    "Its process ended with exit code 1 and sent no outcome. A handler returns its answer and ends no process."
)
CRASHED = {
    "KeyboardInterrupt": f"{_NO_OUTCOME} It said last: KeyboardInterrupt",
    "GeneratorExit": f"{_NO_OUTCOME} It said last: GeneratorExit",
    "CancelledError": f"{_NO_OUTCOME} It said last: asyncio.exceptions.CancelledError: no more",
    "a base exception": f"{_NO_OUTCOME} It said last: {_PATH}.Base: basic",
    "handles: exits": f"{_NO_OUTCOME} It said last: out of here",
}
VAGUE = {"a method": " of <", "a mute object": "<Mute>", "a draft": ".TaskDraft object at 0x"}
TAKEN = {"a coroutine": "later", "a subclass": "special"}

#: In cold processes too, which take half a second each.
IN_COLD = ("None", "RecursionError", "an exception without words", "KeyboardInterrupt", "handles: waits")


def stages() -> dict[str, EntityWrapper]:
    others = {"yields": Yields, "yields async": YieldsAsync, "signature": WrongSignature, "init": FailsInInit}
    found = {}
    for name in (*FAILED, *CRASHED, *VAGUE, *TAKEN):
        before, _, how = name.partition(": ")
        if before == "handles":
            found[name] = EntityWrapper(Handles, {"what": how})
        else:
            found[name] = EntityWrapper(others[name]) if name in others else EntityWrapper(Answers, {"what": name})
    return found


@pytest.mark.parametrize("name", FAILED)
def test_it_is_an_error_that_says_what_to_do(ended: Run, name: str) -> None:
    state, message = ended[name].facts
    assert (state, message[: len(FAILED[name])]) == (State.ERROR, FAILED[name])
    # Python says here where the stack ran out.
    assert len(message) == len(FAILED[name]) or name == "RecursionError"
    assert ended[name].outlived
    ended.assert_nothing_else_is_lost(name)


@pytest.mark.parametrize("name", VAGUE)
def test_an_error_names_what_has_no_words_of_its_own(ended: Run, name: str) -> None:
    state, message = ended[name].facts
    assert state == State.ERROR
    assert message.startswith(f"{_RETURNED} ")
    assert message.endswith(f"; {_HINT}.")
    assert VAGUE[name] in message
    assert len(message) < 250
    ended.assert_nothing_else_is_lost(name)


@pytest.mark.parametrize("name", CRASHED)
def test_what_is_no_exception_is_a_crash(ended: Run, name: str) -> None:
    assert ended[name].facts == (State.ERROR, CRASHED[name])
    attempt = ended[name].attempt
    assert attempt is not None
    assert (attempt.outcome, attempt.exit_code) == ("crashed", 1)
    assert not ended[name].outlived
    ended.assert_nothing_else_is_lost(name)


@pytest.mark.parametrize("name", TAKEN)
def test_it_is_taken_as_it_is_meant(ended: Run, name: str) -> None:
    assert ended[name].facts == (State.SUCCESS, TAKEN[name])
    ended.assert_nothing_else_is_lost(name)


@pytest.mark.parametrize("how", ["raises", "None", "string", "exception", "waits"])
def test_the_exception_that_was_badly_handled_is_in_the_traceback(ended: Run, how: str) -> None:
    traceback = ended[f"handles: {how}"].stage.traceback
    assert 'raise LookupError("row 13 is missing")' in traceback
    assert "During handling of the above exception" in traceback


def test_an_exception_without_words_has_its_place_told(ended: Run) -> None:
    assert "raise Unspeakable" in ended["an exception without words"].stage.traceback


def test_a_task_that_nobody_may_wait_for_is_gone(ended: Run) -> None:
    assert not Task.objects.filter(title="n").exists()


@pytest.mark.parametrize("name", IN_COLD)
def test_the_same_happens_in_cold_processes(ended: Run, cold: Run, name: str) -> None:
    cold.assert_same(name, ended)


def test_the_managers_went_on(ended: Run, cold: Run) -> None:
    ended.assert_manager_went_on(code=1)
    cold.assert_manager_went_on(code=1)
