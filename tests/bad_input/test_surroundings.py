"""What a handler changes around it, and what the next stage finds of that: nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import Group

from django_tasks_poc import EntityWrapper, State

from . import runs
from .runs import COLD, PREFORK, Run
from .surroundings import ATOMIC, PUT_BACK, REPLACED, TRANSACTIONS, Changes, ChangesAtomically, ClosesAll

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]

CLOSED = ("all but the streams", "all", "all, others opened")
#: In cold processes too, which take half a second each.
IN_COLD = ("removed folder", "closed stdout", "descriptors 0, 1 and 2", "autocommit off", "all", "all but the streams")


def stages(folder: Path) -> dict[str, EntityWrapper]:
    changes = {name: EntityWrapper(Changes, {"what": name}) for name in (*PUT_BACK, *REPLACED, *TRANSACTIONS)}
    return {
        **changes,
        **{name: EntityWrapper(ChangesAtomically, {"what": name}) for name in ATOMIC},
        "all but the streams": EntityWrapper(ClosesAll, {"first": 3}),
        "all": EntityWrapper(ClosesAll, {"first": 0}),
        "all, others opened": EntityWrapper(ClosesAll, {"first": 3, "opens": str(folder / "file")}),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("surroundings")


@pytest.fixture(scope="module")
def ended(shared_database: None, folder: Path) -> Run:
    return runs.run(PREFORK, stages(folder))


@pytest.fixture(scope="module")
def groups(ended: Run) -> set[str]:
    """What the stages wrote."""
    return set(Group.objects.values_list("name", flat=True))


@pytest.fixture(scope="module")
def cold(groups: set[str], folder: Path) -> Run:
    Group.objects.all().delete()
    return runs.run(COLD, {name: stages(folder)[name] for name in IN_COLD})


@pytest.mark.parametrize("name", PUT_BACK)
def test_it_is_put_back(ended: Run, name: str) -> None:
    assert ended[name].facts == (State.SUCCESS, "changed")
    assert ended[name].outlived or (name == "priority" and os.geteuid())
    ended.assert_nothing_else_is_lost(name)


@pytest.mark.parametrize("name", REPLACED)
def test_a_process_that_cannot_put_it_back_takes_no_other_stage(ended: Run, name: str) -> None:
    assert ended[name].facts == (State.SUCCESS, "changed")
    assert not ended[name].outlived
    ended.assert_nothing_else_is_lost(name)


@pytest.mark.parametrize("name", [*TRANSACTIONS, "atomic in atomic"])
def test_an_open_transaction_is_an_error_and_rolled_back(ended: Run, groups: set[str], name: str) -> None:
    handler = "ChangesAtomically" if name in ATOMIC else "Changes"
    wanted = (
        f"InvalidHandler: {handler}.handle left a transaction open on default, which is rolled back. "
        "Commit it, or write inside `with transaction.atomic():`."
    )
    assert ended[name].facts == (State.ERROR, wanted)
    assert ended[name].outlived
    assert [group for group in groups if group.startswith("lost")] == []
    # What handle_error writes is in no transaction of that.
    assert f"told of {name}" in groups
    ended.assert_nothing_else_is_lost(name)


def test_an_atomic_stage_keeps_its_connection(ended: Run, groups: set[str]) -> None:
    name = "closed atomic connection"
    wanted = "InvalidHandler: An atomic stage closed the connection of its transaction; leave it open."
    assert ended[name].facts == (State.ERROR, wanted)
    assert f"told of {name}" in groups
    ended.assert_nothing_else_is_lost(name)


def test_what_was_committed_stays(ended: Run, groups: set[str]) -> None:
    assert {f"kept by {what}" for what in ("closed connection", "broken connection", "hand")} <= groups


@pytest.mark.parametrize("name", CLOSED)
def test_a_stage_that_closes_the_way_to_the_manager_is_a_crash(ended: Run, name: str) -> None:
    state, message = ended[name].facts
    words = (
        r" It said last: OSError: The handler closed descriptor \d+, through which its answer goes to the manager. "
        "Close only what you opened."
    )
    ends = "Its process ended with exit code 1 and sent no outcome. A handler returns its answer and ends no process."
    assert state == State.ERROR
    assert re.fullmatch(ends + ("" if name == "all" else words), message)
    ended.assert_nothing_else_is_lost(name)


def test_nothing_is_written_to_a_file_that_has_the_number_of_the_socket(ended: Run, folder: Path) -> None:
    files = list(folder.iterdir())
    assert len(files) == 64
    assert [file.name for file in files if file.stat().st_size] == []


@pytest.mark.parametrize("name", IN_COLD)
def test_the_same_happens_in_cold_processes(ended: Run, cold: Run, name: str) -> None:
    number = re.compile(r"descriptor \d+")
    assert number.sub("", cold[name].stage.message) == number.sub("", ended[name].stage.message)
    assert cold[name].post_mortem == ended[name].post_mortem
    cold.assert_nothing_else_is_lost(name)


def test_the_managers_went_on(ended: Run, cold: Run) -> None:
    ended.assert_manager_went_on(code=1)
    cold.assert_manager_went_on(code=1)
