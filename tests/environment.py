"""Loaded before anything else (`-p tests.environment`): the settings of a test run.

SQLite by default, PostgreSQL by DATABASE_URL. Files of a run live in a folder of their own, so that two runs never meet.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from hypothesis import settings

os.environ["SCRM_ENV"] = "test"
os.environ["DJANGO_SETTINGS_MODULE"] = "scrm.settings"
os.environ.setdefault("SQLITE_SYNCHRONOUS", "NORMAL")
settings.register_profile("product", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("product")

if "SCRM_TEST_RUN" not in os.environ:
    os.environ["SCRM_TEST_RUN"] = "1"
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="scrm-test-")
    atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)
