"""Functions of Django's tasks framework on the backend: enqueued, run, and read back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.utils import timezone

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task
from django_tasks_poc.tasks_api import (
    InvalidTask,
    TaskResultDoesNotExist,
    TaskResultStatus,
    task_backends,
)
from django_tasks_poc.testing import run_pending

from . import backend_tasks as tasks
from .handlers import Noop

pytestmark = pytest.mark.django_db

READY, RUNNING = TaskResultStatus.READY, TaskResultStatus.RUNNING
SUCCESSFUL, FAILED = TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED


def test_a_function_runs_and_its_value_comes_back() -> None:
    result = tasks.add.enqueue(2, b=3)

    assert result.status == READY
    assert not result.is_finished
    assert (result.args, result.kwargs, result.backend, result.attempts) == ([2], {"b": 3}, "default", 0)
    assert result.enqueued_at is not None
    assert (result.started_at, result.finished_at, result.last_attempted_at) == (None, None, None)
    with pytest.raises(ValueError, match="not finished"):
        _ = result.return_value

    assert run_pending() == 1
    result.refresh()
    assert (result.status, result.return_value, result.errors, result.attempts) == (SUCCESSFUL, 5, [], 1)
    assert result.is_finished
    (worker,) = result.worker_ids
    assert len(worker) == 36
    assert result.enqueued_at <= result.started_at <= result.last_attempted_at <= result.finished_at


def test_it_is_a_task_of_one_stage_with_the_name_of_the_function() -> None:
    result = tasks.post.enqueue()

    row = Task.objects.get(uuid=result.id)
    assert (row.title, row.queue, row.priority, row.unique_key, row.total_count) == ("post", "mail", 7, "", 1)


def test_an_async_function_runs() -> None:
    result = tasks.add_async.enqueue(1, 2)
    run_pending()
    result.refresh()
    assert result.return_value == 3


@pytest.mark.django_db(transaction=True)
def test_async_code_enqueues_and_reads() -> None:
    async def enqueue() -> Any:
        result = await tasks.add.aenqueue(1)
        return await tasks.add.aget_result(result.id), result

    found, result = async_to_sync(enqueue)()
    assert (found.id, found.status) == (result.id, READY)
    run_pending()
    async_to_sync(found.arefresh)()
    assert found.return_value == 2


def test_a_result_is_had_back_by_its_id_alone() -> None:
    result = tasks.echo.using(priority=-100, queue_name="mail").enqueue({"a": [1, None]}, x=True)

    found = task_backends["default"].get_result(result.id)
    assert found.task.func is tasks.echo.func
    assert (found.task.priority, found.task.queue_name, found.task.run_after) == (-100, "mail", None)
    assert (found.args, found.kwargs) == ([{"a": [1, None]}], {"x": True})
    assert tasks.echo.get_result(result.id) == found


@pytest.mark.parametrize("result_id", ["", "nonsense", "019a0000-0000-7000-8000-000000000000", "0" * 64])
def test_an_unknown_id_is_no_result(result_id: str) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        tasks.add.get_result(result_id)


def test_what_was_not_enqueued_is_no_result() -> None:
    builder = TaskBuilder()
    built = builder.build(builder.create("Sum", EntityWrapper(Noop)))
    drafted = builder.build(builder.create("Draft", EntityWrapper.from_task(tasks.add, a=1)))
    for uuid in (built.uuid, drafted.uuid):
        with pytest.raises(TaskResultDoesNotExist):
            tasks.add.get_result(str(uuid))


def test_the_result_of_another_function_is_a_mismatch() -> None:
    result = tasks.add.enqueue(1)
    with pytest.raises(Exception, match="does not match") as caught:
        tasks.post.get_result(result.id)
    assert type(caught.value).__name__ == "TaskResultMismatch"


def test_reading_costs_two_queries_however_often_it_failed(django_assert_num_queries: Callable[[int], Any]) -> None:
    result = tasks.patient.enqueue(3)
    run_pending()
    with django_assert_num_queries(2):
        assert tasks.patient.get_result(result.id).attempts == 3


def test_the_same_call_is_never_refused() -> None:
    results = [tasks.add.enqueue(1) for _ in range(3)]
    run_pending()
    assert len({result.id for result in results}) == 3
    assert {tasks.add.get_result(result.id).status for result in results} == {SUCCESSFUL}


def test_enqueued_later_runs_later() -> None:
    moment = timezone.now() + dt.timedelta(hours=1)
    result = tasks.add.using(run_after=moment).enqueue(1)

    row = Task.objects.get(uuid=result.id)
    assert (row.claimable, row.due) == (False, moment)
    run_pending()  # which does not wait
    found = tasks.add.get_result(result.id)
    assert (found.status, found.task.run_after) == (SUCCESSFUL, moment)


def test_higher_priority_runs_first() -> None:
    results = {priority: tasks.add.using(priority=priority).enqueue(1) for priority in (-100, 0, 100)}
    run_pending()
    ends = {p: tasks.add.get_result(result.id).started_at for p, result in results.items()}
    assert sorted(ends, key=lambda priority: ends[priority]) == [100, 0, -100]


@pytest.mark.parametrize("priority", [-101, 101, 1.5])
def test_a_priority_out_of_range_is_refused(priority: Any) -> None:
    with pytest.raises(InvalidTask, match="priority"):
        tasks.add.using(priority=priority)


def test_an_unknown_queue_is_refused() -> None:
    with pytest.raises(InvalidTask, match="'nowhere' is not valid"):
        tasks.add.using(queue_name="nowhere")


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(InvalidTask, match="aware"):
        tasks.add.using(run_after=timezone.now().replace(tzinfo=None))


def test_a_function_that_another_process_cannot_find_is_refused() -> None:
    with pytest.raises(InvalidTask, match="plain is not a task"):
        tasks.renamed.enqueue()
    assert not Task.objects.exists()


@pytest.mark.parametrize("value", [object(), {1, 2}, b"\xff"])
def test_arguments_that_are_no_json_are_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        tasks.echo.enqueue(value)
    assert not Task.objects.exists()


def test_the_error_of_an_argument_says_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"arguments of tests\.backend_tasks\.echo must be JSON.*Pass the id"):
        tasks.echo.enqueue(x=object())


@pytest.mark.django_db(transaction=True)
def test_it_is_rolled_back_with_the_caller() -> None:
    def enqueue() -> str:
        with transaction.atomic():
            result = tasks.add.enqueue(1)
            assert tasks.add.get_result(result.id).status == READY
            transaction.set_rollback(True)
        return result.id

    rolled_back = enqueue()
    with pytest.raises(TaskResultDoesNotExist):
        tasks.add.get_result(rolled_back)
    assert run_pending() == 0


def test_a_function_may_enqueue() -> None:
    result = tasks.enqueue_more.enqueue(3)
    run_pending()
    result.refresh()
    assert [tasks.add.get_result(id).return_value for id in result.return_value] == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_what_a_function_enqueues_is_rolled_back_with_it() -> None:
    result = tasks.enqueue_and_fail.enqueue()
    run_pending()
    assert tasks.enqueue_and_fail.get_result(result.id).status == FAILED
    assert Task.objects.count() == 1
