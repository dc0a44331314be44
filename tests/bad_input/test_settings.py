"""A setting that makes no sense: manage.py check names it, and what runs all the same says the same words."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from django_tasks_poc import TaskBuilder
from django_tasks_poc.conf import config
from django_tasks_poc.node import nodes
from django_tasks_poc.storage.base import StageCommand, StageQuery, TaskCommand, TaskQuery

SETTING = "DJANGO_TASKS_POC"
NODE = f"{SETTING}['NODES']['default']"
KNOWN = "Known: default, even, odd."
SECONDS, SECONDS_FROM_1 = "seconds from 0 to ten years", "seconds from 1 to ten years"
KEYS = "GRACE, KILL_AFTER, LEASE, LOCK_DIR, MAX_RESPONSE_SIZE, NODES, PROGRESS_PERMISSION, PURGE_AFTER"
NODE_KEYS = "DATABASE, EXECUTOR, QUEUE_SIZE, STORAGE, TIMEOUT"
BAD_LABEL = "a node's label is a name of 1 to 40 letters (a to z), digits, _ and -."
STORAGES = "tests.bad_input.storages"


def of_node(**node: Any) -> dict[str, Any]:
    return {"NODES": {"default": node}}


def nonsense() -> list[tuple[Any, str]]:
    """Return settings, each with what is to be said of it."""
    no_dict = [(value, f"{SETTING} is {value!r}; it must be a dict.") for value in (None, [], "default", 3)]
    values: list[tuple[Any, str]] = [
        ({key: value}, f"{SETTING}[{key!r}] is {value!r}; it must be {wish}.")
        for key, wish, wrong in (
            ("LEASE", SECONDS_FROM_1, (0, -1, "30", True, None, math.nan, math.inf, 1e300)),
            ("GRACE", SECONDS, (-1, "long", None, math.inf)),
            ("KILL_AFTER", SECONDS, (-0.1, [], math.nan)),
            ("MAX_RESPONSE_SIZE", "an int of bytes from 1 to 67,108,864", (0, 1.5, "1M", True, 1 << 27)),
            ("PURGE_AFTER", f"None or {SECONDS}", (-1, "never", False)),
            ("LOCK_DIR", "the path of a folder", (None, 3, "")),
            ("NODES", "a dict with at least one node", ({}, [], None, "default")),
        )
        for value in wrong
    ]
    values += [
        (of_node(**{key: value}), f"{NODE}[{key!r}] is {value!r}; it must be {wish}.")
        for key, wish, wrong in (
            ("EXECUTOR", "one of prefork, subprocess, inline", ("threads", "", None, ["prefork"])),
            ("STORAGE", "the dotted path of a class", (3, None, "", "OrmStorage")),
            ("QUEUE_SIZE", "None or an int from 1 to 100,000", (0, -1, 2.0, True, "4", 10**6)),
            ("TIMEOUT", SECONDS_FROM_1, (0, None, "5 min", math.inf, 1e300)),
        )
        for value in wrong
    ]
    databases = [
        (
            of_node(DATABASE=value),
            f"{NODE}['DATABASE'] is {value!r}, which is not in DATABASES. Known: default, even, odd.",
        )
        for value in ("replica", "", None, ["default"])
    ]
    keys = [
        ({"LEESE": 1}, f"{SETTING} has the unknown key 'LEESE'. Did you mean 'LEASE'? Known: {KEYS}."),
        ({"lease": 1}, f"{SETTING} has the unknown key 'lease'. Did you mean 'LEASE'? Known: {KEYS}."),
        ({7: 1}, f"{SETTING} has the unknown key 7. Known: {KEYS}."),
        (of_node(TIMEOUTS=1), f"{NODE} has the unknown key 'TIMEOUTS'. Did you mean 'TIMEOUT'? Known: {NODE_KEYS}."),
        (of_node(LEASE=1), f"{NODE} has the unknown key 'LEASE'. Known: {NODE_KEYS}."),
    ]
    labels = [
        ({"NODES": {label: {}}}, f"{SETTING}['NODES'][{shown}]: {BAD_LABEL}")
        for label, shown in (
            ("", "''"), ("1st", "'1st'"), ("two words", "'two words'"), ("naïve", "'naïve'"), (7, "7"), (None, "None"),
            ("x" * 41, f"'{'x' * 41}'"),
        )
    ]  # fmt: skip
    kinds = [({"NODES": {"default": value}}, f"{NODE} is {value!r}; it must be a dict.") for value in (None, "prefork")]
    return [*no_dict, *values, *databases, *keys, *labels, *kinds]


@pytest.mark.parametrize(("setting", "words"), nonsense(), ids=str)
def test_nonsense_is_named_by_the_check_and_at_run_time(setting: Any, words: str, settings: Any) -> None:
    settings.DJANGO_TASKS_POC = setting
    with pytest.raises(SystemCheckError) as found:
        call_command("check")
    assert f"?: (django_tasks_poc.E001) {words}\n" in str(found.value)
    assert "identified 1 issue" in str(found.value)
    with pytest.raises(ImproperlyConfigured) as refused:
        TaskBuilder()
    assert str(refused.value) == words


def test_all_that_is_wrong_is_named_at_once(settings: Any) -> None:
    settings.DJANGO_TASKS_POC = {"LEASE": 0, "GRACE": -1, "NODES": {"1": {}, "mail": {"TIMEOUT": 0, "DATABASE": "m"}}}
    with pytest.raises(SystemCheckError) as found:
        call_command("check")
    assert str(found.value).count("django_tasks_poc.E001") == 5


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("shop.storage.Own", "cannot be used: ModuleNotFoundError: No module named 'shop'"),
        (
            f"{STORAGES}.Gone",
            f'cannot be used: ImportError: Module "{STORAGES}" does not define a "Gone" attribute/class',
        ),
        (
            f"{STORAGES}.Careless",
            "cannot be used: TypeError: Careless.__init__() takes 1 positional argument but 3 were given",
        ),
        (f"{STORAGES}.Loud", "cannot be used: LookupError: no such region"),
        (
            f"{STORAGES}.Partial",
            "lacks task_command.retry_failed, stage_query, stage_command.claim, stage_command.is_content.",
        ),
    ],
)
def test_a_storage_that_cannot_be_used_is_named(path: str, words: str, settings: Any) -> None:
    settings.DJANGO_TASKS_POC = of_node(STORAGE=path)
    said = f"Node 'default': STORAGE '{path}' {words}"
    with pytest.raises(SystemCheckError) as found:
        call_command("check")
    assert f"?: (django_tasks_poc.E002) {said}\n" in str(found.value)
    with pytest.raises(ImproperlyConfigured) as refused:
        nodes["default"].stage_command  # noqa: B018  # asked for, it is made
    assert str(refused.value) == said


@pytest.mark.parametrize("protocol", [TaskQuery, TaskCommand, StageQuery, StageCommand])
def test_every_method_of_the_four_interfaces_is_missed(protocol: type, settings: Any) -> None:
    """Given a storage whose part has nothing, then each method that the interface has is named."""
    part = {
        TaskQuery: "task_query", TaskCommand: "task_command", StageQuery: "stage_query", StageCommand: "stage_command",
    }[protocol]  # fmt: skip
    settings.DJANGO_TASKS_POC = of_node(STORAGE=f"{STORAGES}.Without_{part}")
    with pytest.raises(ImproperlyConfigured) as refused:
        getattr(nodes["default"], part)
    methods = [name for name in vars(protocol) if not name.startswith("_")]
    assert len(methods) >= 5
    assert str(refused.value).endswith(f" lacks {', '.join(f'{part}.{name}' for name in methods)}.")


def test_what_is_right_is_taken(settings: Any, tmp_path: Any) -> None:
    settings.DJANGO_TASKS_POC = {
        "NODES": {"default": {"TIMEOUT": 1, "QUEUE_SIZE": None}, "e-mail_2": {"EXECUTOR": "subprocess"}},
        "LEASE": 1, "GRACE": 0, "KILL_AFTER": 0, "MAX_RESPONSE_SIZE": 1, "PURGE_AFTER": None, "LOCK_DIR": tmp_path,
    }  # fmt: skip
    call_command("check")
    assert (config().lock_dir, config().node("e-mail_2").executor) == (tmp_path, "subprocess")
