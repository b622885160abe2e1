"""What `make faults` makes of its runs: only a broken promise turns a sabotaged run red."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec

import pytest

from tests.faults.__main__ import Run, judged, plan
from tests.faults.system import BROKE_OFF, BROKEN, PYTHON, ROOT


def run(*, red: bool) -> Run:
    return Run("limit", "sqlite", ["tests.faults.tiers"], red=red)


class Verdicts:
    @pytest.mark.parametrize(
        ("red", "code", "word"),
        [
            (False, 0, "kept"),
            (False, BROKEN, "NOT as it should be (exit code 1)"),
            (False, BROKE_OFF, "NOT as it should be (exit code 2, it broke off)"),
            (True, BROKEN, "red, as it must be"),
            (True, 0, "NOT as it should be (exit code 0)"),
            (True, BROKE_OFF, "NOT as it should be (exit code 2, it broke off)"),
        ],
    )
    def test_of_an_exit_code(self, red: bool, code: int, word: str) -> None:
        assert judged(run(red=red), code) == word

    @pytest.mark.parametrize(("main", "code"), [("lambda: 0", 0), ("lambda: 1", BROKEN), ("lambda: 1 // 0", BROKE_OFF)])
    def test_come_from_what_a_run_ends_with(self, main: str, code: int) -> None:
        program = f"from tests.faults.system import leave; leave({main})"
        done = subprocess.run([PYTHON, "-c", program], cwd=ROOT, capture_output=True, text=True)
        assert (done.returncode, "ZeroDivisionError" in done.stderr) == (code, code == BROKE_OFF)


class Plan:
    def test_names_what_is_there(self) -> None:
        commands = [each.command for each in plan(1, 0.1)]
        files = {command[1] for command in commands if command[0] == "pytest"}
        assert [name for name in files if not (ROOT / name).is_file()] == []
        assert [command[0] for command in commands if command[0] != "pytest" and find_spec(command[0]) is None] == []
