"""A person is erased everywhere, nobody else is touched, and what is kept brings nobody back."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from scrm.commerce.models import Order
from scrm.contacts.models import Contact, Erasure, Identity
from scrm.contacts.privacy import digests, erasure, ledger
from scrm.contacts.privacy.checks import erasures_are_replayed, pending
from scrm.conversations import history
from scrm.conversations.models import HistoryBlock, Message
from scrm.core import clock
from scrm.core.audit_check import check
from scrm.intake import ledger as sums
from scrm.intake import pipeline
from scrm.intake.models import InboundEvent, InboundItem
from tests.contacts.privacy.conftest import MANY
from tests.contacts.privacy.seeding import NEIGHBOUR, PHONE, SECOND, Seed
from tests.people import body, hong_kong, post, text_message, wamid


def everything_stored() -> str:
    """All values of all tables of the product, packed ones opened, side tables of the search included."""
    told: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith(("sandbox", "sqlite_", "pg_")):
                continue
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            told += [f"{table}: {_text(value)}" for row in cursor.fetchall() for value in row if value is not None]
    return "\n".join(told)


def _text(value: object) -> str:
    if not isinstance(value, bytes | memoryview):
        return f"{value}{_unpickled(value)}"
    raw = bytes(value)
    for window in (zlib.MAX_WBITS, zlib.MAX_WBITS | 16):  # plain, and gzip's
        with suppress(zlib.error):
            raw = zlib.decompress(raw, window)
    return raw.decode("utf-8", "replace")


def _unpickled(value: object) -> str:
    """The queue keeps arguments and results as pickles in base64."""
    try:
        return str(pickle.loads(base64.b64decode(str(value), validate=True))) if len(str(value)) > 20 else ""
    except Exception:
        return ""


def files_of_the_place() -> str:
    """Every file that the product keeps: media, spool, exports, ledger."""
    told = []
    for folder in {Path(settings.MEDIA_ROOT), Path(settings.SPOOL_DIR), Path(settings.EXPORTS_DIR), Path(settings.LEDGER_DIR)}:
        for path in folder.rglob("*") if folder.exists() else ():
            if path.is_file():
                raw = path.read_bytes()
                told.append(f"{path.name}: {raw.decode('utf-8', 'replace')}{_spooled(raw)}")
    return "\n".join(told)


def _spooled(raw: bytes) -> str:
    try:
        return base64.b64decode(json.loads(raw)["body"]).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError):
        return ""


def found(marks: list[str], text: str) -> list[str]:
    """The lines that hold a marked word, as "word @ where"; of a text without lines the words."""
    return sorted({f"{mark} @ {line[:60]}" for line in text.casefold().split("\n") for mark in marks if mark.casefold() in line})


def words(findings: list[str]) -> set[str]:
    return {each.partition(" @ ")[0] for each in findings}


def run() -> None:
    while pipeline.drain():
        pass


class Erasing:
    def test_leaves_no_marked_word_in_any_table_or_file(self, seeded: Seed) -> None:
        assert len(seeded.marks) >= 40
        before = found(seeded.marks, everything_stored() + files_of_the_place())
        assert words(before) == set(seeded.marks), "a word that was never stored proves nothing"
        outcome = erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        assert outcome.state == "done"
        assert found(seeded.marks, everything_stored()) == []
        assert found(seeded.marks, files_of_the_place()) == []
        assert not Contact.objects.filter(pk__in=[seeded.contact.pk, seeded.duplicate.pk]).exists()
        assert check().sound

    def test_reaches_into_compressed_history(self, seeded: Seed) -> None:
        with clock.frozen(clock.now() + timedelta(days=200)):
            sweep = history.begin()
            while sweep is not None and history.step(sweep):
                pass
        assert HistoryBlock.objects.exists() and words(found(seeded.marks, everything_stored() + files_of_the_place())) == set(seeded.marks)
        theirs = {row.pk: row.text for row in Message.objects.filter(conversation__identity__contact=seeded.neighbour)}
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        assert found(seeded.marks, everything_stored()) == []
        assert {row.pk: row.text for row in Message.objects.filter(pk__in=theirs)} == theirs

    def test_leaves_others_as_they_were(self, seeded: Seed) -> None:
        def theirs() -> tuple[object, ...]:
            said = Message.objects.filter(conversation__identity__contact=seeded.neighbour)
            return list(said.values()), list(Identity.objects.filter(value=NEIGHBOUR).values()), seeded.neighbour.tag_assignments.count()

        before = theirs()
        raw = "".join(pipeline.unpack(row).decode() for row in InboundEvent.objects.all())
        assert "zqneighbour says" in raw
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        assert theirs() == before
        assert "zqneighbour says" in "".join(pipeline.unpack(row).decode() for row in InboundEvent.objects.all())
        assert "zqneighbour spooled" in files_of_the_place()

    def test_keeps_the_ledgers_sums_and_the_books(self, seeded: Seed) -> None:
        before = [line.as_dict() for line in sums.sums()]
        assert all(line["balanced"] for line in before)
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        after = [line.as_dict() for line in sums.sums()]
        assert [line["received"] for line in after] == [line["received"] for line in before]
        assert all(line["balanced"] for line in after)
        assert sum(line["parked"] for line in after) == 0
        assert [str(row.total) for row in Order.objects.all()] == ["280.00"]
        assert Order.objects.get().contact_id is None

    def test_removes_the_files(self, seeded: Seed) -> None:
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        left = [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
        assert left == []

    def test_takes_in_the_person_whichever_of_their_contacts_is_named(self, seeded: Seed) -> None:
        erasure.erase_now(seeded.duplicate.pk, by="mei", reason="asked by letter")
        assert not Contact.objects.filter(pk=seeded.contact.pk).exists()

    def test_tried_out_changes_nothing_and_says_how_much_would_go(self, seeded: Seed) -> None:
        before, files = everything_stored(), files_of_the_place()
        out = StringIO()
        call_command("erase_contact", seeded.contact.pk, dry_run=True, format="json", stdout=out)
        told = json.loads(out.getvalue())
        assert told["state"] == "would be erased"
        assert told["counts"]["conversations"] > MANY
        assert everything_stored() == before
        assert files_of_the_place() == files

    def test_asked_again_says_that_there_is_nobody(self, seeded: Seed) -> None:
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        with pytest.raises(CommandError, match="no contact"):
            call_command("erase_contact", seeded.contact.pk, reason="again")

    def test_needs_a_reason(self, seeded: Seed) -> None:
        with pytest.raises(CommandError, match="say why"):
            call_command("erase_contact", seeded.contact.pk)
        assert Contact.objects.filter(pk=seeded.contact.pk).exists()

    def test_in_the_background_stops_after_its_time_and_goes_on(self, seeded: Seed) -> None:
        erasure.begin(seeded.contact.pk, by="mei", reason="asked by letter")
        row = Erasure.objects.get()
        turns = 0
        while not erasure.carry_out(row, seconds=0.0):
            turns += 1
            assert turns < 500
            row = Erasure.objects.get()
        assert turns > 5
        assert found(seeded.marks, everything_stored()) == []


class ComingBack:
    @pytest.fixture(autouse=True)
    def gone(self, seeded: Seed) -> None:
        self.old = [pipeline.unpack(row) for row in InboundEvent.objects.order_by("pk")]
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")

    def test_an_old_body_that_is_posted_again_changes_nothing(self) -> None:
        people, said = Contact.objects.count(), Message.objects.count()
        for raw in self.old:
            assert post(hong_kong(), raw) == 200
        run()
        assert (Contact.objects.count(), Message.objects.count()) == (people, said)
        assert all(line.balanced for line in sums.sums())
        assert not InboundItem.objects.filter(state="parked").exists()

    def test_a_new_message_begins_a_new_person_without_history_who_is_still_opted_out(self) -> None:
        with clock.frozen(clock.now() + timedelta(hours=1)):
            new = body(hong_kong(), messages=[text_message("hello again", phone=PHONE, id=wamid("new"), at=clock.now())], name="Ah Ming")
            assert post(hong_kong(), new) == 200
            run()
        back = Identity.objects.get(value=PHONE)
        assert back.opted_out_at is not None
        assert list(back.consents.values_list("allowed", "source").distinct()) == [(False, "before_erasure")]
        assert list(Message.objects.filter(conversation__identity=back).values_list("text", flat=True)) == ["hello again"]

    @pytest.mark.parametrize("value", [PHONE, SECOND])
    def test_a_crm_or_an_import_that_names_them_is_refused(self, value: str) -> None:
        from connectors.contracts import Address
        from scrm.contacts.privacy.returning import ErasedPerson
        from scrm.contacts.services import Sender, resolve_identity

        people = Contact.objects.count()
        for verified in ("crm", "import"):
            with pytest.raises(ErasedPerson):
                resolve_identity(Sender((Address("whatsapp", value),), name="x"), verified=verified)
        assert Contact.objects.count() == people

    def test_the_record_of_a_crm_is_known_again_too(self) -> None:
        assert len(digests.erased([("whatsapp", PHONE), ("phone", f"+{SECOND}"), ("whatsapp", NEIGHBOUR)])) == 2
        kept = "".join(str(row) for model in (Erasure,) for row in model.objects.values())
        assert PHONE not in kept


class Ledger:
    def test_an_older_copy_of_the_database_is_noticed_and_the_erasure_repeated(self, seeded: Seed) -> None:
        """The rows are brought back as a restore would: by undoing the erasure's transaction, which leaves the file."""
        from django.db import transaction

        with transaction.atomic():
            erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
            transaction.set_rollback(True)
        assert Contact.objects.filter(pk=seeded.contact.pk).exists()
        assert pending() == 1
        assert [problem.id for problem in erasures_are_replayed(None)] == ["scrm.E010"]
        with pytest.raises(SystemCheckError, match="erasures replay"):
            call_command("up", no_migrate=True, only="nothing")
        call_command("erasures", "replay", stdout=StringIO())
        assert pending() == 0
        assert erasures_are_replayed(None) == []
        assert found(seeded.marks, everything_stored()) == []
        assert check().sound

    def test_does_not_erase_another_person_who_got_the_number_of_the_contact(self, seeded: Seed) -> None:
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        Erasure.objects.all().delete()
        now = clock.now()
        Contact.objects.create(pk=seeded.contact.pk, name="林怡君", last_activity_at=now, created_at=now, updated_at=now)
        call_command("erasures", "replay", stdout=StringIO())
        assert Contact.objects.get(pk=seeded.contact.pk).name == "林怡君"

    def test_that_was_lost_is_written_anew(self, seeded: Seed) -> None:
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        before = ledger.read()
        ledger.path().unlink()
        assert [problem.id for problem in erasures_are_replayed(None)] == ["scrm.W010"]
        call_command("erasures", "replay", stdout=StringIO())
        assert ledger.read() == before

    def test_with_half_a_line_at_its_end_is_read_and_added_to(self, seeded: Seed) -> None:
        ledger.path().parent.mkdir(parents=True, exist_ok=True)
        ledger.path().write_text('\n{"code": "ab', encoding="utf-8")
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        assert len(ledger.read()) == 1

    def test_of_the_apps_names_nobody(self, seeded: Seed) -> None:
        erasure.erase_now(seeded.contact.pk, by="mei", reason="asked by letter")
        assert found(seeded.marks, ledger.path().read_text()) == []
        assert apps.get_model("contacts", "ErasedAddress").objects.count() >= 3


class LegalHolds:
    def test_keep_an_erasure_waiting_and_their_end_begins_it(self, seeded: Seed) -> None:
        erasure.set_hold(seeded.duplicate.pk, by="legal", reason="case 12/2026")
        with pytest.raises(CommandError, match="legal hold"):
            call_command("erase_contact", seeded.contact.pk, reason="asked by letter")
        assert Erasure.objects.get().state == "held"
        assert Message.objects.filter(conversation__identity__contact=seeded.contact).exists()
        assert erasure.lift_hold(seeded.contact.pk, by="legal") == 1
        while erasure.go_on():
            pass
        assert not Contact.objects.filter(pk=seeded.contact.pk).exists()
        assert Erasure.objects.get().state == "done"
