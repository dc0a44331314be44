"""Nodes: separated services, each with its database, executor and limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import connections

from .conf import NodeConfig, config
from .storage.base import StageCommand, StageQuery, TaskCommand, TaskQuery, storage


@dataclass(frozen=True)
class EntityNode:
    """One node: its label and settings, and the four interfaces to its rows."""

    label: str
    config: NodeConfig

    @property
    def database(self) -> str:
        return self.config.database

    @property
    def vendor(self) -> str:
        """The kind of its database, as Django names it."""
        return connections[self.database].vendor

    @property
    def task_query(self) -> TaskQuery:
        return storage(self.label).task_query

    @property
    def task_command(self) -> TaskCommand:
        return storage(self.label).task_command

    @property
    def stage_query(self) -> StageQuery:
        return storage(self.label).stage_query

    @property
    def stage_command(self) -> StageCommand:
        return storage(self.label).stage_command

    def __str__(self) -> str:
        return self.label


class Nodes(Mapping[str, EntityNode]):
    """The configured nodes by label: ``nodes["default"]``."""

    def __getitem__(self, label: str) -> EntityNode:
        return EntityNode(label, config().node(label))

    def __iter__(self) -> Iterator[str]:
        return iter(config().nodes)

    def __len__(self) -> int:
        return len(config().nodes)


nodes = Nodes()


def databases() -> dict[str, list[str]]:
    """Return the aliases of the nodes' databases, each with the labels of its nodes; that of ``default`` first."""
    found: dict[str, list[str]] = {}
    for label in sorted(nodes, key=lambda label: label != "default"):
        found.setdefault(nodes[label].database, []).append(label)
    return found
