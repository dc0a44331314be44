"""Rows that refer to tasks and stages, with each kind of ``on_delete``."""

from __future__ import annotations

from django.db import models


class Row(models.Model):
    """A row of the shop."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.pk}"


class Note(Row):
    """Goes with its task."""

    task = models.ForeignKey("django_tasks_poc.Task", on_delete=models.CASCADE)


class Copy(Row):
    """Keeps its note, and so the task of that."""

    note = models.ForeignKey(Note, on_delete=models.PROTECT)


class Order(Row):
    """Outlives its task."""

    task = models.ForeignKey("django_tasks_poc.Task", null=True, on_delete=models.SET_NULL)


class Invoice(Row):
    """Keeps its task."""

    task = models.ForeignKey("django_tasks_poc.Task", on_delete=models.PROTECT)


class Line(Row):
    """Goes with its stage."""

    stage = models.ForeignKey("django_tasks_poc.TaskStage", on_delete=models.CASCADE)


class Mark(Row):
    """Outlives its stage."""

    stage = models.ForeignKey("django_tasks_poc.TaskStage", null=True, on_delete=models.SET_NULL)


class Receipt(Row):
    """Keeps its stage."""

    stage = models.ForeignKey("django_tasks_poc.TaskStage", on_delete=models.RESTRICT)


class Basket(Row):
    """Has many tasks."""

    tasks = models.ManyToManyField("django_tasks_poc.Task")


MODELS = (Note, Copy, Order, Invoice, Line, Mark, Receipt, Basket)
