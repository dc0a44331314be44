"""What all of them have in common: the database, with connections that are kept."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

from ..work import DATABASE

_url = urlsplit(os.environ[DATABASE])

SECRET_KEY = "for-a-benchmark-only-never-in-production"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.strip("/"),
        "HOST": _url.hostname or "",
        "PORT": _url.port or "",
        "USER": unquote(_url.username or ""),
        "PASSWORD": unquote(_url.password or ""),
        # Kinder than the default, with which some of the workers connect anew for every job.
        "CONN_MAX_AGE": None,
    }
}
