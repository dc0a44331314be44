"""URLs for a project to include: ``path("tasks/", include("django_tasks_poc.urls"))``."""

from __future__ import annotations

from django.urls import path

from .progress.views import task_progress

app_name = "django_tasks_poc"
urlpatterns = [
    path("<uuid:uuid>/progress/", task_progress, name="progress"),
]
