"""The admin's list pages: they open, they cost a bounded number of queries, records cannot be edited, secrets are not shown."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scrm.api.models import PartnerToken
from scrm.connections.models import Connection
from scrm.connections.services import is_callable_now, save_credentials
from scrm.console.admin import base
from scrm.console.admin.connections import config_fields, field_name
from scrm.contacts.models import Contact, Event
from scrm.conversations import visibility
from scrm.conversations.models import Message
from scrm.conversations.search import message_index
from scrm.intake.models import InboundEvent, InboundItem
from scrm.sync.models import Push
from scrm.tags.models import Tag, TagRule
from scrm.tags.services import add_tag
from tests import people
from tests.console.conftest import allow, seated
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db

OURS = sorted((model._meta.app_label, model._meta.model_name) for model in admin.site._registry)
WRITTEN_BY_THE_PRODUCT = [
    "conversations/message",
    "conversations/decision",
    "intake/inboundevent",
    "intake/inbounditem",
    "automation/run",
    "sync/push",
    "sync/externalrecord",
    "core/timetable",
    "core/heartbeat",
]


class Registrations:
    def test_leave_the_queues_own_pages_out(self) -> None:
        assert not [app for app, _ in OURS if app == "django_q"]

    @pytest.mark.parametrize("page", OURS, ids="/".join)
    def test_open_within_twelve_queries(self, page: tuple[str, str], owner: Client, django_assert_max_num_queries: Any) -> None:
        with django_assert_max_num_queries(12):
            assert owner.get(f"/admin/{page[0]}/{page[1]}/").status_code == 200

    @pytest.mark.parametrize("page", WRITTEN_BY_THE_PRODUCT)
    def test_of_records_offer_no_adding(self, page: str, owner: Client) -> None:
        assert owner.get(f"/admin/{page}/add/").status_code == 403

    def test_are_listed_only_where_the_list_is_shown(self, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str | None] = []
        made = AdminSite.get_app_list

        def counted(site: AdminSite, request: HttpRequest, app_label: str | None = None) -> list[Any]:
            asked.append(app_label)
            return made(site, request, app_label)

        monkeypatch.setattr(AdminSite, "get_app_list", counted)
        assert owner.get("/admin/contacts/contact/").status_code == 200 and asked == []
        page = owner.get("/admin/contacts/").content.decode()
        assert asked == ["contacts"] and "/admin/contacts/event/" in page and "/admin/contacts/erasure/" in page
        assert owner.get("/admin/django_q/").status_code == 404


class Contacts:
    def crowd(self) -> list[Contact]:
        tag = Tag.objects.create(slug="vip", name="VIP")
        crowd = [people.someone() for _ in range(30)]
        for contact in crowd:
            add_tag(contact, tag)
            Contact.objects.filter(pk=contact.pk).update(owner=people.agent("mei"))
        return crowd

    def test_cost_the_same_for_thirty_as_for_one(self, owner: Client, django_assert_max_num_queries: Any) -> None:
        self.crowd()
        with django_assert_max_num_queries(12):
            html = owner.get("/admin/contacts/contact/").content.decode()
        assert html.count("VIP") >= 30

    def test_are_found_by_name_and_by_the_end_of_a_number(self, owner: Client) -> None:
        wanted = people.customer("山田花子", "819012345678").contact
        people.customer()
        for words in ("山田", "5678"):
            html = owner.get("/admin/contacts/contact/", {"q": words}).content.decode()
            assert f"/contacts/contact/{wanted.pk}/change/" in html and "陳大文" not in html

    def test_page_shows_the_whole_person(self, owner: Client) -> None:
        conversation = people.conversation()
        contact = conversation.identity.contact
        html = owner.get(f"/admin/contacts/contact/{contact.pk}/change/").content.decode()
        assert "+85291234567" in html
        assert f"/admin/inbox/{conversation.pk}/" in html
        html = owner.get(f"/admin/people/{contact.pk}/timeline/").content.decode()
        assert "Contact created" in html and "contact.created" not in html and f"/admin/inbox/{conversation.pk}/" in html

    def test_edited_by_hand_are_found_by_their_new_name_and_leave_an_event(self, owner: Client) -> None:
        contact = people.customer().contact
        form = {
            "name": "陳小文",
            "company": "",
            "language": "",
            "country": "HK",
            "time_zone": "",
            "priority": "normal",
            "owner": "",
            "external_id": "",
            "notes": "",
        }
        assert owner.post(f"/admin/contacts/contact/{contact.pk}/change/", form).status_code == 302
        assert list(Contact.objects.search("陳小文")) == [contact]  # type: ignore[attr-defined]
        event = Event.objects.get(contact=contact, kind="contact.changed")
        assert event.data == {"fields": ["name"], "by": "owner"}

    def test_count_no_further_than_the_cap(self, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(base.InfinitePaginator, "counted", 20)
        self.crowd()
        html = owner.get("/admin/contacts/contact/").content.decode()
        assert "20+" in html and "last_activity_at__lt=" in html

    def test_of_an_agent_are_counted_for_a_few_pages_along_the_list(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(base, "COUNTED_OF_A_PART", 20)
        monkeypatch.setattr(visibility, "FEW", 0)
        monkeypatch.setattr(base.ConsoleAdmin, "list_per_page", 10)
        self.crowd()
        Contact.objects.update(owner=people.agent("ren"))
        agent = seated(allow(people.agent("ren"), "contacts.view_contact"))
        with CaptureQueriesContext(connection) as asked:
            html = agent.get("/admin/contacts/contact/").content.decode()
        counts = [query["sql"] for query in asked.captured_queries if "COUNT(" in query["sql"]]
        assert len(counts) == 1 and "LIMIT 21" in counts[0] and 'ORDER BY "contacts_contact"."last_activity_at" DESC' in counts[0]
        assert "<span>1 / 2</span>" in html and "20+" in html and "last_activity_at__lt=" in html

    def test_that_take_too_long_to_count_say_so_and_go_on_while_pages_are_full(
        self, owner: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(base, "count_within", lambda rows, most, milliseconds: None)
        monkeypatch.setattr(base.ConsoleAdmin, "list_per_page", 20)
        self.crowd()
        first = owner.get("/admin/contacts/contact/").content.decode()
        second = owner.get("/admin/contacts/contact/?p=2").content.decode()
        for number, html in ((1, first), (2, second)):
            assert f"<span>{number}</span>" in html and "not counted: it would take too long" in html
        assert 'href="?p=2"' in first and 'href="?p=3"' not in second and second.count("data-row") == 10
        assert owner.get("/admin/contacts/contact/?p=3").status_code == 200


class Outbox:
    def test_shows_what_went_wrong_and_leads_to_the_conversation(self, owner: Client) -> None:
        conversation = people.conversation()
        failed = said(conversation, "已寄出", direction="out", state="failed", error_code="131026", error_title="undeliverable")
        said(conversation, "多謝")
        html = owner.get("/admin/conversations/message/", {"outbox": "failed"}).content.decode()
        assert "131026" in html and f"/admin/inbox/{conversation.pk}/#m{failed.pk}" in html and "多謝" not in html

    def test_finds_words(self, owner: Client) -> None:
        conversation = people.conversation()
        rows = [said(conversation, text) for text in ("私の荷物はどこですか", "ありがとう")]
        message_index.add([(row.pk, row.text) for row in rows])
        html = owner.get("/admin/conversations/message/", {"q": "荷物"}).content.decode()
        assert "私の荷物" in html and "ありがとう" not in html

    def test_cannot_be_edited(self, owner: Client) -> None:
        message = said(people.conversation(), "原文")
        assert owner.post(f"/admin/conversations/message/{message.pk}/change/", {"text": "改"}).status_code == 403
        assert Message.objects.get(pk=message.pk).text == "原文"

    def test_sends_again_what_was_chosen(self, owner: Client) -> None:
        failed = said(people.conversation(), "已寄出", direction="out", state="failed", error_code="131026")
        owner.post("/admin/conversations/message/?outbox=failed", {"action": "send_again", "_selected_action": [failed.pk]})
        assert Message.objects.filter(cause=f"resend:{failed.pk}", state="queued").count() == 1


class Ledger:
    def test_page_shows_that_the_sum_adds_up(self, owner: Client) -> None:
        body = InboundEvent.objects.create(connection=people.hong_kong(), body=zlib.compress(b"{}"), size=2, received_at=timezone.now())
        html = owner.get("/admin/ledger/").content.decode()
        assert "It adds up." in html and people.hong_kong().label in html
        shown = owner.get(f"/admin/intake/inboundevent/{body.pk}/change/").content.decode()
        assert '<pre class="console-body">{}</pre>' in shown

    def test_page_needs_the_right_to_see_it(self, desk: Client) -> None:
        assert desk.get("/admin/ledger/").status_code == 403

    def test_bodies_show_markup_as_text(self, owner: Client) -> None:
        body = InboundEvent.objects.create(
            connection=people.hong_kong(), body=zlib.compress(b"<script>x</script>"), size=2, received_at=timezone.now()
        )
        assert b"<script>x" not in owner.get(f"/admin/intake/inboundevent/{body.pk}/change/").content

    def test_parked_items_are_discarded_by_name_and_with_a_reason(self, owner: Client) -> None:
        item = InboundItem.objects.create(
            connection=people.hong_kong(), key="k", kind="message", state="parked", reason="no sender", received_at=timezone.now()
        )
        chosen = {"action": "discard", "_selected_action": [item.pk]}
        asked = owner.post("/admin/intake/inbounditem/", chosen)
        item.refresh_from_db()
        assert 'name="note"' in asked.content.decode() and item.state == "parked"
        owner.post("/admin/intake/inbounditem/", {**chosen, "note": "重複した試験送信"})
        item.refresh_from_db()
        assert (item.state, item.discarded_by) == ("processed", "owner") and "重複した試験送信" in item.reason


class Connections:
    def form(self, **fields: str) -> dict[str, str]:
        row = people.hong_kong()
        plain = {
            name: str(getattr(row, name) or "")
            for name in ("label", "slug", "kind", "adapter", "address", "account_id", "country", "language", "time_zone", "tier")
        }
        settings = {f"setting_{name}": value for name, value in row.settings.items()}
        return {**plain, "daily_cap": "", "quiet_from": "", "quiet_to": "", **settings, **fields}

    def test_never_show_a_secret(self, owner: Client) -> None:
        row = people.hong_kong()
        html = owner.get(f"/admin/connections/connection/{row.pk}/change/").content.decode()
        assert people.APP_SECRET not in html and "EAAtest" not in html
        assert f"…{people.APP_SECRET[-4:]}" in html and "open sesame" not in html

    def test_keep_a_secret_that_is_left_empty_and_take_a_new_one(self, owner: Client) -> None:
        row = people.hong_kong()
        answer = owner.post(f"/admin/connections/connection/{row.pk}/change/", self.form(label="Harbour", secret_access_token="EAAnew"))
        assert answer.status_code == 302, answer.context["adminform"].form.errors
        row = Connection.objects.get(pk=row.pk)
        assert (row.label, row.secrets["access_token"], row.secrets["app_secret"]) == ("Harbour", "EAAnew", people.APP_SECRET)

    def test_are_made_of_an_adapter_alone_and_go_on_to_its_credentials(self, owner: Client) -> None:
        form = self.form(label="ハーバー LINE", slug="harbour-line", adapter="line", address="@harbour", account_id="", _save="Save")
        answer = owner.post("/admin/connections/connection/add/", {**form, "kind": "crm"})
        row = Connection.objects.get(slug="harbour-line")
        assert (row.kind, row.adapter) == ("channel", "line")
        assert answer.headers["Location"] == f"/admin/connections/connection/{row.pk}/change/"
        asked = owner.get(answer.headers["Location"]).content.decode()
        assert all(f'name="{field_name(spec)}"' in asked for spec in config_fields("line"))
        assert '<option value="hubspot"' not in asked

    def test_that_are_new_wait_for_their_credentials(self, owner: Client) -> None:
        form = self.form(label="Harbour LINE", slug="harbour-line", adapter="line", address="@harbour", account_id="", _save="Save")
        owner.post("/admin/connections/connection/add/", form)
        row = Connection.objects.get(slug="harbour-line")
        assert row.state == "needs_login" and not is_callable_now(row)
        assert "It waits for its credentials" in owner.get("/admin/connections/connection/").content.decode()
        owner.post("/admin/connections/connection/", {"action": "pause_selected", "_selected_action": [row.pk]})
        owner.post("/admin/connections/connection/", {"action": "resume_selected", "_selected_action": [row.pk]})
        assert Connection.objects.get(pk=row.pk).state == "needs_login", "a pause is no way around"
        save_credentials(row, settings={}, secrets={"channel_access_token": "line-token"})
        assert Connection.objects.get(pk=row.pk).state == "needs_login", "half of them is not enough"
        save_credentials(row, settings={}, secrets={"channel_access_token": "line-token", "channel_secret": "s" * 32})
        row.refresh_from_db()
        assert (row.state, row.state_reason) == ("active", "") and is_callable_now(row)

    def test_are_not_made_without_an_adapter(self, owner: Client) -> None:
        answer = owner.post("/admin/connections/connection/add/", self.form(label="LINE", slug="harbour-line", adapter=""))
        assert "adapter" in answer.context["adminform"].form.errors and not Connection.objects.filter(slug="harbour-line").exists()

    def test_are_paused_and_resumed_by_a_post(self, owner: Client) -> None:
        row = people.hong_kong()
        for action, state in (("pause_selected", "paused"), ("resume_selected", "active")):
            owner.post("/admin/connections/connection/", {"action": action, "_selected_action": [row.pk]})
            assert Connection.objects.get(pk=row.pk).state == state


class Rules:
    def test_of_tags_begin_a_new_version_when_they_change(self, owner: Client) -> None:
        rule = TagRule.objects.create(name="Shipping", tag=Tag.objects.create(slug="ship", name="Shipping"), keywords="荷物")
        form = {"name": "Shipping", "tag": rule.tag_id, "keywords": "荷物\n配送", "exceptions": "", "enabled": "on"}
        assert owner.post(f"/admin/tags/tagrule/{rule.pk}/change/", form).status_code == 302
        rule.refresh_from_db()
        assert rule.version == 2

    def test_of_tags_can_be_tried_on_past_messages(self, owner: Client) -> None:
        rule = TagRule.objects.create(name="Shipping", tag=Tag.objects.create(slug="ship", name="Shipping"), keywords="荷物")
        said(people.conversation(), "私の荷物はどこですか <b>")
        html = owner.get(f"/admin/tags/tagrule/{rule.pk}/try/").content.decode()
        assert "私の荷物" in html and "“荷物”" in html and "どこですか <b>" not in html

    def test_of_automation_are_edited_with_their_actions_own_options(self, owner: Client) -> None:
        html = owner.get("/admin/automation/rule/add/").content.decode()
        assert 'name="trigger"' in html and 'name="option_' in html
        assert 'name="conditions"' in html


class DeadLetters:
    def test_are_written_again_on_request(self, owner: Client) -> None:
        now = timezone.now()
        push = Push.objects.create(
            connection=people.hong_kong(), kind="contact", key="1", state="dead", due_at=now, asked_at=now, last_error="400 <b>"
        )
        assert b"400 <b>" not in owner.get("/admin/sync/push/").content
        owner.post("/admin/sync/push/", {"action": "replay", "_selected_action": [push.pk]})
        push.refresh_from_db()
        assert push.state == "due"


class PartnerTokens:
    def test_are_shown_once_and_revoked(self, owner: Client) -> None:
        answer = owner.post(
            "/admin/api/partnertoken/add/",
            {"name": "Warehouse", "scopes": ["contacts:read"], "expires_at_0": "", "expires_at_1": ""},
            follow=True,
        )
        token = PartnerToken.objects.get()
        html = answer.content.decode()
        assert "Copy the token now" in html and token.prefix in html and token.digest not in html
        assert "Copy the token now" not in owner.get("/admin/api/partnertoken/").content.decode()
        owner.post("/admin/api/partnertoken/", {"action": "revoke", "_selected_action": [token.pk]})
        token.refresh_from_db()
        assert token.revoked_at is not None
