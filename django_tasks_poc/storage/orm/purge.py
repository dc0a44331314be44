"""Purging trees that ended: small ones whole, many in a transaction; a large one is hidden first and goes in pieces."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Count, Exists, OuterRef, Q, Sum

from ...models import Task
from ...models.task import TaskQuerySet
from ...purging import Kept, PurgeCursor, Purged, PurgeWish
from . import clock
from .deletion import Deletion
from .locks import locked, writing
from .references import Refused, protected

#: Trees that are looked at in one piece, at the most.
_TREES = 500
#: Why a tree cannot be deleted: the project's own rows or code.
_REFUSALS = (Refused, IntegrityError)


class _TooLarge(Exception):
    """The trees have more rows than may be deleted at once."""


class Purge:
    """Pieces of a purge; each deletes at most ``limit`` rows, in one transaction."""

    def __init__(self, alias: str, node: str, limit: int, wish: PurgeWish) -> None:
        self._alias = alias
        self._node = node
        self._limit = limit
        self._wish = wish
        self._tasks = Task.objects.using(alias)

    def piece(self, cursor: PurgeCursor) -> Purged:
        """Go on with a tree that is half deleted, if there is one, else with those that ended long ago."""
        is_first = cursor.created_at is None and not self._wish.is_trial and self._wish.only is None
        if begun := cursor.tree or (self._begun(cursor) if is_first else None):
            return self._go_on(begun, cursor)
        if self._wish.older_than is None:
            return Purged()
        trees = self._ended(self._wish.older_than).filter(_behind(cursor)).order_by("created_at", "uuid")
        count = min(_TREES, max(1, self._limit // 2))  # A tree has two rows at least, or hardly more.
        return self._take_up(list(trees.only("uuid", "title", "created_at")[:count]), cursor)

    # Trees that are whole.

    def _ended(self, older_than: float) -> TaskQuerySet:
        """Return the roots of the trees that may go."""
        limit = clock.now(self._alias) - timedelta(seconds=older_than)
        rows = self._tasks.roots() if self._wish.only is None else self._tasks.roots().filter(uuid__in=self._wish.only)
        rows = rows.filter(node=self._node, state__in=self._wish.states, purging=False)
        # What ended before was created before: the index of the list finds it.
        rows = rows.filter(created_at__lt=limit, finished_at__lt=limit)
        return rows.filter(~Exists(self._tasks.filter(root=OuterRef("uuid"), active=True)))

    def _take_up(self, trees: list[Task], cursor: PurgeCursor) -> Purged:
        """Delete as many of these trees as a piece may have; fewer where one of them stands in the way."""
        if not trees:
            return Purged()
        keys = [tree.uuid for tree in trees]
        reasons, sizes = protected(self._alias, keys), self._sizes(keys)
        del trees[self._fitting([0 if key in reasons else sum(sizes[key]) for key in keys]) :]
        while True:
            kept = [Kept(tree.uuid, tree.title, reasons[tree.uuid]) for tree in trees if tree.uuid in reasons]
            chosen = [tree for tree in trees if tree.uuid not in reasons]
            behind = replace(cursor, created_at=trees[-1].created_at, uuid=trees[-1].uuid)
            if self._wish.is_trial:
                stages = sum(sizes[tree.uuid][1] for tree in chosen)
                return Purged(len(chosen), stages, tuple(kept), behind)
            try:
                done = self._delete([tree.uuid for tree in chosen], behind)
            except (_TooLarge, *_REFUSALS) as error:
                if len(chosen) > 1:
                    del trees[len(trees) // 2 :]
                    continue
                (tree,) = chosen
                if isinstance(error, _TooLarge):
                    done = self._hide(tree.uuid, behind)
                else:
                    kept.append(Kept(tree.uuid, tree.title, _words(error)))
                    done = Purged(next=behind)
            return replace(done, kept=tuple(kept))

    def _sizes(self, roots: list[UUID]) -> dict[UUID, tuple[int, int]]:
        """Return of each tree the rows that its tasks and their finallies may have, and the stages."""
        rows = self._tasks.filter(root__in=roots).order_by().values_list("root")
        found = {root: (2 * tasks, stages) for root, tasks, stages in rows.annotate(Count("pk"), Sum("total_count"))}
        return {root: found.get(root, (0, 0)) for root in roots}  # one may be gone by now

    def _fitting(self, sizes: list[int]) -> int:
        """Return how many of the trees one transaction may delete; one that is too large comes alone."""
        rows = 0
        for count, size in enumerate(sizes):
            rows += size
            if rows > self._limit and not self._wish.is_trial:
                return max(1, count)
        return len(sizes)

    def _delete(self, trees: list[UUID], behind: PurgeCursor) -> Purged:
        """Delete those trees that nobody has taken up since they were found."""
        deletion = Deletion(self._alias, self._limit)
        with writing(self._alias):
            roots = self._lock(trees)
            if not deletion.run(roots):
                raise _TooLarge
        return Purged(len(roots), deletion.stages, next=behind)

    def _hide(self, tree: UUID, behind: PurgeCursor) -> Purged:
        """Have nobody see or move the tree from now on; then it can be deleted in pieces."""
        with writing(self._alias):
            roots = self._lock([tree])
            self._tasks.filter(uuid__in=roots).update(purging=True)
        return Purged(next=replace(behind, tree=tree) if roots else behind)

    def _lock(self, trees: list[UUID]) -> list[UUID]:
        """Lock the roots, and read in a statement of its own whether they still may go: one may have been retried."""
        assert self._wish.older_than is not None
        rows = self._tasks.filter(uuid__in=trees).order_by("uuid").values_list("uuid", flat=True)
        found = list(locked(rows, self._alias, skips=True))
        return list(self._ended(self._wish.older_than).filter(uuid__in=found).values_list("uuid", flat=True))

    # A tree that is hidden.

    def _begun(self, cursor: PurgeCursor) -> UUID | None:
        """Return a tree that a purge, this one or one that was killed, has begun to delete."""
        # As lists, since SQLite finds no index for a bare boolean.
        rows = self._tasks.roots().filter(node=self._node, closing__in=[False], purging__in=[True])
        return rows.exclude(uuid__in=cursor.left).values_list("uuid", flat=True).first()

    def _go_on(self, tree: UUID, cursor: PurgeCursor) -> Purged:
        """Hide what is below the root, then delete, the root last."""
        left = replace(cursor, tree=None, left=cursor.left | {tree})
        deletion, is_gone, title = Deletion(self._alias, self._limit), False, ""
        try:
            with writing(self._alias):
                root = self._tasks.filter(uuid=tree, purging=True).values_list("title", flat=True)
                # One's own tree is waited for: another purge may only be looking whether it is to be had.
                if not (found := list(locked(root, self._alias, skips=cursor.tree is None))):
                    return Purged(next=left)  # Another process is at it, or it is gone.
                (title,) = found
                below = self._tasks.filter(root=tree, purging=False).values_list("uuid", flat=True)[: self._limit]
                if keys := list(below):
                    self._tasks.filter(uuid__in=keys).update(purging=True)
                else:
                    is_gone = deletion.run([tree])
        except _REFUSALS as error:
            # Refused only now: something came to refer to it after it was hidden.
            return Purged(kept=(Kept(tree, title, _words(error)),), next=left)
        return Purged(int(is_gone), deletion.stages, next=replace(cursor, tree=None if is_gone else tree))


def _words(error: Exception) -> str:
    return str(error.args[-1]).strip().rstrip(".")


def _behind(cursor: PurgeCursor) -> Q:
    """Return the condition that a root was not looked at yet."""
    if cursor.created_at is None:
        return Q()
    return Q(created_at__gt=cursor.created_at) | Q(created_at=cursor.created_at, uuid__gt=cursor.uuid)
