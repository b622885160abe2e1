"""Agents at their desks."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client

from scrm.staff.models import User
from tests import people


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def allow(user: User, *names: str) -> User:
    """Give the person rights, written as app.codename."""
    for name in names:
        app, _, codename = name.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return User.objects.get(pk=user.pk)


def seated(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def mei(db: None) -> User:
    """An agent who may see and answer conversations."""
    return allow(people.agent("mei"), "conversations.view_conversation", "conversations.change_conversation")


@pytest.fixture
def desk(mei: User) -> Client:
    return seated(mei)


@pytest.fixture
def owner(db: None) -> Client:
    return seated(User.objects.create_superuser("owner", password="correct horse"))
