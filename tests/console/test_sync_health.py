"""The page of the sync's health, the day's sample, and what people decide about the sync."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from scrm.connections.models import Connection
from scrm.core import clock
from scrm.staff.models import User
from scrm.sync import deciding, meter
from scrm.sync.models import ExternalRecord, MappedField, Push, SyncConflict, SyncCursor, VerifiedRecord
from scrm.sync.services import want
from scrm.sync.verification import verify
from tests.sync.conftest import NOON, Shop, fake_adapter, shop, standing_clock  # noqa: F401
from tests.sync.test_pull import linked, settle, two_ways  # noqa: F401

PAGE = "/admin/sync/health/"


@pytest.fixture
def owner(db: None) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("wong", password="x"))
    return browser


class TestHealthPage:
    def test_shows_what_the_sync_did(self, two_ways: Shop, owner: Client) -> None:  # noqa: F811
        linked(two_ways)
        meter.count(two_ways.crm.pk, written=98, quick=97, latency_ms=98_000, dead=2)
        verify(two_ways.crm, "contact")
        said = owner.get(PAGE).content.decode()
        assert "98.0 %" in said
        assert "100.0 %" in said
        assert 'id="crm-crm"' in said

    def test_names_the_causes_of_dead_letters(self, two_ways: Shop, owner: Client) -> None:  # noqa: F811
        for number in range(3):
            Push.objects.create(
                connection=two_ways.crm, kind="contact", key=str(number), state="dead", last_error="<No> e-mail",
                due_at=clock.now(), asked_at=clock.now(),
            )  # fmt: skip
        html = owner.get(PAGE).content.decode()
        assert "3 × written to the CRM</a>: &lt;No&gt; e-mail" in html and "/admin/sync/push/?state__exact=dead" in html

    def test_leads_from_a_dead_letter_to_the_person_and_says_what_to_do(self, two_ways: Shop, owner: Client) -> None:  # noqa: F811
        now = clock.now()
        fields = {"connection": two_ways.crm, "state": "dead", "due_at": now, "asked_at": now}
        chan = two_ways.customer("陳大文")
        Push.objects.create(kind="contact", key=str(chan.pk), **fields)
        Push.objects.create(kind="deal", key="902:1", **fields)
        html = owner.get("/admin/sync/push/?state__exact=dead").content.decode()
        assert f"/admin/contacts/contact/{chan.pk}/change/" in html and "902:1" in html
        assert "choose “Write again”" in html
        assert "choose “Write again”" not in owner.get("/admin/sync/push/").content.decode()

    def test_marks_what_needs_a_look_and_says_how_it_is_counted_where_no_pointer_is(self, two_ways: Shop, owner: Client) -> None:  # noqa: F811
        meter.count(two_ways.crm.pk, written=2000, quick=100, latency_ms=9_000_000, calls=1234, call_ms=1234, failed_calls=5)
        html = owner.get(PAGE).content.decode()
        assert '<dd class="console-bad">5.0 %</dd>' in html and html.count('<dd class="console-bad">') == 1
        assert "1,234 <small>5 failed</small>" in html
        assert "<summary>How these figures are counted</summary>" in html and "<dd>Records written there and taken over here.</dd>" in html

    def test_tells_a_crms_limits_in_words(self, two_ways: Shop, owner: Client) -> None:  # noqa: F811
        Connection.objects.filter(pk=two_ways.crm.pk).update(facts={"daily-remaining": 649985, "x-remaining": 3})
        html = owner.get(PAGE).content.decode()
        assert "calls today" in html and "daily-remaining" not in html and "x-remaining" in html

    def test_asks_the_same_number_of_questions_however_many_crms(
        self,
        two_ways: Shop,  # noqa: F811
        owner: Client,
        django_assert_max_num_queries: Any,
    ) -> None:
        for number in range(12):
            crm = Connection.objects.create(slug=f"crm-{number}", label=f"CRM {number}", kind="crm", adapter="fake")
            meter.count(crm.pk, written=number)
            SyncCursor.objects.create(connection=crm, kind="contact", feed="changes", due_at=clock.now())
        owner.get(PAGE)
        with django_assert_max_num_queries(25):
            assert owner.get(PAGE).status_code == 200

    def test_is_closed_to_those_without_the_right(self, two_ways: Shop) -> None:  # noqa: F811
        browser = Client()
        browser.force_login(User.objects.create_user("temp", password="x", is_staff=True))
        assert browser.get(PAGE).status_code == 403


class TestSamples:
    def test_a_person_confirms_key_fields(self, two_ways: Shop, owner: Client) -> None:  # noqa: F811
        chan, _ = linked(two_ways)
        run = verify(two_ways.crm, "contact")
        assert run is not None
        page = owner.get(reverse("console:sync-sample", args=[run.pk])).content.decode()
        assert f'/admin/contacts/contact/{chan.pk}/change/">{chan}</a>' in page
        row = run.records.get()
        address = reverse("console:sync-answer", args=[row.pk])
        assert owner.post(address, {"answer": "maybe"}).status_code == 302
        assert owner.get(address).status_code == 405
        owner.post(address, {"answer": "right"})
        row.refresh_from_db()
        assert (row.answer, row.answered_by.get_username()) == (VerifiedRecord.Answer.RIGHT, "wong")
        assert "found 1 right" in owner.get(reverse("console:sync-sample", args=[run.pk])).content.decode()


class TestDecisions:
    def test_ours_is_written_over_a_value_that_does_not_fit(self, two_ways: Shop) -> None:  # noqa: F811
        _, record = linked(two_ways)
        two_ways.far.put(record, {"priority": "Kunde A"})
        settle(two_ways)
        by = User.objects.create_user("kwok", password="x")
        assert deciding.keep_ours(SyncConflict.objects.all(), by=by) == 1
        assert deciding.keep_ours(SyncConflict.objects.all(), by=by) == 0
        settle(two_ways)
        assert two_ways.far.fields[record]["priority"] == "normal"

    def test_are_listed_by_whom_they_are_about_and_in_words(
        self,
        two_ways: Shop,  # noqa: F811
        owner: Client,
        django_assert_max_num_queries: Any,
    ) -> None:
        chan, record = linked(two_ways)
        two_ways.far.put(record, {"priority": "Kunde A"})
        settle(two_ways)
        page = " ".join(owner.get("/admin/sync/syncconflict/?state__exact=open").content.decode().split())
        assert f'/admin/contacts/contact/{chan.pk}/change/">陳大文</a>' in page and ">Priority<" in page
        assert ">Kunde A<" in page and "&quot;Kunde A" not in page and "choose whose value is right" in page
        assert "choose whose value is right" in owner.get("/admin/sync/syncconflict/?state=open").content.decode(), "as the menu has it"
        row = SyncConflict.objects.get()
        for number in range(20):
            link = ExternalRecord.objects.create(
                connection=two_ways.crm, kind="contact", key=str(chan.pk + number + 1), external_id=f"9{number}", synced_at=clock.now()
            )
            SyncConflict.objects.create(record=link, field="priority", reason=row.reason, theirs=["曲奇", "禮盒"], found_at=clock.now())
        with django_assert_max_num_queries(25):
            assert ">曲奇; 禮盒<" in owner.get("/admin/sync/syncconflict/?state__exact=open").content.decode()
        assert "choose whose value is right" not in owner.get("/admin/sync/syncconflict/?state__exact=ours").content.decode()

    def test_a_deleted_record_is_made_again_when_a_person_says_so(self, two_ways: Shop) -> None:  # noqa: F811
        chan, record = linked(two_ways)
        two_ways.far.remove(record)
        two_ways.far.ids.clear()
        settle(two_ways)
        settle(two_ways)
        if ExternalRecord.objects.get().removed_at is None:
            ExternalRecord.objects.update(removed_at=clock.now())
        assert deciding.make_again(ExternalRecord.objects.all()) == 1
        settle(two_ways)
        assert ExternalRecord.objects.get(key=str(chan.pk)).external_id in two_ways.far.fields


class TestWords:
    def test_a_mapping_reports_fields_are_named_as_in_the_set_up(self, two_ways: Shop, owner: Client) -> None:  # noqa: F811
        shared = {"connection": two_ways.crm, "at": clock.now(), "week": clock.now().date(), "records": 3, "filled": 3, "empty": 0}
        MappedField.objects.create(kind="contact", source="postal_code", target="zip", refused=0, differing=0, **shared)
        page = owner.get("/admin/sync/mapping/").content.decode()
        assert "<td>Postal code</td><td>zip</td>" in page

    def test_limits_are_named_in_words(self, two_ways: Shop, owner: Client) -> None:  # noqa: F811
        two_ways.crm.facts = {"daily-remaining": "249987", "api_left": 14_980, "credits_left": "4711", "x-api-credits-remaining": "4711"}
        two_ways.crm.save()
        said = owner.get(PAGE).content.decode()
        assert "calls today" in said and "249,987" in said and "14,980" in said
        assert "daily-remaining" not in said and "x-api-credits-remaining" not in said

    def test_writes_and_links_are_named_by_whom_and_what_they_are_about(
        self,
        two_ways: Shop,  # noqa: F811
        owner: Client,
        django_assert_max_num_queries: Any,
    ) -> None:
        chan, _ = linked(two_ways)
        talk = two_ways.conversation(chan)
        two_ways.message(talk, "你好")
        for kind, key in (("communication", f"{talk.pk}:2026-11-22"), ("deal", f"conversation:{talk.pk}"), ("order", "4711")):
            want(two_ways.crm, kind, key)
        said = owner.get(reverse("admin:sync_push_changelist")).content.decode()
        assert said.count("chat with 陳大文") == 2
        assert reverse("console:conversation", args=[talk.pk]) in said
        assert "conversation:" not in said and "4711" in said
        for number in range(20):
            want(two_ways.crm, "deal", f"conversation:{two_ways.conversation(two_ways.customer(f'客人{number}')).pk}")
        with django_assert_max_num_queries(25):
            owner.get(reverse("admin:sync_push_changelist"))
        assert "陳大文" in owner.get(reverse("admin:sync_externalrecord_changelist")).content.decode()
