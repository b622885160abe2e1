"""The audit is only added to, and shows what anybody changed or removed since."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction

from scrm.core import audit, clock
from scrm.core.audit_check import check
from scrm.core.audit_models import AuditDay, AuditDetail, AuditEntry, NeverChanged

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def three_days(each: int = 3) -> list[AuditEntry]:
    """Entries on three days in a row."""
    made = []
    with clock.frozen(NOON):
        for _day in range(3):
            for number in range(each):
                about = [f"contacts.contact:{number + 100}"]
                before, after = {"name": "陳大文"}, {"name": "陳大明"}
                made.append(
                    audit.record("contacts.merged", by="mei", subject=f"contacts.contact:{number}", before=before, after=after, about=about)
                )
            audit.seal()
            clock.advance(timedelta(days=1))
    return made


def change(entry: AuditEntry, **values) -> None:
    """As somebody would who writes to the database directly."""
    models.QuerySet(AuditEntry).filter(pk=entry.pk).update(**values)


def remove(entry: AuditEntry) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_audit_mention WHERE entry_id = %s", [entry.pk])
        cursor.execute("DELETE FROM core_audit_detail WHERE entry_id = %s", [entry.pk])
        cursor.execute("DELETE FROM core_audit_entry WHERE id = %s", [entry.pk])


class Record:
    def test_numbers_start_anew_each_day_and_the_chain_goes_on(self):
        made = three_days()
        rows = AuditEntry.objects.order_by("id").values_list("number", flat=True)
        assert list(rows) == [1, 2, 3] * 3
        heads = list(AuditDay.objects.order_by("day").values_list("previous", "head"))
        assert heads[1][0] == heads[0][1]
        assert heads[2][0] == heads[1][1]
        assert len(made) == 9

    def test_is_undone_with_the_act_it_tells_of(self):
        with pytest.raises(RuntimeError), transaction.atomic():
            audit.record("contacts.merged", by="mei")
            raise RuntimeError
        assert not AuditEntry.objects.exists()

    def test_entries_of_a_person_are_found_as_subject_and_by_mention(self):
        three_days(1)
        assert audit.entries_about(["contacts.contact:0"]).count() == 3
        assert audit.entries_about(["contacts.contact:100"]).count() == 3
        assert audit.entries_about(["contacts.contact:0", "contacts.contact:100"]).count() == 3

    def test_is_never_changed_by_code(self):
        entry = audit.record("contacts.merged", by="mei")
        entry.action = "contacts.exported"
        for act in (entry.save, entry.delete, AuditEntry.objects.all().delete, lambda: AuditEntry.objects.update(action="x")):
            with pytest.raises(NeverChanged):
                act()


class Check:
    def test_what_nobody_touched_is_sound(self):
        three_days()
        audit.record("contacts.exported", by="mei")
        found = check()
        assert found.sound
        assert (found.entries, found.days, found.unsealed) == (9, 3, 1)

    @pytest.mark.parametrize(
        "values",
        [{"by": "kenji"}, {"action": "contacts.exported"}, {"subject": ""}, {"at": NOON}, {"chain": "0" * 64}],
    )
    def test_finds_a_changed_entry(self, values):
        change(three_days()[4], **values)
        assert not check().sound

    @pytest.mark.parametrize("which", range(9))
    def test_finds_a_removed_entry_wherever_it_stood(self, which):
        remove(three_days()[which])
        assert not check().sound

    def test_finds_two_entries_that_changed_places(self):
        made = three_days()
        first, second = (AuditEntry.objects.get(pk=made[n].pk) for n in (3, 4))
        change(first, number=99)
        change(second, number=first.number, chain=first.chain)
        change(first, number=second.number, chain=second.chain)
        assert not check().sound

    def test_finds_a_changed_detail(self):
        made = three_days()
        AuditDetail.objects.filter(pk=made[2].pk).update(body={"before": {}, "after": {}, "reason": "", "address": "", "request": ""})
        assert not check().sound

    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_finds_a_day_that_was_removed_with_all_its_entries(self, which):
        made = three_days()
        for entry in made[which * 3 : which * 3 + 3]:
            remove(entry)
        AuditDay.objects.filter(day=(NOON + timedelta(days=which)).date()).delete()
        # The very last day has nothing after it that would miss it: what was written last must be guarded by a copy elsewhere.
        with clock.frozen(NOON + timedelta(days=9)):
            audit.record("contacts.merged", by="mei")
            audit.seal()
        assert check().sound is (which == 2)

    def test_an_entry_cannot_be_made_without_the_key(self, settings):
        three_days()
        settings.SECRET_KEY = "somebody else's"
        audit.record("contacts.merged", by="mei")
        audit.seal()
        settings.SECRET_KEY = "the real one"
        assert not check().sound

    def test_a_change_of_the_key_leaves_it_sound(self, settings):
        settings.SECRET_KEY = "old"
        three_days(1)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["old"]
        audit.record("contacts.merged", by="mei")
        audit.seal()
        assert check().sound


class Details:
    def test_are_erased_with_the_person_and_the_chain_still_holds(self):
        three_days()
        erasing = audit.record("contacts.erased", by="mei", subject="contacts.contact:100")
        assert audit.erase_details(["contacts.contact:100"], recorded_as=erasing) == 3
        assert not AuditDetail.objects.filter(entry__mentions__subject="contacts.contact:100").exclude(body=None).exists()
        audit.seal()
        found = check()
        assert found.sound
        assert found.erased == 3

    def test_cannot_be_emptied_on_the_strength_of_another_act(self):
        made = three_days()
        AuditDetail.objects.filter(pk=made[0].pk).update(body=None, salt="", erased_for=made[1])
        assert not check().sound


class Command:
    def test_tells_in_figures_and_ends_with_an_error_when_something_is_wrong(self):
        made = three_days()
        out = StringIO()
        call_command("verify_audit", format="json", stdout=out)
        assert json.loads(out.getvalue())["ok"] is True
        change(made[0], by="kenji")
        with pytest.raises(CommandError, match="findings"):
            call_command("verify_audit", stdout=StringIO(), stderr=StringIO())
