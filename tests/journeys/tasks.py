"""`python -m tests.journeys.tasks`: the tasks of a day in a real browser, with the clicks, keys and seconds that each takes."""

from __future__ import annotations

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(["tests/journeys/test_tasks.py", "-q", *sys.argv[1:]]))
