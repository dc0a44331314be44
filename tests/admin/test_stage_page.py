"""The panel and the page of a stage: why it failed, how its starts went, what it was given and what it gave."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from django.test import Client
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.admin.tree.sources import source_of
from django_tasks_poc.admin.tree.tracebacks import fold
from django_tasks_poc.models import AttemptOutcome, StageAttempt, Task, TaskStage
from django_tasks_poc.testing import run_pending

from ..handlers_admin import Fail, FanOut, Say, Tell
from .trees import build, onlooker, text_of, url

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

HOSTILE = "<script>alert(1)</script>{{ 1 }}\x1b[31m\u202egpj.exe"


@pytest.fixture
def viewer(client: Client) -> Client:
    return onlooker(client)


def stage_of(task: Task, order: int = 0) -> TaskStage:
    return TaskStage.objects.get(task=task, order=order)


def test_a_failed_stage_says_why_and_how_each_start_went(viewer: Client) -> None:
    task = build("Bad", EntityWrapper(Fail, {"message": "row 7 is bad"}))
    run_pending()
    for name in ("stage", "panel"):
        content = text_of(viewer, url(name, stage_of(task)))
        for part in (
            "ValueError: row 7 is bad", "Traceback of attempt 2", "Failed with ValueError", "Show attempt 1",
            "tests.handlers_admin.Fail", "tests/handlers_admin.py:", "row 7 is bad", "in django_tasks_poc",
        ):  # fmt: skip
            assert part in content, part
        assert re.search(r'<pre class="hl">[^<]*handlers_admin.py&quot;, line \d+, in handle', content)
    assert "Traceback of attempt 1" in text_of(viewer, url("panel", stage_of(task)), attempt="1")


def test_a_death_is_shown_with_its_signal_time_memory_host_and_last_words(viewer: Client) -> None:
    task = build("Crash", EntityWrapper(Say))
    stage, now = stage_of(task), timezone.now()
    facts = {"host": "worker-1 boot ns", "pid": 4711, "ended_at": now, "max_rss": 2_000_000}
    for start, seconds, outcome, number in (
        (1, 109, AttemptOutcome.CRASHED, 9), (2, 35, AttemptOutcome.TIMED_OUT, 15), (3, 1, AttemptOutcome.LOST, None),
    ):  # fmt: skip
        StageAttempt.objects.create(
            stage=stage, start=start, attempt=start, outcome=outcome, signal=number, user_cpu=1.5, system_cpu=0.5,
            started_at=now - dt.timedelta(seconds=seconds), stderr=f"\x1b[31mlast words of {start}", **facts,
        )  # fmt: skip
    content = text_of(viewer, url("panel", stage), attempt="1")
    for part in (
        "Killed by signal 9 (SIGKILL)", "perhaps the system ran out of memory", "1\xa0min 49\xa0s", "1.9\xa0GB",
        "worker-1, pid 4711", "2.0\xa0s", "␛[31mlast words of 1", "Timed out after 35.0\xa0s", "signal 15 (SIGTERM)",
        "Lost",
    ):  # fmt: skip
        assert part in content, part
    assert content.count('aria-current="true"') == 1
    assert "last words of 3" in text_of(viewer, url("panel", stage))
    for wrong in ("99", "x", "-1", "9" * 30):
        assert "Killed by" in text_of(viewer, url("panel", stage), attempt=wrong)


def test_the_second_attempt_has_its_own_beginning() -> None:
    build("Bad", EntityWrapper(Fail))
    run_pending()
    first, second = StageAttempt.objects.order_by("start")
    assert second.started_at is not None
    assert second.started_at >= first.ended_at


def test_a_stage_that_succeeded_after_a_failure_has_a_row_for_each_start(viewer: Client) -> None:
    task = build("Late", EntityWrapper(Fail))
    run_pending()
    stage = stage_of(task)
    StageAttempt.objects.filter(stage=stage, start=2).delete()
    TaskStage.objects.filter(uuid=stage.uuid).update(state=State.SUCCESS, message="at last", duration=3.25)
    content = text_of(viewer, url("panel", stage))
    ends = re.findall(r'class="wide why">.*?</svg> ([^<]+)', content)
    assert ends == ["Succeeded", "Failed with ValueError"]
    assert "3.2\xa0s" in content


def test_the_page_links_to_the_stages_beside_it_and_to_its_nested_task(viewer: Client) -> None:
    task = build("Three", EntityWrapper(Say), EntityWrapper(FanOut, {"good": 2}), EntityWrapper(Say),
                 finally_=EntityWrapper(Tell))  # fmt: skip
    run_pending()
    first, middle, last, final = TaskStage.objects.filter(task=task).order_by("order")
    content = text_of(viewer, url("stage", middle))
    assert f'rel="prev" href="{url("stage", first)}"' in content
    assert f'rel="next" href="{url("stage", last)}"' in content
    assert url("change", Task.objects.get(depth=1)) in content
    assert "stage 2 of 3" in content
    assert 'rel="prev"' not in text_of(viewer, url("stage", first))
    assert "after all 3 stages" in text_of(viewer, url("stage", final))
    for page in (url("stage", first), url("stage", final)):
        assert "<input" not in text_of(viewer, page).partition('<div id="content-main"')[2]


def test_secrets_are_masked_wherever_they_are_shown(viewer: Client) -> None:
    task = build("Secret", EntityWrapper(Say, {"response": {"a": [{"api_key": {"deep": "hunter2"}}], "rows": 7}}))
    run_pending()
    stage = stage_of(task)
    for page in (
        url("stage", stage),
        url("panel", stage),
        url("change", task),
        url("stage_download", stage, "response"),
    ):
        content = text_of(viewer, page)
        assert "hunter2" not in content
    assert json.loads(text_of(viewer, url("stage_download", stage, "response")))["rows"] == 7


def test_a_big_response_is_cut_with_a_download_of_all_of_it(viewer: Client) -> None:
    response = json.dumps({"rows": ["x" * 60] * 17_000, "password": "hunter2"})
    task = build("Big", EntityWrapper(Say))
    run_pending()
    TaskStage.objects.filter(task=task).update(response=response)
    Task.objects.filter(uuid=task.uuid).update(response=response)
    for page, download in (
        (url("stage", stage_of(task)), url("stage_download", stage_of(task), "response")),
        (url("change", task), url("task_download", task, "response")),
    ):
        content = text_of(viewer, page)
        assert "Showing the first 64\xa0KB of 1.0\xa0MB." in content
        assert download in content
        assert len(content) < 2_000_000
        whole = viewer.get(download)
        assert whole.headers["Content-Disposition"].startswith("attachment")
        assert len(json.loads(whole.content)["rows"]) == 17_000
        assert b"hunter2" not in whole.content
    assert viewer.get(url("stage_download", stage_of(task), "token")).status_code == 302


def test_a_handler_that_is_gone_is_told_and_nothing_else_is_imported(viewer: Client) -> None:
    task = build("Gone", EntityWrapper(Say))
    TaskStage.objects.filter(task=task).update(handler="shop.handlers.LoadBatch")
    content = text_of(viewer, url("panel", stage_of(task)))
    assert "shop.handlers.LoadBatch cannot be imported." in content
    assert "there is no module shop" in content
    assert "is not a subclass" in source_of("django_tasks_poc.models.Task").problem
    assert source_of("tests.handlers_admin.Tell", is_finally=True).place.startswith("tests/handlers_admin.py:")
    assert source_of("tests.handlers_admin.Tell").problem


def test_hostile_rows_do_no_harm(viewer: Client) -> None:
    task = build("Hostile", EntityWrapper(Say), shared={"a": HOSTILE})
    run_pending()
    stage = stage_of(task)
    Task.objects.filter(uuid=task.uuid).update(
        title=HOSTILE, message=HOSTILE, options="no json", shared="{broken", response="[" * 100_000, created_by=HOSTILE,
    )  # fmt: skip
    TaskStage.objects.filter(task=task).update(
        handler="gone.module.<b>Nowhere", params='{"password": "hunter2", broken', message=f"{HOSTILE}\n{HOSTILE}",
        response="nope", traceback=HOSTILE, progress="[1", state=State.ERROR, cursor=HOSTILE, response_type=HOSTILE,
    )  # fmt: skip
    StageAttempt.objects.create(
        stage=stage, start=1, attempt=1, outcome="unknown", message=HOSTILE, traceback=HOSTILE, stdout=HOSTILE,
        stderr=HOSTILE, host=HOSTILE, ended_at=timezone.now(), signal=999,
    )  # fmt: skip
    pages = {name: text_of(viewer, url(name, key)) for name, key in (
        ("change", task), ("branch", task), ("live", task), ("stage", stage), ("panel", stage), ("open", stage),
    )}  # fmt: skip
    for name, content in pages.items():
        assert "alert(1)</script>" not in content, name
        assert "<b>Nowhere" not in content, name
        assert "\x1b" not in content, name
        assert "\u202e" not in content, name
        assert "hunter2" not in content, name
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", content), name
    for part in ("&lt;script&gt;alert(1)", "␛[31m", "nope", "gone.module.", "cannot be read as JSON"):
        assert part in pages["stage"], part
    assert "{broken" in pages["change"]


# Tracebacks.


def frame(file: str, line: int, code: str = "go()") -> str:
    return f'  File "{file}", line {line}, in handle\n    {code}\n'


def test_frames_of_libraries_are_folded_and_named() -> None:
    text = (
        "Traceback (most recent call last):\n" + frame("shop/handlers.py", 57)
        + frame("/v/lib/python3.11/site-packages/django/db/models/query.py", 1)
        + frame("/v/lib/python3.11/site-packages/django/db/utils.py", 2)
        + frame("/v/lib/python3.11/site-packages/psycopg/cursor.py", 3) + "db.Error: duplicate\nDETAIL: x\n"
    )  # fmt: skip
    first, own, library, error = fold(text)
    assert first.text.startswith("Traceback")
    assert own.is_frames
    assert 'File "shop/handlers.py", line 57' in own.text
    assert (library.count, library.libraries) == (3, "django/db, psycopg")
    assert error.is_error
    assert error.text == "db.Error: duplicate\nDETAIL: x"


def test_a_traceback_of_many_frames_shows_the_first_and_the_last() -> None:
    folds = fold("Traceback:\n" + "".join(frame("shop/a.py", line) for line in range(250)) + "RecursionError: deep")
    assert [found.count for found in folds] == [0, 0, 230, 0, 0]
    assert "".join(found.text for found in folds).count("File ") == 250


@pytest.mark.parametrize("text", ["", "\n\n", "no traceback at all", '  File "', '  File "a", line 1\n', HOSTILE])
def test_what_is_no_traceback_is_shown_as_it_is(text: str) -> None:
    assert "".join(part.text for part in fold(text)).strip().count("File") == text.count("File")
