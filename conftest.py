"""Fixtures of every test; the run's settings are in tests/environment.py."""

from __future__ import annotations

import inspect
import socketserver
from collections.abc import Iterator

import pytest


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> list[pytest.Item] | None:
    """A test class is one that stands in the file itself and that pytest can make.

    Every class's name counts as a subject (`python_classes`). Without this, each imported model and each helper's dataclass becomes a
    warning about a class that cannot be collected, and for the line number of each warning the whole file is parsed: half of a run's start.
    """
    if isinstance(obj, type) and isinstance(collector, pytest.Module):
        foreign = obj.__module__ != collector.obj.__name__
        made_with_arguments = obj.__init__ is not object.__init__ or obj.__new__ is not object.__new__
        if foreign or made_with_arguments or inspect.isabstract(obj):
            return []
    return None


def pytest_configure(config: pytest.Config) -> None:
    from django.conf import settings

    # The real hash takes most of a second on purpose; nobody here tries to guess a password.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # A stand-in writes the head of its answer and then the body; else the body waits 40 ms for the word that the head has come.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    look_for_static_files_once()


def look_for_static_files_once() -> None:
    """Each `Client` loads the middleware anew, and WhiteNoise then looks at every static file there is: a tenth of a second a test.

    What it found lives as long as a server's process does; here as long as a run.
    """
    from whitenoise.middleware import WhiteNoiseMiddleware

    search, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def add_files_from_finders(middleware: WhiteNoiseMiddleware) -> None:
        if middleware.static_prefix not in found:
            search(middleware)
            found[middleware.static_prefix] = dict(middleware.files)
        middleware.files.update(found[middleware.static_prefix])

    WhiteNoiseMiddleware.add_files_from_finders = add_files_from_finders


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """In place of pytest-django's, which gives each worker another name to migrate under."""
    from tests import schema

    schema.share(getattr(request.config, "workerinput", {}).get("workerid", ""))
    schema.empty_quickly()


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Caches that live as long as a process start empty in every test, and nobody's language or time zone of the last one is left."""
    from django.core.cache import cache
    from django.utils import timezone, translation

    from scrm.automation import engine
    from scrm.commerce import catalogue_store
    from scrm.connections.adapters import forget_adapters
    from scrm.connections.services import forget
    from scrm.console.inbox import polls
    from scrm.contacts.privacy import ledger
    from scrm.conversations import prices
    from scrm.core import jobs
    from scrm.hooks import services as hooks
    from scrm.tags import rules

    translation.deactivate()
    timezone.deactivate()
    forget()
    forget_adapters()
    hooks.forget()
    polls.forget()
    rules.forget()
    prices.forget()
    engine.forget()
    catalogue_store.forget()
    cache.clear()
    jobs._last_wake.clear()
    yield
    # The database is rolled back after a test, the erasure ledger is a file.
    ledger.path().unlink(missing_ok=True)
