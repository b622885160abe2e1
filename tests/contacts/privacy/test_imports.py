"""What is left of an erased person in files that came in: their rows, rows that were not loaded, and files that wait."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import override_settings

from scrm.contacts import services
from scrm.contacts.importing import results, running
from scrm.contacts.models import Contact, Identity, Import
from scrm.contacts.privacy import erasure
from tests import people
from tests.contacts import import_files as files
from tests.contacts.privacy.conftest import in_own_folders

pytestmark = pytest.mark.django_db
# As a shop in Hong Kong writes +852 9123 4567 down.
SPELLED = ["+85291234567", "91234567", "9123 4567", "00852-9123-4567", "（８５２）９１２３４５６７", "(852) 9123.4567"]
HEAD = ["Name", "Phone", "Email"]


@pytest.fixture
def person(db: None, settings: Any, tmp_path: Path) -> Contact:
    in_own_folders(settings, tmp_path)
    settings.MEDIA_ROOT = str(tmp_path / "media")
    identity = people.customer("陳大文", "85291234567")
    services.add_address(identity.contact, kind="email", raw="mei.chan@example.hk", verified="import")
    return identity.contact


def erase(contact: Contact) -> None:
    assert erasure.erase_now(contact.pk, by="mei", reason="asked by letter").state == "done"


class FilesThatWait:
    @pytest.mark.parametrize("spelled", SPELLED)
    def test_go_when_they_hold_the_number_however_it_is_written(self, person: Contact, spelled: str) -> None:
        named = files.upload(files.table([HEAD, ["陳大文", spelled, ""]]))
        others = files.upload(files.table([HEAD, ["林怡君", "9123 4568", ""], ["黃志明", "+852 1912 3456 7", ""]]))
        erase(person)
        assert not default_storage.exists(named.file) and default_storage.exists(others.file)
        named.refresh_from_db()
        assert (named.file, named.state, named.error) == ("", "failed", "erased")

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp932", "big5hkscs", "gb18030"])
    def test_go_in_whatever_encoding_they_are(self, person: Contact, encoding: str) -> None:
        rows = [HEAD, ["大文", "", "Mei.Chan@Example.HK"], ["山田", "", ""]]
        run = files.upload(files.table(rows, encoding=encoding))
        erase(person)
        assert not default_storage.exists(run.file)

    def test_go_as_workbooks_too(self, person: Contact) -> None:
        book, out = openpyxl.Workbook(), io.BytesIO()
        book.active.append(HEAD)
        book.active.append(["陳大文", 91234567, None])
        book.save(out)
        run = files.upload(out.getvalue(), "x.xlsx")
        erase(person)
        assert not default_storage.exists(run.file)

    def test_are_not_loaded_from_what_another_host_made_of_them(self, person: Contact, tmp_path: Path) -> None:
        run = files.upload(files.table([HEAD, ["陳大文", "9123 4567", ""]]), regions=["HK"])
        running.check(run)
        running.run_to_end(run)
        with override_settings(VAR_DIR=tmp_path / "another"):
            erase(person)
        assert not running.start(run, by="mei")
        assert not Contact.objects.exists()
        assert running.step() == 0
        assert not list((tmp_path / "imports").rglob("rows.jsonl"))

    def test_stay_when_it_is_only_tried_out(self, person: Contact) -> None:
        run = files.upload(files.table([HEAD, ["陳大文", "9123 4567", ""]]))
        call_command("erase_contact", person.pk, dry_run=True, stdout=io.StringIO())
        assert default_storage.exists(run.file)
        run.refresh_from_db()
        assert run.state == Import.State.UPLOADED


class FilesThatNameThemAgain:
    @pytest.mark.parametrize(
        "row", [["陳大文", "9123 4567", ""], ["陳大文", "", "Mei.Chan@example.hk"], ["X", "+85291234567", "other@example.hk"]]
    )
    def test_bring_nobody_back_and_nothing_of_the_row_is_kept(self, person: Contact, row: list[str]) -> None:
        erase(person)
        data = files.table([HEAD, row, ["林怡君", "9123 4568", ""]])
        tried = files.upload(data, regions=["HK"])
        running.check(tried)
        running.run_to_end(tried)
        assert (tried.checked["counts"]["created"], tried.checked["counts"]["bad"]) == (1, 1)
        run = files.load(data, regions=["HK"])
        assert list(Contact.objects.values_list("name", flat=True)) == ["林怡君"]
        bad = run.rows.get(outcome="bad")
        assert (bad.line, bad.notes, bad.cells) == (2, [{"column": "", "code": "erased"}], [])
        assert "was erased" in results.why(bad) and "9123 4567" not in "".join(results.error_file(run))

    def test_are_loaded_once_they_came_back_by_themselves(self, person: Contact) -> None:
        erase(person)
        people.customer("陳大文", "85291234567")
        run = files.load(files.table([["Name", "Phone", "City"], ["陳大文", "9123 4567", "沙田"]]), regions=["HK"])
        assert results.counts(run)["updated"] == 1
        assert Contact.objects.get().city == "沙田"


class RowsThatWereNotLoaded:
    @pytest.mark.parametrize("spelled", SPELLED)
    def test_go_when_they_hold_the_number_however_it_is_written(self, person: Contact, spelled: str) -> None:
        rows = [HEAD, ["陳大文", spelled, "no address"], ["林怡君", "9123 4568", "none either"]]
        run = files.load(files.table(rows), regions=["HK"])
        assert run.rows.filter(outcome="bad").count() == 2
        erase(person)
        assert [row.cells[0] for row in run.rows.all()] == ["林怡君"]
        assert Import.objects.get().state == Import.State.DONE
        assert not Identity.objects.exists()
