"""A file compared with itself before it is loaded: who is told to stand there twice, how it is written, and what is not taken."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command
from openpyxl import Workbook

from scrm.contacts.importing import likeness
from scrm.contacts.matching.weights import DEFAULT
from scrm.contacts.models import Contact, Import, MatchRules
from scrm.core import clock
from scrm.core.spreading import Failed

pytestmark = pytest.mark.django_db

ROWS = [
    ["姓名", "電話", "Email", "City"],
    ["陳大文", "+852 9123 4567", "tai.man@example.com", "Shatin"],
    ["CHAN Tai Man", "9123-4567", "", "Shatin"],
    ["=陳大文", "", "tai.man@example.com", ""],
    ["林小明", "+852 6777 8888", "", "Tai Po"],
    ["王美玲", "+852 5111 2222", "not an address", ""],
]


def write(place: Path, rows: list[list[str]], encoding: str = "utf-8") -> Path:
    with place.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return place


def compared(file: Path, **options: Any) -> dict[str, Any]:
    said = io.StringIO()
    call_command("compare_file", str(file), format="json", region=["hk"], stdout=said, **options)
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


@pytest.mark.parametrize("processes", [1, 2])
def test_tells_who_is_there_twice_and_loads_nothing(tmp_path: Path, processes: int) -> None:
    found = compared(write(tmp_path / "people.csv", ROWS), processes=processes, out=tmp_path / "pairs.csv")
    assert (found["compared"], found["not_readable"]) == (4, 1)
    assert (found["people_there_twice"], found["spare_rows"]) == (1, 2)
    assert found["mapping"]["姓名"] == "name"
    assert not Contact.objects.exists() and not Import.objects.exists()
    rows = list(csv.DictReader((tmp_path / "pairs.csv").read_text(encoding="utf-8-sig").splitlines()))
    first = next(row for row in rows if (row["line"], row["other line"]) == ("2", "3"))
    assert first["merging would be proposed"] == "yes" and "the same number +85291234567" in first["because"]
    assert {row["person"] for row in rows} == {"1"}
    # What a spreadsheet would run is written as text.
    assert any(row["other name"].startswith("'=") for row in rows)


def test_reads_other_encodings_and_workbooks(tmp_path: Path) -> None:
    assert compared(write(tmp_path / "big5.csv", ROWS, "big5hkscs"))["spare_rows"] == 2
    book = Workbook()
    for row in ROWS:
        book.active.append([f" {cell}" if cell.startswith("=") else cell for cell in row])
    book.save(tmp_path / "people.xlsx")
    assert compared(tmp_path / "people.xlsx")["spare_rows"] == 2


def test_rules_in_force_decide(tmp_path: Path) -> None:
    rows = [["name", "phone", "custom.member"], ["A. Lee", "", "M-7731"], ["Peter Chan", "", "M-7731"]]
    file = write(tmp_path / "members.csv", rows)
    assert compared(file)["pairs"] == 0
    MatchRules.objects.create(
        version=1, state="published", settings={"id_fields": ["member"]}, weights={**DEFAULT, "same_id": 20.0}, created_at=clock.now()
    )
    assert compared(file)["pairs"] == 1


def test_says_in_words_what_it_found(tmp_path: Path) -> None:
    said = io.StringIO()
    call_command("compare_file", str(write(tmp_path / "people.csv", ROWS)), region=["HK"], stdout=said)
    assert "People there more than once: 1; rows too many: 2 (50.0 %)" in said.getvalue()
    assert "Rows that would not be loaded: 1; import_contacts --dry-run tells why" in said.getvalue()


@pytest.mark.parametrize(
    ("given", "because"),
    [
        ({"map": ["Nickname=name"]}, "There is no column 'Nickname'"),
        ({"map": ["City=town"]}, "There is no field 'town'"),
        ({"processes": 0}, "--processes takes a number from 1 to 64."),
        ({"encoding": "klingon"}, "klingon"),
        ({"out": Path("/nowhere/pairs.csv")}, "Cannot write /nowhere/pairs.csv"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, given: dict[str, Any], because: str) -> None:
    with pytest.raises(CommandError, match=because):
        compared(write(tmp_path / "people.csv", ROWS), **given)


@pytest.mark.parametrize(("body", "because"), [(b"", "There are no rows"), (b"%PDF-1.7 \x00\x01", "neither a CSV nor an XLSX")])
def test_what_is_no_table_is_said(tmp_path: Path, body: bytes, because: str) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(body)
    with pytest.raises(CommandError, match=because):
        compared(file)
    with pytest.raises(CommandError, match="Cannot read"):
        compared(tmp_path / "nothing.csv")


def test_stopped_or_broken_off_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "people.csv", ROWS)
    for error, words, code in ((KeyboardInterrupt(), "Stopped. Nothing was changed.", 3), (Failed("gone"), "Broken off: gone", 2)):
        monkeypatch.setattr(likeness.batch, "find", Mock(side_effect=error))
        with pytest.raises(CommandError, match=words) as raised:
            compared(file)
        assert raised.value.returncode == code
