"""What changes in the CRM arrives here, once, and loses nothing on either side."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.errors import OutcomeUnknown
from scrm.connections.models import Connection
from scrm.contacts import fields
from scrm.contacts.models import Contact, DuplicateCandidate, FieldConflict, Identity, IdentityCase
from scrm.core import clock
from scrm.sync import engine, feeds, holding, pulls
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, Push, SyncConflict, SyncCursor, SyncPlan
from scrm.sync.services import want
from tests.sync.conftest import Shop, later
from tests.sync.fake_crm import FakeCrm


@pytest.fixture
def two_ways(shop: Shop) -> Shop:
    """The shop's CRM with contacts' fields mapped both ways."""
    FieldMapping.objects.filter(kind="contact").exclude(source="last_message_at").update(direction="both")
    for source, target in (("company", "company"), ("email", "email"), ("priority", "priority")):
        FieldMapping.objects.create(connection=shop.crm, kind="contact", source=source, target=target, direction="both")
    shop.far.stamps = True
    return shop


def settle(shop: Shop) -> None:
    """Until nothing is left to do, in both directions, as the drains do it."""
    for _ in range(20):
        later(seconds=61)
        done = feeds.pull_due() + pulls.read_due()
        while taken := engine.push_due():
            done += taken
        if not Push.objects.filter(state="due").exists() and not Pull.objects.filter(state="due").exists():
            return


def linked(shop: Shop, name: str = "陳大文") -> tuple[Contact, str]:
    """A contact that both sides hold, and its id over there."""
    chan = shop.customer(name)
    want(shop.crm, "contact", str(chan.pk))
    settle(shop)
    return chan, ExternalRecord.objects.get(key=str(chan.pk)).external_id


def edit(contact: Contact, **values: str) -> None:
    """As staff do it, noted for the CRMs."""
    fields.offer([fields.Offer(contact, values, "person", clock.now(), by="mei", blanks_count=True)])
    for crm in Connection.objects.filter(kind="crm"):
        want(crm, "contact", str(contact.pk))


class TestNewRecords:
    def test_a_new_crm_contact_becomes_a_contact_here(self, two_ways: Shop) -> None:
        two_ways.far.add(firstname="美玲", lastname="黃", phone="+852 9876 5432", company="Lucky Trading", email="Mei@Example.hk")
        settle(two_ways)
        contact = Contact.objects.get()
        assert (contact.name, contact.company) == ("黃美玲", "Lucky Trading")
        assert set(contact.identities.values_list("kind", "value")) == {("phone", "+85298765432"), ("email", "mei@example.hk")}
        assert ExternalRecord.objects.get().key == str(contact.pk)
        assert two_ways.far.writes() == []

    def test_a_record_with_our_key_is_linked_by_it(self, two_ways: Shop) -> None:
        chan = two_ways.customer("陳大文")
        record = two_ways.far.add(firstname="Tai Man", lastname="Chan", scrm_id=str(chan.pk))
        settle(two_ways)
        assert ExternalRecord.objects.get().external_id == record
        assert Contact.objects.count() == 1

    def test_a_number_that_writes_to_us_already_is_that_person(self, two_ways: Shop) -> None:
        chan = two_ways.customer("陳大文")
        two_ways.far.add(firstname="大文", lastname="陳", phone=chan.identities.get().e164, company="Lucky Trading")
        settle(two_ways)
        chan.refresh_from_db()
        assert (Contact.objects.count(), chan.company) == (1, "Lucky Trading")

    def test_a_doubtful_match_is_a_contact_of_its_own_and_supervisors_are_asked(self, two_ways: Shop) -> None:
        chan = two_ways.customer("陳大文")
        two_ways.far.add(firstname="怡君", lastname="林", phone=chan.identities.get().e164)
        settle(two_ways)
        assert set(Contact.objects.values_list("name", flat=True)) == {"陳大文", "林怡君"}
        assert IdentityCase.objects.exists()

    def test_a_second_record_of_one_person_does_not_take_the_link(self, two_ways: Shop) -> None:
        chan, first = linked(two_ways)
        two_ways.far.add(firstname="大文", lastname="陳", phone=chan.identities.get().e164)
        settle(two_ways)
        assert ExternalRecord.objects.get(key=str(chan.pk)).external_id == first
        assert ExternalRecord.objects.count() == Contact.objects.count() == 2

    def test_without_an_address_it_is_a_contact_too(self, two_ways: Shop) -> None:
        two_ways.far.add(firstname="Hanako", lastname="Sato")
        settle(two_ways)
        assert Contact.objects.get().name == "Hanako Sato"

    def test_where_the_setting_says_no_nobody_is_made(self, two_ways: Shop) -> None:
        SyncPlan.objects.create(connection=two_ways.crm, kind="contact", makes_new=False)
        two_ways.far.add(firstname="Hanako", lastname="Sato", phone="+819012345678")
        settle(two_ways)
        assert not Contact.objects.exists()

    def test_a_person_who_was_erased_does_not_come_back(self, two_ways: Shop) -> None:
        from scrm.contacts.privacy.digests import digest
        from scrm.contacts.privacy_models import ErasedAddress

        ErasedAddress.objects.create(digest=digest("phone", "+85298765432"), erased_at=clock.now())
        two_ways.far.add(firstname="美玲", lastname="黃", phone="+85298765432")
        two_ways.far.add(firstname="大文", lastname="陳", phone="+85298765433")
        settle(two_ways)
        assert list(Contact.objects.values_list("name", flat=True)) == ["陳大文"]
        assert not Pull.objects.filter(state="due").exists()


class TestChanges:
    def test_a_change_there_arrives_without_a_question(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        written = len(two_ways.far.writes())
        later(minutes=1)
        two_ways.far.put(record, {"company": "Lucky Trading", "lastname": "張"})
        settle(two_ways)
        chan.refresh_from_db()
        assert (chan.company, chan.name) == ("Lucky Trading", "張大文")
        assert not FieldConflict.objects.exists()
        assert len(two_ways.far.writes()) == written

    def test_our_own_write_coming_back_changes_nothing(self, two_ways: Shop) -> None:
        chan, _ = linked(two_ways)
        before = Contact.objects.values().get(pk=chan.pk)
        for _ in range(3):
            settle(two_ways)
        assert Contact.objects.values().get(pk=chan.pk) == before
        assert len(two_ways.far.writes()) == 1

    def test_what_the_crm_tidies_is_no_change_and_no_loop(self, two_ways: Shop) -> None:
        two_ways.far.tidies = lambda name, value: value.upper().replace("+852", "+852 ") if isinstance(value, str) else value
        chan, record = linked(two_ways, "Amy Chan")
        edit(chan, company="Lucky Trading")
        settle(two_ways)
        for _ in range(5):
            two_ways.far.put(record, {"hobby": "golf"})
            settle(two_ways)
        chan.refresh_from_db()
        assert (chan.name, chan.company) == ("Amy Chan", "Lucky Trading")
        assert [set(write.fields) for write in two_ways.far.writes()][1:] == [{"company"}]

    def test_an_emptied_field_there_is_emptied_here(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        edit(chan, company="Lucky Trading")
        settle(two_ways)
        two_ways.far.put(record, {"company": ""})
        settle(two_ways)
        chan.refresh_from_db()
        assert chan.company == ""
        assert two_ways.far.fields[record]["company"] == ""

    def test_going_back_to_an_earlier_value_is_a_change(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        two_ways.far.put(record, {"company": "Lucky Trading"})
        settle(two_ways)
        edit(chan, company="Harbour Lane")
        settle(two_ways)
        two_ways.far.put(record, {"company": "Lucky Trading"})
        settle(two_ways)
        chan.refresh_from_db()
        assert chan.company == two_ways.far.fields[record]["company"] == "Lucky Trading"

    def test_another_number_there_is_a_further_number_here(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        two_ways.far.put(record, {"phone": "+85260001111"})
        settle(two_ways)
        assert chan.identities.filter(kind="phone", value="+85260001111").exists()
        assert chan.identities.filter(kind=Identity.Kind.WHATSAPP, valid_to=None).exists()
        assert two_ways.far.fields[record]["phone"] == "+85260001111"

    def test_different_fields_changed_on_both_sides_are_both_kept(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        edit(chan, company="Lucky Trading")
        two_ways.far.put(record, {"lastname": "張"})
        settle(two_ways)
        chan.refresh_from_db()
        assert (chan.name, chan.company) == ("張大文", "Lucky Trading")
        assert (two_ways.far.fields[record]["lastname"], two_ways.far.fields[record]["company"]) == ("張", "Lucky Trading")
        assert not FieldConflict.objects.exists()


class TestConflicts:
    def test_the_later_change_wins_and_the_difference_is_listed(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        edit(chan, company="Ours earlier")
        later(seconds=5)
        two_ways.far.put(record, {"company": "Theirs later"})
        settle(two_ways)
        chan.refresh_from_db()
        assert chan.company == two_ways.far.fields[record]["company"] == "Theirs later"
        conflict = FieldConflict.objects.get()
        assert (conflict.kind, conflict.shown, conflict.other) == ("differs", "Theirs later", "Ours earlier")

    def test_ours_later_goes_over_theirs_and_is_listed(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        two_ways.far.put(record, {"company": "Theirs earlier"})
        later(seconds=5)
        edit(chan, company="Ours later")
        settle(two_ways)
        chan.refresh_from_db()
        assert chan.company == two_ways.far.fields[record]["company"] == "Ours later"
        assert FieldConflict.objects.get().other == "Theirs earlier"
        assert sum("company" in write.fields for write in two_ways.far.writes()) == 1

    def test_at_the_same_moment_neither_side_is_written_until_a_person_decides(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        edit(chan, company="Ours")
        two_ways.far.put(record, {"company": "Theirs"})
        settle(two_ways)
        chan.refresh_from_db()
        assert (chan.company, two_ways.far.fields[record]["company"]) == ("Ours", "Theirs")
        fields.confirm(FieldConflict.objects.get(kind="tie"), by=_supervisor())
        holding.release()
        settle(two_ways)
        assert two_ways.far.fields[record]["company"] == "Ours"

    def test_a_decision_for_theirs_ends_the_wait_as_well(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        edit(chan, company="Ours")
        two_ways.far.put(record, {"company": "Theirs"})
        settle(two_ways)
        fields.revert(FieldConflict.objects.get(kind="tie"), by=_supervisor())
        holding.release()
        settle(two_ways)
        chan.refresh_from_db()
        assert chan.company == two_ways.far.fields[record]["company"] == "Theirs"
        assert ExternalRecord.objects.get().held is None

    def test_a_clock_that_runs_ahead_waits_for_a_person(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        edit(chan, company="Ours")
        two_ways.far.put(record, {"company": "Theirs"}, at=clock.now() + timedelta(days=1))
        settle(two_ways)
        assert FieldConflict.objects.get().kind == "suspect"
        assert two_ways.far.fields[record]["company"] == "Theirs"

    def test_a_value_that_does_not_fit_is_listed_and_ours_stays(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        two_ways.far.put(record, {"priority": "Kunde A", "company": "Lucky Trading"})
        settle(two_ways)
        chan.refresh_from_db()
        assert (chan.priority, chan.company) == ("normal", "Lucky Trading")
        assert SyncConflict.objects.get().theirs == "Kunde A"

    def test_a_change_there_just_before_our_write_is_not_overwritten(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        edit(chan, company="Ours")
        later(seconds=2)
        two_ways.far.put(record, {"company": "Theirs"})
        while engine.push_due():
            pass
        assert two_ways.far.fields[record]["company"] == "Theirs"


class TestFeeds:
    def test_many_records_of_one_moment_all_arrive_once(self, two_ways: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(feeds, "PAGE", 10)
        for number in range(37):
            two_ways.far.add(firstname=f"客人{number}", phone=f"+8529800{number:04}")
        settle(two_ways)
        settle(two_ways)
        assert Contact.objects.count() == ExternalRecord.objects.count() == 37

    def test_a_bad_record_waits_with_its_reason_and_holds_up_no_other(self, two_ways: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        from scrm.sync import linking

        read = linking._read
        monkeypatch.setattr(
            linking, "_read", lambda inlet, change: 1 / 0 if change.fields.get("firstname") == "Bad" else read(inlet, change)
        )
        bad = two_ways.far.add(firstname="Bad", phone="+85298000000")
        for number in range(5):
            two_ways.far.add(firstname=f"客人{number}", phone=f"+8529800{number + 1:04}")
        later(seconds=61)
        feeds.pull_due()
        assert Contact.objects.count() == 5
        row = Pull.objects.get()
        assert (row.external_id, row.state) == (bad, "due")
        for _ in range(4):
            later(minutes=6)
            pulls.read_due()
        row.refresh_from_db()
        assert row.state == "dead"
        assert "ZeroDivisionError" in row.last_error
        monkeypatch.undo()
        pulls.replay(Pull.objects.all(), by="mei")
        pulls.read_due()
        assert Contact.objects.count() == 6

    def test_the_position_is_kept_with_the_page(self, two_ways: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(feeds, "PAGE", 10)
        for number in range(25):
            two_ways.far.add(firstname=f"客人{number}", phone=f"+8529800{number:04}")

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(feeds, "crash_here", lambda name: die() if name == "pull.page" and Contact.objects.count() > 10 else None)
        later(seconds=61)
        with pytest.raises(KeyboardInterrupt):
            feeds.pull_due()
        assert Contact.objects.count() == 10
        monkeypatch.undo()
        later(minutes=3)
        feeds.pull_due()
        assert Contact.objects.count() == ExternalRecord.objects.count() == 25

    def test_a_crm_that_fails_is_told_and_tried_again(self, two_ways: Shop) -> None:
        two_ways.far.add(firstname="Hanako", phone="+819012345678")
        settle(two_ways)
        two_ways.far.down = OutcomeUnknown("The server broke", code="HTTP 500")
        later(minutes=2)
        feeds.pull_due()
        assert "server broke" in SyncCursor.objects.get(feed="changes").last_error
        two_ways.far.down = None
        two_ways.far.add(firstname="Jiro", phone="+819012345679")
        later(minutes=6)
        settle(two_ways)
        assert Contact.objects.count() == 2

    def test_a_large_transfer_waits_for_the_night(self, two_ways: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(feeds, "PAGE", 10)
        monkeypatch.setattr(feeds, "LARGE", 20)
        for number in range(45):
            two_ways.far.add(firstname=f"客人{number}", phone=f"+8529800{number:04}")
        settle(two_ways)
        assert Contact.objects.count() == 20
        later(hours=14)  # half past one in Hong Kong
        feeds.pull_due()
        assert Contact.objects.count() == 45


class TestRemovals:
    def test_a_delete_there_marks_and_never_deletes_a_person(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        two_ways.far.remove(record)
        later(minutes=11)
        settle(two_ways)
        row = ExternalRecord.objects.get()
        assert (row.external_id, row.removed_at is not None) == (record, True)
        edit(chan, company="Lucky Trading")
        settle(two_ways)
        assert record not in two_ways.far.fields
        assert len(two_ways.far.fields) == 0

    def test_a_restored_record_is_linked_again(self, two_ways: Shop) -> None:
        chan, record = linked(two_ways)
        held = dict(two_ways.far.fields[record])
        two_ways.far.remove(record)
        later(minutes=11)
        settle(two_ways)
        two_ways.far.put(record, {**held, "company": "Lucky Trading"})
        settle(two_ways)
        chan.refresh_from_db()
        assert (chan.company, ExternalRecord.objects.get().removed_at) == ("Lucky Trading", None)

    def test_a_merge_there_moves_the_link_and_asks_whether_both_are_one(self, two_ways: Shop) -> None:
        chan, first = linked(two_ways, "陳大文")
        other, second = linked(two_ways, "陳大文")
        two_ways.far.remove(second, merged_into=first)
        later(minutes=11)
        settle(two_ways)
        pair = DuplicateCandidate.objects.get()
        assert {pair.first_id, pair.second_id} == {chan.pk, other.pk}
        assert pair.evidence[0]["code"] == "merged_in_crm"
        assert Contact.objects.filter(merged_into=None).count() == 2

    def test_a_merge_into_a_new_record_keeps_the_link_of_the_first(self, two_ways: Shop) -> None:
        chan, first = linked(two_ways, "陳大文")
        third = two_ways.far.add(
            firstname="大文", lastname="陳", phone=chan.identities.get().e164, company="Lucky Trading", scrm_id=str(chan.pk)
        )
        two_ways.far.remove(first, merged_into=third)
        settle(two_ways)
        chan.refresh_from_db()
        assert ExternalRecord.objects.get(key=str(chan.pk)).external_id == third
        assert (Contact.objects.count(), chan.company) == (1, "Lucky Trading")


def _supervisor() -> object:
    from scrm.staff.models import User

    return User.objects.create_user("kwok", password="x")


class TestFeedsThatStoodStill:
    """What was deleted while nobody read the feed, and is in no list any more."""

    def vanished(self, two_ways: Shop) -> str:
        two_ways.far.add(firstname="美玲", lastname="黃", phone="+85298765433")
        gone = two_ways.far.add(firstname="大文", lastname="陳", phone="+85298765434")
        feeds.pull_all()
        del two_ways.far.fields[gone]
        return gone

    def removed(self) -> set[str]:
        return set(ExternalRecord.objects.exclude(removed_at=None).values_list("external_id", flat=True))

    def test_longer_than_the_crm_remembers_are_caught_up_with_by_id(self, two_ways: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(FakeCrm, "capabilities", replace(FakeCrm.capabilities, feed_days=15))
        monkeypatch.setattr("scrm.sync.catching_up.CHUNK", 1)
        gone = self.vanished(two_ways)
        later(days=14)
        feeds.pull_all()
        assert self.removed() == set()
        later(days=16)
        feeds.pull_all()
        assert self.removed() == {gone}
        reads = two_ways.far.reads
        later(days=1)
        feeds.pull_all()
        assert two_ways.far.reads == reads

    def test_are_caught_up_with_when_the_adapter_says_so(self, two_ways: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        gone = self.vanished(two_ways)
        SyncCursor.objects.filter(feed="removals").update(cursor={"read": 0, "full_comparison": "2026-11-01T00:00:00Z"})
        later(minutes=11)
        feeds.pull_all()
        assert self.removed() == {gone}
        assert "full_comparison" not in SyncCursor.objects.get(feed="removals").cursor
