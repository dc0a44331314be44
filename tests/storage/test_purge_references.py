"""Rows of the project that refer to tasks: their ``on_delete`` is honoured by a purge, small tree or large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models.signals import post_delete, pre_delete
from django.test import modify_settings

from django_tasks_poc.models import StageAttempt, Task, TaskStage
from django_tasks_poc.purging import PurgeCursor, PurgeWish
from django_tasks_poc.storage.orm import purge

from ..support_storage import Store, error, fresh

#: A piece that takes all the trees, and one for which each is too large.
PIECES = (5000, 2)


@pytest.fixture
def shop(live: Store) -> Iterator[Any]:
    """The models of an app that is installed meanwhile, with tables."""
    with modify_settings(INSTALLED_APPS={"append": "tests.shop"}):
        from ..shop import models

        apps.clear_cache()  # Django does it for an app that is new, not for one that was there before.
        with connection.schema_editor() as editor:
            for model in models.MODELS:
                editor.create_model(model)
        try:
            yield models
        finally:
            with connection.schema_editor() as editor:
                for model in reversed(models.MODELS):
                    editor.delete_model(model)
    apps.clear_cache()


def trees(store: Store, count: int = 3) -> list[Task]:
    """Build trees with a nested task, and let them end."""
    roots = [store.root(1) for _ in range(count)]
    for claim in store.claim():
        store.wait(claim, 2)
    store.drain(error)
    assert all(fresh(root).finished_at for root in roots)
    return roots


def is_whole(root: Task) -> bool:
    counts = [
        Task.objects.filter(root=root).visible().count(),
        TaskStage.objects.filter(task__root=root).count(),
        StageAttempt.objects.filter(stage__task__root=root).count(),
    ]
    return counts == [2, 3, 2]


def left(*roots: Task) -> bool:
    """Say whether just these trees are there, and whole."""
    return set(Task.objects.roots()) == set(roots) and all(map(is_whole, roots))


def nested_of(root: Task) -> Task:
    return Task.objects.get(root=root, depth=1)


@pytest.mark.parametrize("piece", PIECES)
def test_rows_that_cascade_go_too(live: Store, shop: Any, piece: int) -> None:
    one, two, _ = trees(live)
    shop.Note.objects.create(task=one)
    shop.Note.objects.create(task=nested_of(two))
    shop.Line.objects.create(stage=nested_of(one).stages.get(order=1))
    shop.Basket.objects.create().tasks.add(two)
    live.purge(piece=piece)
    assert left()
    assert [model.objects.count() for model in (shop.Note, shop.Line, shop.Basket)] == [0, 0, 1]
    assert shop.Basket.objects.get().tasks.count() == 0


@pytest.mark.parametrize("piece", PIECES)
def test_rows_that_are_set_to_null_stay(live: Store, shop: Any, piece: int) -> None:
    one, two, _ = trees(live)
    orders = [shop.Order.objects.create(task=task) for task in (one, nested_of(two))]
    mark = shop.Mark.objects.create(stage=nested_of(two).stages.get(order=0))
    live.purge(piece=piece)
    assert left()
    assert list(shop.Order.objects.values_list("pk", "task").order_by("pk")) == [(order.pk, None) for order in orders]
    assert shop.Mark.objects.get().pk == mark.pk
    assert shop.Mark.objects.get().stage is None


def invoice_of_root(shop: Any, root: Task) -> str:
    shop.Invoice.objects.create(task=root)
    return "shop.Invoice.task protects it"


def invoice_below(shop: Any, root: Task) -> str:
    shop.Invoice.objects.create(task=nested_of(root))
    return "shop.Invoice.task protects it"


def receipt_below(shop: Any, root: Task) -> str:
    shop.Receipt.objects.create(stage=nested_of(root).stages.get(order=1))
    return "shop.Receipt.stage protects it"


def copy_of_note(shop: Any, root: Task) -> str:
    shop.Copy.objects.create(note=shop.Note.objects.create(task=nested_of(root)))
    return "protected foreign keys: 'Copy.note'"


PROTECTORS = [invoice_of_root, invoice_below, receipt_below, copy_of_note]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("protect", PROTECTORS)
def test_a_protected_tree_is_left_whole_and_named_and_the_others_go(
    live: Store, shop: Any, protect: Callable[..., str], piece: int
) -> None:
    _, two, three = trees(live)
    Task.objects.filter(uuid=two.uuid).update(title="The one to keep")
    shop.Note.objects.create(task=three)
    reason = protect(shop, two)
    trial = live.purge(piece=piece, is_trial=True)
    pieces = live.purge(piece=piece)
    assert left(two)
    assert [sum(done.trees for done in run) for run in (trial, pieces)] == [2, 2]
    for run in (trial, pieces):
        ((kept,),) = [done.kept for done in run if done.kept]
        assert (kept.task, kept.title) == (two.uuid, "The one to keep")
        assert reason in kept.reason
    assert live.purge(piece=piece)[0].trees == 0


@pytest.mark.parametrize("protect", PROTECTORS)
def test_what_protects_a_tree_only_after_the_look_is_met(
    live: Store, shop: Any, protect: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a reference that comes between the look and the deletion, then that tree is left whole, and only that."""
    _, two, _ = trees(live)
    protect(shop, two)
    monkeypatch.setattr(purge, "protected", lambda *_: {})
    pieces = live.purge()
    assert left(two)
    assert [kept.task for done in pieces for kept in done.kept] == [two.uuid]


def test_a_tree_that_is_protected_while_it_goes_stays_hidden_and_the_others_go(live: Store, shop: Any) -> None:
    """Given a hidden tree, when a row comes to protect its root, then it is named; the next purge finishes it."""
    one, *_ = trees(live)
    hidden = live.task_command.purge(2, PurgeCursor(), PurgeWish(0))
    assert hidden.next is not None
    invoice = shop.Invoice.objects.create(task=one)
    pieces = live.purge(piece=2)
    assert [kept.task for done in pieces for kept in done.kept] == [one.uuid]
    assert list(Task.objects.all()) == [one]
    assert list(Task.objects.visible()) == []
    invoice.delete()
    live.purge()
    assert left()


@pytest.mark.parametrize("piece", PIECES)
def test_receivers_of_deletions_are_heard(live: Store, piece: int) -> None:
    trees(live, 1)
    heard: list[Any] = []

    def hear(sender: Any, instance: Any, **_: Any) -> None:
        heard.append((sender, instance.state))

    for signal in (pre_delete, post_delete):
        signal.connect(hear, sender=TaskStage)
    try:
        live.purge(piece=piece)
    finally:
        for signal in (pre_delete, post_delete):
            signal.disconnect(hear, sender=TaskStage)
    assert heard.count((TaskStage, "ERROR")) == 4
    assert len(heard) == 6
    assert left()


def test_a_receiver_that_raises_keeps_its_tree_only(live: Store) -> None:
    one, two, _ = trees(live)

    def refuse(instance: Any, **_: Any) -> None:
        if instance == two:
            raise LookupError("not this one")

    pre_delete.connect(refuse, sender=Task)
    try:
        pieces = live.purge()
    finally:
        pre_delete.disconnect(refuse, sender=Task)
    assert left(two)
    ((kept,),) = [done.kept for done in pieces if done.kept]
    assert (kept.task, kept.reason) == (two.uuid, "LookupError: not this one")
    assert one not in Task.objects.all()


def test_tables_that_are_in_another_database_are_not_asked(live: Store, shop: Any, settings: Any) -> None:
    """Given a database with our tables only, as a node may have, then a purge asks for no others."""
    trees(live)
    settings.DATABASE_ROUTERS = ["tests.storage.test_purge_references.OursOnly"]
    with connection.schema_editor() as editor:
        for model in reversed(shop.MODELS):
            editor.delete_model(model)
    try:
        live.purge()
    finally:
        with connection.schema_editor() as editor:
            for model in shop.MODELS:
                editor.create_model(model)
    assert left()


class OursOnly:
    """A router of a project whose own tables are elsewhere."""

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:
        return False if app_label == "shop" else None
