"""Nodes with databases of their own, and nodes that share one."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections, router
from django.test import Client
from django.urls import reverse

from demo_project.handlers.count_numbers import count_numbers
from demo_project.models import Order
from django_tasks_poc import EntityWrapper, State, TaskBuilder, TaskViewer, nodes
from django_tasks_poc.exceptions import NodeNotConfigured, TaskNotFound
from django_tasks_poc.models import ManagerProcess, Task, TaskStage
from django_tasks_poc.node import databases
from django_tasks_poc.testing import run_pending

from .handlers_admin import Say
from .support import run_manage, run_manager

LIST = reverse("admin:django_tasks_poc_task_changelist")
MANAGERS = reverse("admin:django_tasks_poc_managerprocess_changelist")
EVERYWHERE = pytest.mark.django_db(databases=["default", "even", "odd"])
COMMITTED = pytest.mark.django_db(databases=["default", "even", "odd"], transaction=True)


@pytest.fixture
def shared(settings: Any) -> None:
    """A node ``second`` beside ``default`` in the same database, with an executor and limits of its own."""
    changed = copy.deepcopy(settings.DJANGO_TASKS_POC)
    changed["NODES"]["second"] = {"EXECUTOR": "inline", "QUEUE_SIZE": 3, "TIMEOUT": 7}
    settings.DJANGO_TASKS_POC = changed


def everywhere(node: str) -> Any:
    return Task.objects.using(nodes[node].database).filter(node=node)


@COMMITTED
def test_count_numbers_runs_on_two_nodes_with_databases_and_managers_of_their_own() -> None:
    built = run_manage("count_numbers", "--tasks", "4")
    assert built.returncode == 0, built.stderr
    assert re.findall(r"^Node (\w+)", built.stdout, re.M) == ["even", "odd", "even", "odd"]
    assert run_manager("--node", "default").returncode == 0
    assert not everywhere("even").finished().exists()  # no affair of another node's manager
    assert run_manager("--node", "even").returncode == 0
    assert {task.state for task in everywhere("even").roots()} == {State.SUCCESS}
    assert not everywhere("odd").finished().exists()
    assert run_manager("--node", "odd").returncode == 0
    for node in ("even", "odd"):
        messages = list(everywhere(node).roots().values_list("title", "message"))
        assert messages == [("Count Numbers", f"26 numbers on node {node}: 351 in all")] * 2
        nested = everywhere(node).filter(depth=1)
        assert [(task.total_count, task.success_count) for task in nested] == [(26, 26)] * 2
        assert TaskStage.objects.using(node).count() == 2 * (2 + 26)
        (manager,) = ManagerProcess.objects.using(node).all()
        assert manager.node == node
    assert not Task.objects.using("default").exists()


@pytest.mark.parametrize("count", ["0", "-1", "1001"])
def test_count_numbers_refuses_nonsense(count: str) -> None:
    answer = run_manage("count_numbers", "--tasks", count)
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1] == f"CommandError: --tasks is {count}: give 1 to 1000."


@COMMITTED
def test_two_managers_on_two_nodes_of_one_database_leave_each_others_tasks_alone(shared: None) -> None:
    mine, other = count_numbers("default", "mine"), count_numbers("second", "other")
    assert run_manager("--node", "default").returncode == 0
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.state, other.state, other.started_at) == (State.SUCCESS, State.READY, None)
    run_pending("second")
    other.refresh_from_db()
    assert (other.state, other.message) == (State.SUCCESS, "26 numbers on node second: 351 in all")


@EVERYWHERE
def test_a_node_has_its_executor_its_limits_and_its_storage(shared: None) -> None:
    node = nodes["second"]
    assert (node.config.executor, node.config.queue_size, node.config.timeout) == ("inline", 3, 7)
    assert nodes["even"].task_query is not nodes["odd"].task_query
    assert databases() == {"default": ["default", "second"], "even": ["even"], "odd": ["odd"]}


@EVERYWHERE
def test_the_viewer_reads_its_node_only() -> None:
    task = count_numbers("even", "seen")
    assert TaskViewer(node="even").get(task.uuid).title == "Count Numbers"
    for other in ("odd", "default"):
        with pytest.raises(TaskNotFound, match=f"No task {task.uuid} on node {other}"):
            TaskViewer(node=other).get(task.uuid)
    with pytest.raises(NodeNotConfigured, match=r"Node 'third' is not in .* Configured: default, even, odd"):
        TaskViewer(node="third")


@EVERYWHERE
def test_the_router_puts_our_tables_on_each_nodes_database_and_nothing_else_there() -> None:
    for alias in ("even", "odd"):
        tables = {name for name in connections[alias].introspection.table_names() if name != "django_migrations"}
        assert tables == {
            model._meta.db_table for model in Task._meta.apps.get_app_config("django_tasks_poc").get_models()
        }
        assert not router.allow_migrate_model(alias, Order)
    assert router.allow_migrate_model("default", Order)
    assert settings.DATABASE_ROUTERS == ["django_tasks_poc.router.NodeRouter"]


@EVERYWHERE
def test_the_router_keeps_rows_of_two_databases_apart() -> None:
    even, odd = count_numbers("even", "a"), count_numbers("odd", "b")
    stage = TaskStage.objects.using("even").filter(task=even)[0]
    assert router.allow_relation(stage, even)
    assert not router.allow_relation(stage, odd)


@EVERYWHERE
def test_the_admin_shows_one_database_at_a_time(client: Client, shared: None) -> None:
    client.force_login(User.objects.create_superuser("root"))
    for node in ("default", "second", "even", "odd"):
        builder = TaskBuilder(node=node)
        builder.build(builder.create(f"On {node}", EntityWrapper(Say)))

    def shown(query: str) -> list[str]:
        return re.findall(r">(On \w+)</bdi>", client.get(LIST + query).content.decode())

    assert sorted(shown("")) == ["On default", "On second"]
    for node in ("default", "second", "even", "odd"):
        assert shown(f"?node={node}") == [f"On {node}"]
    assert shown("?node=third") == []
    page = client.get(f"{LIST}?node=even").content.decode()
    assert '<option value="">All in even</option>' in page
    assert set(re.findall(r'<option value="(\w+)"', page)) >= {"default", "second", "even", "odd"}
    assert client.get(f"{MANAGERS}?node=odd").status_code == 200


@EVERYWHERE
def test_the_page_of_a_task_is_found_in_whichever_database(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))
    task = count_numbers("odd", "here")
    run_pending("odd")
    nested = everywhere("odd").get(depth=1)
    page = client.get(reverse("admin:django_tasks_poc_task_change", args=[task.uuid])).content.decode()
    assert "26 numbers on node odd: 351 in all" in page
    opened = client.get(reverse("admin:django_tasks_poc_task_open", args=[nested.parent_stage_id]))
    assert str(nested.uuid) in opened.content.decode()
    below = client.get(reverse("admin:django_tasks_poc_task_change", args=[nested.uuid])).content.decode()
    assert str(task.uuid) in below
