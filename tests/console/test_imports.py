"""The pages for files of people: who may reach them, and the way from an upload to its result."""

from __future__ import annotations

import csv
import io
import os
import re
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import get_resolver

from scrm.contacts.importing import running
from scrm.contacts.models import Contact, Import
from scrm.core.models import AuditEntry
from tests import people
from tests.console.conftest import allow, seated
from tests.contacts import import_files as files

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    settings.MEDIA_ROOT = str(tmp_path / "media")


@pytest.fixture
def clerk(db: None) -> Client:
    return seated(allow(people.agent("clerk"), "contacts.import_contact", "contacts.export_contact", "contacts.view_contact"))


def upload(client: Client, rows: list[list[str]]) -> Import:
    answer = client.post("/admin/imports/", {"file": SimpleUploadedFile("../../etc/顧客.csv", files.table(rows))})
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    return Import.objects.latest("pk")


def form_of(run: Import, **more: Any) -> dict[str, Any]:
    said = {"encoding": run.options["encoding"], "delimiter": run.options["delimiter"], "header_row": run.options["header_row"]}
    return {**said, "regions": "", "consent_source": "", **{f"column-{n}": each for n, each in enumerate(run.mapping)}, **more}


def _addresses(resolver: Any, before: str = "") -> list[str]:
    """Every address of the admin, with 1 for what it leaves open."""
    found = []
    for each in resolver.url_patterns:
        here = before + re.sub(r"<[^>]*>|\(\?P<[^)]*\)", "1", str(each.pattern)).strip("^$").replace("\\Z", "")
        found += _addresses(each, here) if hasattr(each, "url_patterns") else [here] if here.startswith("admin/") else []
    return found


class Rights:
    @pytest.mark.parametrize(
        "address", ["/admin/imports/", "/admin/imports/1/", "/admin/imports/1/undo/", "/admin/imports/1/errors/", "/admin/exports/"]
    )
    def test_are_needed_for_every_page(self, desk: Client, address: str) -> None:
        assert desk.get(address).status_code == 403

    @pytest.mark.parametrize("what", ["configure", "start", "pause", "resume", "stop", "undo/start"])
    def test_are_needed_for_every_deed(self, desk: Client, what: str) -> None:
        assert desk.post(f"/admin/imports/1/{what}/").status_code == 403

    def test_are_needed_wherever_an_address_imports_exports_or_shows_the_queue(self, desk: Client) -> None:
        found = [each for each in _addresses(get_resolver()) if re.search("import|export|django_q|q2", each)]
        assert len(found) > 8
        for address in found:
            for ask in (desk.get, desk.post):
                assert ask("/" + address).status_code in (403, 404, 405), address
        for guessed in ("contacts/contact/import/", "contacts/contact/export/", "contacts/contact/process_import/", "django_q/ormq/"):
            assert desk.get(f"/admin/{guessed}", follow=True).status_code in (403, 404)
        assert not Import.objects.exists()

    def test_to_import_do_not_allow_to_export(self) -> None:
        client = seated(allow(people.agent("in"), "contacts.import_contact"))
        assert client.get("/admin/imports/").status_code == 200
        assert client.get("/admin/exports/").status_code == 403

    def test_of_their_own_are_needed_for_very_many(self, clerk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        from scrm.contacts.importing import limits

        files.load(files.table(files.people(4)))
        monkeypatch.setattr(limits, "EXPORTED_ALONE", 3)
        said = {"format": "csv", "reason": "audit"}
        assert "Content-Disposition" not in clerk.post("/admin/exports/", said)
        chief = seated(allow(people.agent("chief"), "contacts.export_contact", "contacts.export_many_contacts"))
        assert "Content-Disposition" in chief.post("/admin/exports/", said)


class Pages:
    def test_lead_from_the_upload_to_the_result_and_back(self, clerk: Client) -> None:
        rows = [*files.people(6), ["B1", "陳大文", "+85269999999", "no address", "", "", ""]]
        run = upload(clerk, rows)
        page = clerk.get(f"/admin/imports/{run.pk}/").content.decode()
        assert "陳" in page and "UTF-8" in page and 'name="column-2"' in page
        clerk.post(f"/admin/imports/{run.pk}/configure/", form_of(run, check="1", **{"column-6": "custom.Town"}))
        running.run_to_end(run)
        page = clerk.get(f"/admin/imports/{run.pk}/").content.decode()
        assert "is not an e-mail address: no address" in page
        assert "1 × Email: is not an e-mail address</li>" in page
        assert not Contact.objects.exists()
        for _ in range(2):
            assert clerk.post(f"/admin/imports/{run.pk}/start/").status_code == 302
        assert 'data-live="1"' in clerk.get(f"/admin/imports/{run.pk}/?live=1").content.decode()
        running.run_to_end(run)
        clerk.post(f"/admin/imports/{run.pk}/start/")
        assert Contact.objects.count() == 6
        assert Contact.objects.first().custom == {"Town": "觀塘"}  # type: ignore[union-attr]
        repair = b"".join(clerk.get(f"/admin/imports/{run.pk}/errors/")).decode()  # type: ignore[arg-type]
        assert "no address" in repair and repair.startswith("\ufeff")
        assert ">6<" in clerk.get(f"/admin/imports/{run.pk}/undo/").content.decode()
        clerk.post(f"/admin/imports/{run.pk}/undo/start/")
        running.run_to_end(run)
        assert not Contact.objects.exists()
        assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"contacts.imported", "contacts.import_undone"}

    def test_that_broke_off_say_what_to_do_and_administrators_why(
        self, clerk: Client, owner: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(run: Import) -> int:
            raise KeyError("shelf")

        monkeypatch.setattr(running, "_check_chunk", broken)
        run = upload(clerk, files.people(2))
        clerk.post(f"/admin/imports/{run.pk}/configure/", form_of(run, check="1"))
        running.run_to_end(run)
        run.refresh_from_db()
        assert (run.state, run.error) == ("failed", "KeyError: 'shelf'")
        address = f"/admin/imports/{run.pk}/?live"
        seen, known = clerk.get(address).content.decode(), owner.get(address).content.decode()
        assert "The program broke off each time at the same rows." in seen and "shelf" not in seen
        assert "The program broke off each time at the same rows." in known and "shelf" in known

    def test_remember_the_columns_of_such_a_file(self, clerk: Client) -> None:
        run = upload(clerk, files.people(2))
        clerk.post(f"/admin/imports/{run.pk}/configure/", form_of(run, check="1", **{"column-6": ""}))
        running.run_to_end(run)
        clerk.post(f"/admin/imports/{run.pk}/start/")
        assert upload(clerk, files.people(3)).mapping[6] == ""

    def test_know_our_file_of_rows_to_repair_as_of_the_same_columns(self, clerk: Client) -> None:
        run = upload(clerk, [*files.people(1), ["B1", "陳大文", "+85269999999", "no address", "", "", ""]])
        clerk.post(f"/admin/imports/{run.pk}/configure/", form_of(run, check="1", **{"column-6": "custom.Town", "regions": "HK MO"}))
        running.run_to_end(run)
        clerk.post(f"/admin/imports/{run.pk}/start/")
        running.run_to_end(run)
        repair = b"".join(clerk.get(f"/admin/imports/{run.pk}/errors/"))  # type: ignore[arg-type]
        clerk.post("/admin/imports/", {"file": SimpleUploadedFile("repair.csv", repair)})
        again = Import.objects.latest("pk")
        assert again.options["regions"] == ["HK", "MO"] and again.mapping[6:] == ["custom.Town", "", ""]

    def test_propose_the_countries_of_our_connections_for_numbers_without_one(self, clerk: Client) -> None:
        people.hong_kong()
        run = upload(clerk, [["Name", "Phone"], ["陳大文", "9123 4567"]])
        assert run.options["regions"] == ["HK"]
        assert 'name="regions" value="HK"' in clerk.get(f"/admin/imports/{run.pk}/").content.decode()
        clerk.post(f"/admin/imports/{run.pk}/configure/", form_of(run, check="1"))
        run.refresh_from_db()
        assert run.options["regions"] == []

    def test_say_why_a_file_is_not_taken(self, clerk: Client) -> None:
        answer = clerk.post("/admin/imports/", {"file": SimpleUploadedFile("a.csv", b"%PDF-1.4")})
        assert "neither a CSV nor an XLSX" in answer.content.decode()
        assert not Import.objects.exists()


NASTY = [
    "=1+1",
    "+852 is a prefix",
    "-5",
    "@SUM(A1)",
    "\u3000=cmd",
    "'quoted",
    "''two",
    '"both", sides',
    "two\nlines",
    "00123",
    "１２３",
    "🧧👨‍👩‍👧",
    "％off",
    "1234567890123456789",
    "TRUE",
    "+85291234567",
    "＝1+1",
    "－1",
    "＠here",
    "|cmd",
    "1e5",
    "3/4",
    "2026-11-30",
    "0x1F",
    "#N/A",
    "a;b|c\td",
    "ｶﾀｶﾅ",
    "𠮷野家",
    "é vs e\u0301",
    "<b>&amp;</b>",
]
# 5000 for the long form.
ROWS = int(os.environ.get("IMPORT_ROWS", "90"))


class Exports:
    def _nasty(self) -> None:
        head = ["ID", "Name", "Phone", "Notes", "custom.Code"]
        rows = [
            [f"00{n}", f"客{n}", f"+8526{5000000 + n}", each.strip(), each.strip()] for n, each in enumerate(islice(cycle(NASTY), ROWS))
        ]
        # As a clean program writes it: a cell that begins with an apostrophe has it doubled.
        quoted = [[f"'{cell}" if cell.startswith("'") else cell for cell in row] for row in rows]
        files.load(files.table([head, *quoted]))

    @pytest.mark.parametrize("form", ["csv", "xlsx"])
    def test_run_nothing_and_come_back_the_same(self, clerk: Client, form: str) -> None:
        self._nasty()
        fields = ("external_id", "name", "notes", "custom", "country")
        before = list(Contact.objects.order_by("external_id").values_list(*fields))
        answer = clerk.post("/admin/exports/", {"format": form, "reason": "backup"})
        data = b"".join(answer)  # type: ignore[arg-type]
        cells = self._cells(data, form)
        assert not [cell for cell in cells if cell.lstrip(" \u3000").startswith(("=", "+", "-", "@", "\t", "\r", "％"))]
        assert AuditEntry.objects.filter(action="contacts.list_exported").count() == 1
        Contact.objects.all().delete()
        from scrm.contacts.models import ImportRow

        ImportRow.objects.all().delete()
        files.load(data, f"x.{form}")
        assert list(Contact.objects.order_by("external_id").values_list(*fields)) == before

    def _cells(self, data: bytes, form: str) -> list[str]:
        if form == "csv":
            return [cell for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) for cell in row]
        sheet = openpyxl.load_workbook(io.BytesIO(data)).active
        found = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
        assert {cell.data_type for cell in found} == {"s"}
        return [str(cell.value) for cell in found]

    def test_need_a_reason(self, clerk: Client) -> None:
        assert "Content-Disposition" not in clerk.post("/admin/exports/", {"format": "csv", "reason": ""})
        assert not AuditEntry.objects.filter(action__startswith="contacts.export").exists()
