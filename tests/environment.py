"""Loaded before anything else (`-p tests.environment`): the settings of a test run, and which tests it takes in which order.

SQLite by default, PostgreSQL by DATABASE_URL. Files of a run live in a folder of their own, so that two runs never meet.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import pytest
from hypothesis import settings

os.environ["SCRM_ENV"] = "test"
os.environ["DJANGO_SETTINGS_MODULE"] = "scrm.settings"
os.environ.setdefault("SQLITE_SYNCHRONOUS", "NORMAL")
# The source is what is tested, whatever was compiled here; COMPILED=on tests what was compiled.
os.environ.setdefault("COMPILED", "off")
# Tests set the clock to and fro; those of the sessions set these limits themselves.
os.environ.setdefault("SESSION_HOURS", "20000")
os.environ.setdefault("SESSION_IDLE_MINUTES", "1000000")
settings.register_profile("product", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("product")

if "SCRM_TEST_RUN" not in os.environ:
    os.environ["SCRM_TEST_RUN"] = "1"
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="scrm-test-")
    atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)

DATABASE_FIXTURES = frozenset({"db", "transactional_db", "live_server"})
STARTS_PROCESSES = ("processes", "browser")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only-database", action="store_true", help="leave out the tests that no database can make a difference to")


def touches_a_database(item: pytest.Item) -> bool:
    """Whether the test could end otherwise on another database. pytest-django refuses a database to all tests that did not ask for one."""
    if item.get_closest_marker("any_database"):
        return False
    asks = item.get_closest_marker("django_db") or DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ()))
    return bool(asks) or any(item.get_closest_marker(name) for name in STARTS_PROCESSES)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that start processes come first: at the end one of two workers would wait for them and do nothing."""
    if config.getoption("--only-database"):
        left_out = [item for item in items if not touches_a_database(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if touches_a_database(item)]
    slow = {item.path for item in items if any(item.get_closest_marker(name) for name in STARTS_PROCESSES)}
    items.sort(key=lambda item: item.path not in slow)
