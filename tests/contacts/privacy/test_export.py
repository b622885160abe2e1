"""A person's export holds everything that the product keeps of them, and nothing of anybody else."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from scrm.contacts import merging
from scrm.contacts.models import Contact
from scrm.contacts.privacy import erasure, exports
from tests import people
from tests.contacts.privacy.seeding import NEIGHBOUR, Seed

# What is kept of people, by the names in the file. Another kind may be added; none of these may go.
KINDS = {
    *("contacts", "identities", "consents", "events", "merges", "field_differences", "possible_duplicates", "address_questions"),
    *("settled_numbers", "legal_holds", "exports", "audit", "admin_log", "conversations", "messages", "statuses", "attachments"),
    *("decisions", "reservations", "responses", "name_lookups", "tags", "orders", "order_lines", "shipments", "coupons", "rule_runs"),
    *("crm_records", "crm_writes", "received"),
}
# Marked words that are about the product's own work, or about a pair of whom the other has rights as well, and are told without them.
WITHHELD = ("orphan", "pair", "task", "alert", "parked", "apart", "spooled")


@pytest.fixture
def archive(seeded: Seed, tmp_path: Path) -> zipfile.ZipFile:
    erasure.set_hold(seeded.contact.pk, by="legal", reason="case 12/2026")
    exports.write(seeded.contact.pk, tmp_path / "person.zip")
    return zipfile.ZipFile(tmp_path / "person.zip")


def texts(archive: zipfile.ZipFile) -> dict[str, str]:
    return {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}


class Export:
    def test_holds_a_row_of_each_of_the_kinds_of_data_that_are_kept(self, archive: zipfile.ZipFile) -> None:
        assert len(KINDS) >= 25
        rows = json.loads(archive.read("index.json"))["rows"]
        assert set(rows) >= KINDS
        assert [kind for kind in sorted(KINDS) if not rows[kind]] == []
        assert {kind: len(json.loads(archive.read(f"data/{kind}.json"))) for kind in rows} == rows

    def test_says_everything_that_was_said_of_the_person(self, seeded: Seed, archive: zipfile.ZipFile) -> None:
        everything = "\n".join(texts(archive).values()).casefold()
        missing = [mark for mark in seeded.marks if mark.casefold() not in everything]
        assert [mark for mark in missing if not mark[2:-2].startswith(WITHHELD)] == []

    def test_says_nothing_of_others(self, seeded: Seed, archive: zipfile.ZipFile) -> None:
        told = texts(archive)
        for word in (*seeded.others, NEIGHBOUR, "zqneighbour"):
            assert [name for name, text in told.items() if word in text] == [], word

    def test_names_a_merge_with_somebody_who_left_again_without_their_values(self, db: None, tmp_path: Path) -> None:
        one, other = people.customer().contact, people.customer("林怡君", "886912345678").contact
        merging.undo(merging.merge(one, other, by=people.agent(), reason="the same shop"), by=people.agent())
        exports.write(one.pk, tmp_path / "after.zip")
        with zipfile.ZipFile(tmp_path / "after.zip") as archive:
            told = "\n".join(texts(archive).values())
            assert "林怡君" not in told and "886912345678" not in told
            assert len(json.loads(archive.read("data/merges.json"))) == 1

    def test_has_each_table_as_a_spreadsheet_reads_it(self, archive: zipfile.ZipFile) -> None:
        for name in (name for name in archive.namelist() if name.startswith("tables/")):
            raw = archive.read(name)
            assert raw.startswith(b"\xef\xbb\xbf"), name
            table = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
            assert len({len(row) for row in table}) == 1, name
            assert len(table) - 1 == len(json.loads(archive.read(name.replace("tables", "data").replace(".csv", ".json")))), name
            starts = ("=", "+", "@", "\t", "\r")
            assert not [cell for row in table for cell in row if cell.startswith(starts)], name

    def test_holds_the_files_that_were_sent(self, seeded: Seed, archive: zipfile.ZipFile) -> None:
        assert [name for name in archive.namelist() if not name.startswith(("data/", "tables/", "index"))]
        assert json.loads(archive.read("index.json"))["missing_files"] == []

    def test_of_a_merged_record_is_that_of_the_whole_person(self, seeded: Seed, tmp_path: Path) -> None:
        exports.write(seeded.duplicate.pk, tmp_path / "again.zip")
        with zipfile.ZipFile(tmp_path / "again.zip") as archive:
            ids = {row["id"] for row in json.loads(archive.read("data/contacts.json"))}
        assert ids == {seeded.contact.pk, seeded.duplicate.pk}
        assert Contact.objects.filter(pk__in=ids).count() == 2
