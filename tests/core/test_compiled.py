"""Compiled parts: used only while they are of the source that is there, and the same in all they do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scrm.contacts import matching
from scrm.contacts.checks import compiled_parts
from scrm.core import compiled

PACKAGE = matching.__name__
PROGRAM = """
import json, sys
from scrm.contacts import matching
from scrm.contacts.checks import compiled_parts
from scrm.contacts.matching import batch, judging
from scrm.contacts.matching.rules import Settings
from scrm.contacts.matching.weights import DEFAULT
from tests.contacts.matching.test_batch import people, plain
found = batch.find(people(300, 5), Settings(), DEFAULT, 2)
print(json.dumps([matching.COMPILED, judging.__file__, sorted(map(repr, plain(found).items()))]))
"""


def run(folder: Path, **more: str) -> tuple[bool, str, list[str]]:
    environment = {**os.environ, "COMPILED": "on", "COMPILED_DIR": str(folder), **more}
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=compiled.ROOT, env=environment, capture_output=True, text=True, check=True)
    used, file, found = json.loads(done.stdout)
    return used, file, found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COMPILED", "on")
    monkeypatch.setattr(compiled, "FOLDER", tmp_path)
    return tmp_path


def test_nothing_is_there_until_it_is_made(folder: Path) -> None:
    assert compiled.state(PACKAGE, matching.PARTS) == "none"
    assert not compiled.prefer([], PACKAGE, matching.PARTS)


@pytest.mark.processes
@pytest.mark.any_database
@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no C compiler")
def test_what_is_compiled_finds_what_the_source_finds(folder: Path) -> None:
    try:
        compiled.build(PACKAGE, matching.PARTS)
    except compiled.NotBuilt as error:
        pytest.skip(str(error)[-300:])
    assert compiled.state(PACKAGE, matching.PARTS) == "current"
    used, file, found = run(folder)
    assert used and file.endswith(".so") and len(found) > 50
    aside, source, plainly = run(folder, COMPILED="off")
    assert not aside and source.endswith("judging.py") and plainly == found

    stamp = folder / PACKAGE / "made_of.json"
    stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"source": "another"}))
    assert compiled.state(PACKAGE, matching.PARTS) == "other"
    used, source, again = run(folder)
    assert not used and source.endswith("judging.py") and again == found

    compiled.remove(PACKAGE)
    assert compiled.state(PACKAGE, matching.PARTS) == "none"


def test_says_what_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(compiled.NotBuilt, match="There is no C compiler: install gcc"):
        compiled.build(PACKAGE, matching.PARTS)


def test_what_does_not_load_here_is_left_aside(folder: Path) -> None:
    made = folder / PACKAGE
    made.mkdir(parents=True)
    (made / "made_of.json").write_text(json.dumps(compiled._stamp(PACKAGE, matching.PARTS)))
    (made / f"abc__mypyc{compiled._SUFFIX}").write_bytes(b"of another machine")
    path: list[str] = []
    assert compiled.state(PACKAGE, matching.PARTS) == "current"
    assert not compiled.prefer(path, PACKAGE, matching.PARTS) and path == [] and "abc__mypyc" not in sys.modules


def test_a_damaged_stamp_counts_as_none(folder: Path) -> None:
    (folder / PACKAGE).mkdir(parents=True)
    (folder / PACKAGE / "made_of.json").write_text("{")
    assert compiled.state(PACKAGE, matching.PARTS) == "none"


def test_the_check_warns_of_parts_of_another_source(folder: Path) -> None:
    assert compiled_parts() == []
    (folder / PACKAGE).mkdir(parents=True)
    (folder / PACKAGE / "made_of.json").write_text(json.dumps({"source": "another", "python": ".so"}))
    (warning,) = compiled_parts()
    assert warning.id == "contacts.W001" and "make compiled" in str(warning.hint)
