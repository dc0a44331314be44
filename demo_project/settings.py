"""Settings of the demo project; the environment overrides what may differ between machines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import environ

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = env.str("SECRET_KEY", default="for-the-demo-only-never-in-production-0123456789abcdef")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_tasks_poc",
    "demo_project",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",  # the admin in the language of the browser
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "demo_project.urls"
WSGI_APPLICATION = "demo_project.wsgi.application"
ASGI_APPLICATION = "demo_project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def database(variable: str, file: str) -> dict[str, Any]:
    """Return the database that the environment names, or else a SQLite file beside manage.py."""
    values: dict[str, Any] = env.db(variable, default=f"sqlite:///{quote(str(BASE_DIR / file))}")
    if values["ENGINE"] == "django.db.backends.sqlite3":
        values["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",  # a writer waits for its turn, and never fails half-way
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        }
        # A file, because the tests start real processes that open it too; one a run, because two may go side by side.
        values["TEST"] = {"NAME": BASE_DIR / f"test.{os.getpid()}.{file}"}
    return values


DATABASES = {
    "default": database("DATABASE_URL", "db.sqlite3"),
    "even": database("EVEN_DATABASE_URL", "even.sqlite3"),
    "odd": database("ODD_DATABASE_URL", "odd.sqlite3"),
}
DATABASE_ROUTERS = ["django_tasks_poc.router.NodeRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
LOGIN_URL = "admin:login"

UPLOADS = BASE_DIR / "demo_data" / "uploads"  # the folder for the tables that people send
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", default=100 * 2**20)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False},  # whatever DEBUG says
        "demo_project": {"handlers": ["console"], "level": "INFO"},
        "django_tasks_poc": {"handlers": ["console"], "level": "INFO"},
    },
}

DJANGO_TASKS_POC: dict[str, Any] = {
    "NODES": {
        "default": {},
        "even": {"DATABASE": "even"},
        "odd": {"DATABASE": "odd"},
    },
    "PROGRESS_PERMISSION": "demo_project.imports.may_watch",
}

# Functions of Django's own tasks framework run on the managers of the node "default".
TASKS = {
    "default": {
        "BACKEND": "django_tasks_poc.backend.TaskManagerBackend",
        "QUEUES": ["default", "mail"],
        "OPTIONS": {"NODE": "default"},
    },
}
