"""Test settings: SQLite by default, PostgreSQL by DATABASE_URL; files of a run live in a folder of their own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

os.environ["SCRM_ENV"] = "test"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scrm.settings")
os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="scrm-test-"))
os.environ.setdefault("SQLITE_SYNCHRONOUS", "NORMAL")

import pytest  # noqa: E402


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
