"""Fixtures of every test; the run's settings are in tests/environment.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Caches that live as long as a process start empty in every test."""
    from django.core.cache import cache

    from scrm.automation import engine
    from scrm.connections.adapters import forget_adapters
    from scrm.connections.services import forget
    from scrm.conversations import prices
    from scrm.core import jobs
    from scrm.tags import rules

    forget()
    forget_adapters()
    rules.forget()
    prices.forget()
    engine.forget()
    cache.clear()
    jobs._last_wake.clear()
    yield
