"""Fixtures of every test; the run's settings are in tests/environment.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Caches that live as long as a process start empty in every test."""
    from django.core.cache import cache

    from scrm.connections.services import forget
    from scrm.core import jobs

    forget()
    cache.clear()
    jobs._last_wake.clear()
    yield
