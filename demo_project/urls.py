"""URLs of the demo project: its own pages, and the admin."""

from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.urls import include, path
from django.views.generic import RedirectView

from . import views

urlpatterns = [
    path("", views.start, name="start"),
    path("imports/<uuid:uuid>/", views.import_page, name="import"),
    path("imports/<uuid:uuid>.json", views.import_json, name="import-json"),
    path("imports/<uuid:uuid>/rejects.csv", views.rejects, name="rejects"),
    path("imports/<uuid:uuid>/<verb>/", views.act, name="act"),
    path("tasks/", include("django_tasks_poc.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url="/static/demo_project/icon.svg")),  # the admin names none
    path("static/<path:path>", serve, {"insecure": True}),  # a demo has no web server in front, whatever DEBUG says
]
