"""Who looks at the pages."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client


@pytest.fixture
def viewer(client: Client) -> Client:
    """A client of somebody who may view, and nothing else."""
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_task", "view_managerprocess"]))
    client.force_login(user)
    return client
