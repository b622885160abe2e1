"""Reasons that background work stored in English, on the screens of somebody who reads Japanese; what nobody knows stays as it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from scrm.automation.models import Rule, Run
from scrm.connections.models import Connection
from scrm.connections.work_sentences import BROKE_OFF_ACTING, BROKE_OFF_BEFORE, BROKE_OFF_FETCHING, BROKE_OFF_SENDING
from scrm.contacts.models import Event
from scrm.conversations.models import Attachment, Decision, Message, TemplateSync
from scrm.core.models import BackupRun
from scrm.hooks import services as hooks
from scrm.hooks.models import Delivery, Endpoint
from scrm.intake.models import InboundItem
from scrm.staff.models import User
from scrm.sync.models import ExternalRecord, Pull, Push, SyncConflict, SyncCursor
from tests import people
from tests.console.conftest import allow, seated

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def page(client: Client, address: str, language: str = "ja") -> str:
    return str(client.get(address, headers={"accept-language": language}).content.decode())


def shown(client: Client, address: str, row: Model | None = None) -> str:
    """The list, and the page of the row."""
    html = page(client, address)
    return html + (page(client, f"{address}{row.pk}/change/") if row else "")


def crm() -> Connection:
    return Connection.objects.create(slug="crm", label="CRM", kind="crm", adapter="hubspot", state_changed_at=timezone.now())


def message(**fields: Any) -> Message:
    chat, now = people.conversation(), timezone.now()
    given = {"conversation": chat, "connection": chat.connection, "direction": "out", "kind": "text", "text": "hi", "source": "agent"}
    return Message.objects.create(**given | {"sent_at": now, "created_at": now} | fields)


@pytest.fixture
def agent(mei: User) -> Client:
    """With the right to look at single messages and evaluations, as the role of agents has it."""
    return seated(allow(mei, "conversations.view_message", "automation.view_run"))


class Sync:
    def test_dead_letters_of_both_ways(self, owner: Client) -> None:
        known, now = crm(), timezone.now()
        push = Push.objects.create(
            connection=known, kind="deal", key="7:1", state="dead", due_at=now, asked_at=now,
            last_error="Its contact is not in the CRM: The connector failed: KeyError",
        )  # fmt: skip
        pull = Pull.objects.create(
            connection=known, kind="order", external_id="9", state="dead", due_at=now, asked_at=now,
            last_error="This order cannot be taken over: “later” is no time",
        )  # fmt: skip
        written, read = shown(owner, "/admin/sync/push/", push), shown(owner, "/admin/sync/pull/", pull)
        assert written.count("対応するコンタクトがCRMにありません：コネクターが失敗しました：KeyError") == 2
        assert read.count("この注文は取り込めません：「later」は日時ではありません") == 2
        health = page(owner, "/admin/sync/health/")
        assert "コネクターが失敗しました：KeyError" in health and "「later」は日時ではありません" in health
        push.refresh_from_db()
        assert push.last_error.startswith("Its contact") and "Its contact is not in the CRM" in page(owner, "/admin/sync/push/", "en")

    def test_what_keeps_a_crm_from_being_read(self, owner: Client) -> None:
        known = crm()
        Connection.objects.filter(pk=known.pk).update(state="paused", state_reason="mei: being set up")
        SyncCursor.objects.create(connection=known, kind="contact", feed="changes", due_at=timezone.now(), last_error="HubSpot said <no>")
        html = page(owner, "/admin/sync/health/")
        assert "mei: 設定中" in html and "HubSpot said &lt;no&gt;" in html

    def test_differences(self, owner: Client) -> None:
        record = ExternalRecord.objects.create(connection=crm(), kind="order", key="1", external_id="9", synced_at=timezone.now())
        words = "“x” is no status of an order here (paid, shipped); map it by a table of choices"
        row = SyncConflict.objects.create(record=record, field="status", reason="unfit", words=words, found_at=timezone.now())
        assert shown(owner, "/admin/sync/syncconflict/", row).count("「x」は注文の状態にありません（paid, shipped）") == 2


class Ledger:
    def test_parked_items_by_reason_and_one_by_one(self, owner: Client) -> None:
        row = InboundItem.objects.create(
            connection=people.hong_kong(), key="k", kind="message.text", state="parked", received_at=timezone.now(),
            reason="for the number with id 99, which is not connected with this secret: connect it, then replay",
        )  # fmt: skip
        words = "ID 99の番号あてですが、この番号はこのシークレットで接続されていません。"
        assert words in page(owner, "/admin/ledger/")
        assert shown(owner, "/admin/intake/inbounditem/", row).count(words) == 2
        chosen = {"action": "discard", "_selected_action": [row.pk]}
        asked = owner.post("/admin/intake/inbounditem/", chosen, headers={"accept-language": "ja"})
        assert words in asked.content.decode()
        owner.post("/admin/intake/inbounditem/", {**chosen, "note": "試験"}, headers={"accept-language": "ja"})
        assert f"破棄：試験（元の理由：{words}" in page(owner, "/admin/intake/inbounditem/")

    def test_all_of_a_reason_are_replayed_by_what_is_stored(self, owner: Client) -> None:
        row = InboundItem.objects.create(
            connection=people.hong_kong(), key="k", kind="message.text", state="parked", received_at=timezone.now(),
            reason="states no sender that can be answered",
        )  # fmt: skip
        chosen = {"action": "replay_all_of_reason", "_selected_action": [row.pk]}
        owner.post("/admin/intake/inbounditem/", chosen, headers={"accept-language": "ja"})
        row.refresh_from_db()
        assert (row.reason, row.attempts) == ("its body is no longer kept", 1)


class Outbox:
    def test_what_went_wrong(self, owner: Client, desk: Client) -> None:
        row = message(state="failed", error_code="given_up", error_title="Given up by mei")
        words = "meiが送信を断念しました"
        assert shown(owner, "/admin/conversations/message/", row).count(words) == 2
        assert words in page(desk, f"/admin/inbox/{row.conversation_id}/")
        assert words in page(desk, reverse("console:why", args=[row.pk]))

    def test_what_is_held_back_and_why(self, owner: Client, desk: Client) -> None:
        reason = "The template order_sent waits for the platform: paused"
        later = timezone.now() + timedelta(hours=2)
        row = message(state="queued", kind="template", due_at=later, error_code="132015", error_title=reason)
        decision = Decision.objects.create(
            contact=row.conversation.identity.contact, connection=row.connection, message=row, verdict="defer", rule="template_paused",
            until=later, counters={"reason": reason, "code": "132015"}, decided_at=timezone.now(), asked_by="agent", moment="send",
        )  # fmt: skip
        words = "テンプレートorder_sentはプラットフォームを待っています：停止中"
        for html in (
            page(desk, f"/admin/inbox/{row.conversation_id}/"),
            page(desk, reverse("console:why", args=[row.pk])),
            page(owner, f"/admin/conversations/decision/{decision.pk}/change/"),
        ):
            assert words in html and reason not in html
        assert reason not in page(owner, "/admin/conversations/decision/")

    def test_files_that_could_not_be_fetched(self, owner: Client, desk: Client) -> None:
        row = message(direction="in", kind="image", state="received", source="customer")
        words = "The program was stopped each time while it fetched this file"
        Attachment.objects.create(message=row, kind="image", state="failed", due_at=timezone.now(), last_error=words)
        assert "毎回、このファイルの取得中にプログラムが止まりました" in page(desk, f"/admin/inbox/{row.conversation_id}/")
        assert "毎回、このファイルの取得中に" in page(owner, "/admin/conversations/attachment/")

    def test_files_that_broke_the_program(self, owner: Client, desk: Client) -> None:
        row = message(direction="in", kind="image", state="received", source="customer")
        words = f"{BROKE_OFF_FETCHING}: KeyError"
        file = Attachment.objects.create(message=row, kind="image", state="failed", due_at=timezone.now(), last_error=words)
        told = "プログラムはこのファイルを処理できませんでした。"
        thread = page(desk, f"/admin/inbox/{row.conversation_id}/")
        assert told in thread and "KeyError" not in thread
        html = shown(owner, "/admin/conversations/attachment/", file)
        assert html.count(told) == html.count("KeyError") == 2

    @pytest.mark.parametrize(
        ("state", "sentence", "shown_to_agents"),
        [
            ("unknown", BROKE_OFF_SENDING, "送信中にプログラムが中断しました。もう一度送る前に届いているかお客様に確認し"),
            ("failed", BROKE_OFF_BEFORE, "メッセージが送り出される前にプログラムが中断しました。もう一度送ってください。"),
        ],
    )
    def test_what_broke_inside_the_program_is_for_administrators(
        self, state: str, sentence: str, shown_to_agents: str, owner: Client, agent: Client
    ) -> None:
        row = message(state=state, error_code="outcomeunknown", error_title=f"{sentence}: KeyError at scrm/conversations/outbox.py:41 call")
        listed, thread = "/admin/conversations/message/", f"/admin/inbox/{row.conversation_id}/"
        for address in (thread, listed, f"{listed}{row.pk}/change/"):
            agents, owners = page(agent, address), page(owner, address)
            assert shown_to_agents[:20] in agents and "KeyError" not in agents, address
            assert shown_to_agents[:20] in owners and ("KeyError" in owners or address == listed)
        assert page(owner, thread).count(shown_to_agents) == 1
        assert shown_to_agents in page(agent, thread) and "outcomeunknown" not in page(agent, thread)
        assert sentence in page(agent, thread, "en")

    def test_a_send_that_waits_for_its_connection_says_so_and_who_mends_it(self, desk: Client) -> None:
        later, words = timezone.now() + timedelta(minutes=1), "WhatsApp does not accept the access token"
        row = message(state="queued", due_at=later, error_code="needslogin", error_title=words)
        html = page(desk, f"/admin/inbox/{row.conversation_id}/", "en")
        assert words in html and "Tell an administrator; it goes out by itself once the connection is in order." in html
        assert "管理者に知らせてください。接続が直ると自動的に送信されます。" in page(desk, f"/admin/inbox/{row.conversation_id}/")

    def test_templates_that_could_not_be_read(self, owner: Client) -> None:
        TemplateSync.objects.create(connection=people.hong_kong(), error="WhatsApp's server failed", finished_at=timezone.now())
        assert "WhatsApp のサーバーでエラーが発生しました" in page(owner, "/admin/conversations/messagetemplate/")


class Rules:
    def run(self, result: dict[str, Any]) -> str:
        rule = Rule.objects.create(name="Greeting", action="reply", options={"text": "hi"})
        contact = people.customer().contact
        event = Event.objects.create(contact=contact, kind="message.received", occurred_at=timezone.now(), data={})
        row = Run.objects.create(
            rule=rule, rule_version=1, event=event, contact=contact, verdict="failed", result=result, evaluated_at=timezone.now()
        )
        return f"/admin/automation/run/{row.pk}/change/"

    def test_that_broke_off_tell_agents_what_to_do_and_administrators_why(self, owner: Client, agent: Client) -> None:
        address = self.run({"error": f"{BROKE_OFF_ACTING}: ValueError: no such shop"})
        told = "アクションが中断し、何も実行されませんでした。"
        assert told in page(agent, address) and "no such shop" not in page(agent, address)
        assert told in page(owner, address) and "ValueError: no such shop" in page(owner, address)

    def test_whose_conditions_cannot_be_used_say_each_fault_in_the_readers_language(self, agent: Client) -> None:
        fault = {"text": "Conditions are nested more than %(most)s deep.", "values": {"most": 8}}
        address = self.run({"error": "Conditions are nested more than 8 deep.", "faults": [fault]})
        html = page(agent, address)
        assert "ルールの条件が使えません。ルールのページで直してください。" in html
        assert "8" in html and "nested" not in html and "Conditions are nested more than 8 deep." in page(agent, address, "en")


class Webhooks:
    def test_deliveries_and_receivers(self, owner: Client) -> None:
        now = timezone.now()
        receiver = Endpoint.objects.create(label="Zap", url="https://hooks.example/1", events=[], created_at=now)
        row = Delivery.objects.create(
            endpoint=receiver, event="contact.created", message_id="evt_1", state="failed", due_at=now, created_at=now,
            reason="The receiver answered 500",
        )  # fmt: skip
        assert shown(owner, "/admin/hooks/delivery/", row).count("受信側の応答は500でした") == 2
        hooks.pause(receiver, by="mei")
        assert Endpoint.objects.get().state_reason == "Paused by mei"
        assert "mei が一時停止" in page(owner, "/admin/hooks/endpoint/")


class Backups:
    def test_runs_that_failed(self, owner: Client) -> None:
        now = timezone.now()
        error = "the manifest reads back differently; the place is not reliable"
        row = BackupRun.objects.create(place="x", state="failed", started_at=now, touched_at=now, ended_at=now, error=error)
        assert shown(owner, "/admin/core/backuprun/", row).count("目録を読み返すと内容が違います。置き場所が信頼できません") == 2
