"""Echoes, history, statuses and notices."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from whatsapp_bodies import BODIES, KENJI, MEI, MEI_USER, OURS, envelope, message, value

from connectors import conformance
from connectors.channels.whatsapp import WhatsAppCloud
from connectors.contracts import Account, Address, InboundMessage, Notice, Unreadable

PORTFOLIO = "506914307656634"
CHANNEL = WhatsAppCloud(Account("whatsapp_cloud", {"portfolio_id": PORTFOLIO}, {"app_secret": "s"}))


def parse(document: Any) -> list[Any]:
    return conformance.check_body(CHANNEL, json.dumps(document).encode())


def one(given_message: dict[str, Any], **parts: Any) -> InboundMessage:
    (item,) = parse(envelope(value(messages=[given_message], **parts)))
    assert isinstance(item, InboundMessage), item
    return item


class TestEchoesAndHistory:
    def test_echo_belongs_to_the_person_written_to(self) -> None:
        (item,) = parse(
            envelope(value(message_echoes=[message(to=MEI, to_user_id=MEI_USER, **{"from": OURS})]), field="smb_message_echoes")
        )
        assert item.echo and item.sender == (Address("whatsapp", MEI), Address("whatsapp_user", MEI_USER, PORTFOLIO))

    def test_history_gives_each_message_and_its_progress(self) -> None:
        thread = {"id": MEI, "messages": [message(), message(id="wamid.2", history_context={"status": "READ"}, **{"from": OURS})]}
        notice, theirs, ours = parse(
            envelope(value(history=[{"metadata": {"phase": 1, "progress": 55}, "threads": [thread]}]), field="history")
        )
        assert notice.kind == "history" and notice.data["metadata"]["progress"] == 55 and notice.data["thread_count"] == 1
        assert (theirs.echo, ours.echo) == (False, True)
        assert theirs.sender == ours.sender == (Address("whatsapp", MEI),)
        assert theirs.content["history"] and ours.content["history_status"] == "read"

    def test_refused_history_is_a_notice(self) -> None:
        (item,) = parse(envelope(value(history=[{"errors": [{"code": 2593109}]}]), field="history"))
        assert item.kind == "history" and item.data["errors"][0]["code"] == 2593109


class TestStatuses:
    def _one(self, **parts: Any) -> Any:
        status = {"id": "wamid.9", "status": "sent", "timestamp": "1764000000", "recipient_id": MEI, **parts}
        (item,) = parse(envelope(value(statuses=[status])))
        return item

    @pytest.mark.parametrize(
        ("word", "status"), [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("played", "read"), ("failed", "failed")]
    )
    def test_words(self, word: str, status: str) -> None:
        item = self._one(status=word)
        assert (item.status, item.key, item.external_id) == (status, f"status:wamid.9:{word}", "wamid.9")

    def test_failed_without_contacts_keeps_code_and_reference(self) -> None:
        item = self._one(
            status="failed",
            recipient_user_id=MEI_USER,
            biz_opaque_callback_data="out-17",
            errors=[{"code": 131049, "title": "T", "message": "M", "error_data": {"details": "D"}}],
        )
        assert item.client_ref == "out-17" and (item.errors[0].code, item.errors[0].title, item.errors[0].detail) == (131049, "T", "D")
        assert item.recipient == (Address("whatsapp", MEI), Address("whatsapp_user", MEI_USER, PORTFOLIO))

    def test_price(self) -> None:
        item = self._one(pricing={"billable": True, "pricing_model": "PMP", "category": "authentication-international"})
        assert (item.billable, item.price_model, item.price_category) == (True, "PMP", "authentication_international")
        assert self._one().billable is None

    def test_group_status_is_about_the_participant(self) -> None:
        item = self._one(recipient_type="group", recipient_id="G1", recipient_participant_id=MEI)
        assert item.recipient == (Address("whatsapp", MEI),) and item.key == f"status:wamid.9:sent:{MEI}"

    @pytest.mark.parametrize(("word", "kind"), [("deleted", "message_deleted"), ("warning", "message_status"), ("", "message_status")])
    def test_other_words_are_notices(self, word: str, kind: str) -> None:
        item = self._one(status=word)
        assert isinstance(item, Notice) and item.kind == kind and item.data["id"] == "wamid.9"

    def test_status_without_id_is_parked(self) -> None:
        assert isinstance(self._one(id=None), Unreadable)


class TestNotices:
    def test_template_event_key_has_template_event_and_time(self) -> None:
        (item,) = parse(BODIES[3])
        assert item.key == "notice:message_template_status_update:594425479261596:APPROVED:1764000000"
        assert item.occurred_at == datetime(2025, 11, 24, 16, 0, tzinfo=UTC) and item.data["business_id"] == "102290129340398"

    def test_same_event_later_is_another_notice(self) -> None:
        first = parse(envelope({"event": "DISABLED_UPDATE"}, field="account_update", time=1764000000))[0]
        later = parse(envelope({"event": "DISABLED_UPDATE"}, field="account_update", time=1764000001))[0]
        assert first.key != later.key and first.kind == "account_update"

    def test_opt_out_names_its_subject(self) -> None:
        (item,) = parse(BODIES[4])
        assert (item.kind, item.data["value"], item.subject) == ("user_preferences", "stop", (Address("whatsapp", MEI),))

    def test_value_errors_have_their_own_notice(self) -> None:
        (item,) = parse(envelope(value(errors=[{"code": 130429}])))
        assert item.kind == "errors" and item.data["code"] == 130429

    def test_unknown_part_beside_messages_is_kept(self) -> None:
        items = parse(envelope(value(messages=[message()], novelty={"a": 1})))
        assert [type(item) for item in items] == [InboundMessage, Notice] and items[1].data["novelty"] == {"a": 1}

    def test_shape_decides_over_a_wrong_field(self) -> None:
        (item,) = parse(envelope(value(messages=[message()]), field="message_template_quality_update"))
        assert isinstance(item, InboundMessage)

    def test_contact_of_the_phone_app_names_its_subject(self) -> None:
        contact = {
            "type": "contact",
            "action": "add",
            "contact": {"full_name": "健二", "phone_number": "+81 90-1234-5678"},
            "metadata": {"timestamp": "1764000000"},
        }
        (item,) = parse(envelope(value(state_sync=[contact]), field="smb_app_state_sync"))
        assert item.subject == (Address("whatsapp", KENJI),) and item.occurred_at is not None
