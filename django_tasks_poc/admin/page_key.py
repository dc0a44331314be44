"""Where a page of the task list begins: behind the row of this key, however many rows there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from ..models import Task

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class PageKey:
    """When a task was built, and its uuid; written ``1764031361000000-0193a7f26c1e7b049d3a5e2f18c40b77``."""

    created_at: datetime
    uuid: UUID

    @classmethod
    def of(cls, task: Task) -> Self:
        return cls(task.created_at, task.uuid)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key; raise ValueError for what is none."""
        moment, _, key = text.partition("-")
        if not (moment.isascii() and moment.isdigit()):
            raise ValueError(f"{text[:80]!r} is no key of a page.")
        try:
            at = _EPOCH + timedelta(microseconds=int(moment[:20]))
        except OverflowError as error:
            raise ValueError(f"{text[:80]!r} is no key of a page.") from error
        return cls(at if settings.USE_TZ else timezone.make_naive(at), UUID(key))

    def __str__(self) -> str:
        at = self.created_at if timezone.is_aware(self.created_at) else timezone.make_aware(self.created_at)
        return f"{(at - _EPOCH) // timedelta(microseconds=1)}-{self.uuid.hex}"

    def older(self) -> Q:
        """Match the rows behind this one, where the newest is first."""
        same = Q(created_at=self.created_at, uuid__lt=self.uuid)
        return Q(created_at__lte=self.created_at) & (Q(created_at__lt=self.created_at) | same)

    def newer(self) -> Q:
        """Match the rows before this one."""
        same = Q(created_at=self.created_at, uuid__gt=self.uuid)
        return Q(created_at__gte=self.created_at) & (Q(created_at__gt=self.created_at) | same)
