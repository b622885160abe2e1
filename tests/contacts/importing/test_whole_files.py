"""A whole file of a shop: every bad row named in words, the good ones in, the second time nothing, and taken back to the byte.

IMPORT_ROWS=100000 for the long form.
"""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage

from connectors.contracts import Address
from scrm.contacts import exporting, merging
from scrm.contacts.fields import Offer, offer
from scrm.contacts.importing import results, running, undoing, uploading
from scrm.contacts.importing.problems import worded
from scrm.contacts.models import Contact, Event, EventDelivery, Identity, Import, ImportRow, MatchKey, MatchProfile
from scrm.contacts.services import Sender, resolve_identity
from scrm.core import clock
from tests import people
from tests.contacts import import_files as files

pytestmark = pytest.mark.django_db
ROWS = int(os.environ.get("IMPORT_ROWS", "2000"))


def whole() -> tuple[list[list[str]], dict[int, tuple[str, str]]]:
    """The rows with their headers, and {line: (column, code)} of the bad ones."""
    rows, bad = [list(files.SHOP)], {}
    for line, (cells, wrong) in enumerate(files.shop(ROWS), start=2):
        rows.append(cells)
        if wrong is not None:
            bad[line] = wrong
    return rows, bad


def exported() -> bytes:
    return "".join(exporting.csv_lines(exporting.people())).encode()


def stamps() -> list[tuple[Any, ...]]:
    return list(Contact.objects.order_by("pk").values_list("pk", "updated_at", "provenance"))


def undo(run: Import) -> Import:
    assert undoing.start(run, by=None)
    return running.run_to_end(run)


class WholeFiles:
    def test_come_in_once_and_go_out_again_to_the_byte(self) -> None:
        files.load(files.table(files.people(40)))
        people.customer("陳大文", "85291234567")
        before = exported()
        rows, bad = whole()
        regions = list(files.REGIONS)

        run = files.load(files.table(rows), regions=regions)
        counts = results.counts(run)
        assert (counts["created"], counts["bad"], counts["people"]) == (ROWS - len(bad), len(bad), ROWS - len(bad))
        assert len(bad) > ROWS / 25 and len(set(bad.values())) == len(files.BAD_KINDS)
        said = {row.line: row.notes[0] for row in run.rows.filter(outcome="bad")}
        assert {line: (note["column"], note["code"]) for line, note in said.items()} == bad
        assert all(worded(note) not in ("", note["code"]) for note in said.values())

        once, events = stamps(), Event.objects.count()
        head, *rest = rows
        random.Random(5).shuffle(rest)
        for data in (files.table(rows), files.table([head, *rest])):
            again = files.load(data, regions=regions)
            assert results.counts(again)["unchanged"] == ROWS - len(bad)
            assert results.counts(again)["bad"] == len(bad)
        assert stamps() == once
        assert Event.objects.count() == events

        assert undo(run).state == Import.State.UNDONE
        assert exported() == before
        left = set(Contact.objects.values_list("pk", flat=True))
        for model in (Identity, Event, MatchKey, MatchProfile):
            assert set(model.objects.values_list("contact", flat=True)) <= left
        told = Event.objects.values_list("pk", flat=True)
        assert set(EventDelivery.objects.values_list("event", flat=True)) <= set(told)

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "big5hkscs", "gb18030", "cp932"])
    def test_name_every_bad_row_in_every_encoding(self, encoding: str) -> None:
        rows, bad = [list(files.SHOP)], {}
        for cells, wrong in files.shop(160, bad=0.3):
            # Who cannot be written in an encoding is in no file that is.
            if "".join(cells).encode(encoding, "ignore").decode(encoding) == "".join(cells):
                rows.append(cells)
                bad |= {len(rows): wrong} if wrong else {}
        assert len(rows) > 60 and len(set(bad.values())) > 8
        run = files.load(files.table(rows, encoding=encoding), regions=list(files.REGIONS))
        assert run.options["encoding"].replace("-", "") in encoding.replace("-", "") or encoding.startswith("utf")
        found = {row.line: (row.notes[0]["column"], row.notes[0]["code"]) for row in run.rows.filter(outcome="bad")}
        assert found == bad
        assert Contact.objects.count() == len(rows) - 1 - len(bad)


class MergedPeople:
    def _merged(self) -> tuple[Contact, Contact, Any]:
        files.load(files.table([["ID", "Name", "Phone"], ["C1", "陳大文", "+85261000001"], ["C2", "陳大文", "+85261000002"]]))
        first, second = Contact.objects.order_by("pk")
        return first, second, merging.merge(first, second, by=people.agent("aya"))

    def test_get_what_a_file_says_of_the_duplicate_and_it_goes_home_with_it(self) -> None:
        first, second, merge = self._merged()
        data = files.table([["ID", "Name", "Email", "City"], ["C2", "陳大文", "two@example.hk", "沙田"]])
        run = files.load(data)
        added = Identity.objects.get(value="two@example.hk")
        assert (added.contact_id, added.home_id) == (first.pk, second.pk)
        assert results.counts(run)["updated"] == 1
        assert Contact.objects.get(pk=first.pk).city == "沙田"
        merging.undo(merge, by=None)
        assert Identity.objects.get(value="two@example.hk").contact_id == second.pk
        assert [Contact.objects.get(pk=row.pk).city for row in (first, second)] == ["", "沙田"]
        again = files.load(data)
        assert results.counts(again)["unchanged"] == 1

    def test_give_back_what_a_file_said_of_the_duplicate(self) -> None:
        self._merged()
        before = exported()
        run = files.load(files.table([["ID", "Name", "Email", "City"], ["C2", "陳大文", "two@example.hk", "沙田"]]))
        assert undo(run).state == Import.State.UNDONE
        assert results.counts(run)["undone"] == 1
        assert exported() == before

    def test_stay_until_their_merge_is_undone(self) -> None:
        run = files.load(files.table(files.people(4)))
        first, second = Contact.objects.order_by("pk")[:2]
        merge = merging.merge(first, second, by=people.agent("aya"))
        foreseen = undoing.preview(run)
        assert (foreseen["created"], foreseen["kept"], foreseen["reasons"]) == (2, 2, {"merged_since": 2})
        undo(run)
        assert set(Contact.objects.values_list("pk", flat=True)) == {first.pk, second.pk}
        kept = run.rows.filter(outcome=ImportRow.Outcome.KEPT)
        assert {row.notes[-1]["code"] for row in kept} == {"merged_since"}
        merging.undo(merge, by=None)
        assert undo(run).state == Import.State.UNDONE
        assert not Contact.objects.exists(), [row.notes for row in run.rows.filter(outcome="kept")]
        assert not undoing.start(run, by=None)


class UsedPeople:
    def test_keep_what_came_after_the_import(self) -> None:
        files.load(files.table([["ID", "Name"], ["C1", "陳大文"], ["C2", "林怡君"]]))
        head = ["ID", "Name", "Phone", "Email", "Marketing", "Consent source", "Tags"]
        rows = [
            head,
            ["C1", "陳大文", "+85261000001", "one@example.hk", "yes", "shop", "VIP"],
            ["C2", "林怡君", "+85261000002", "", "", "", ""],
        ]
        before = exported()
        run = files.load(files.table(rows))
        assert results.counts(run)["updated"] == 2
        sender = Sender((Address("whatsapp", "85261000002"),), name="林怡君")
        people.conversation(resolve_identity(sender))
        offer([Offer(Contact.objects.get(external_id="C1"), {"city": "沙田"}, "person", clock.now(), "mei")])
        undo(run)
        assert Contact.objects.get(external_id="C1").city == "沙田"
        assert not Identity.objects.filter(contact__external_id="C1").exists()
        offer([Offer(Contact.objects.get(external_id="C1"), {"city": ""}, "person", clock.now(), "mei", blanks_count=True)])
        lines, kept = exported().decode().splitlines(), before.decode().splitlines()
        assert [line for line in lines if "C1" in line] == [line for line in kept if "C1" in line]


class UploadedFiles:
    def test_are_gone_within_the_hour_and_the_rows_to_repair_within_the_week(self) -> None:
        run = files.load(files.table([["ID", "Name", "Email"], ["C1", "陳大文", "no address"], ["C2", "林怡君", ""]]))
        waiting = files.upload(files.table(files.people(2)))
        file = run.file
        Import.objects.update(finished_at=clock.now() - timedelta(minutes=45), created_at=clock.now() - timedelta(minutes=50))
        assert uploading.remove_old() == 1
        assert not default_storage.exists(file) and default_storage.exists(waiting.file)
        run.refresh_from_db()
        assert "no address" in "".join(results.error_file(run))
        assert undoing.preview(run)["created"] == 1
        Import.objects.update(created_at=clock.now() - timedelta(days=8))
        assert uploading.remove_old() == 1
        assert not run.rows.exclude(cells=None).exists()
