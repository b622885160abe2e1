"""Shapes that other projects' samples have and the reference does not: read as what they mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_whatsapp_wire import channel_at
from whatsapp_bodies import KENJI, MEI, MEI_USER, OURS, envelope, message, value

from connectors.channels.whatsapp import WhatsAppCloud
from connectors.channels.whatsapp.facts import limit_of, quality_of, throughput_of
from connectors.contracts import Account, Address, InboundMessage, Notice, StatusUpdate

CHANNEL = WhatsAppCloud(Account("whatsapp_cloud", {"portfolio_id": "P1"}, {"app_secret": "s"}))


def parse(document: Any) -> list[Any]:
    return CHANNEL.parse(json.dumps(document).encode())


def one(document: Any) -> Any:
    (item,) = parse(document)
    return item


class TestMessages:
    def test_voice_of_older_interfaces_is_audio(self) -> None:
        item = one(envelope(value(messages=[message("voice", {"id": "77", "mime_type": "audio/ogg"})])))
        assert (item.kind, item.content["voice"], item.media[0].external_id) == ("audio", True, "77")
        assert item.media[0].kind == "audio"

    def test_our_own_number_as_writer_to_nobody_is_a_customer(self) -> None:
        item = one(envelope(value(messages=[message(**{"from": OURS})])))
        assert isinstance(item, InboundMessage)
        assert (item.echo, item.sender) == (False, (Address("whatsapp", OURS),))

    def test_a_shared_number_is_the_senders_when_it_was_asked_for(self) -> None:
        cards = {"contact_request": [("whatsapp", MEI), ("whatsapp_user", MEI_USER)], "other": [("whatsapp_user", MEI_USER)]}
        for origin, expected in cards.items():
            shared = message("contacts", [{"vcard": f"TEL;type=CELL;waid={MEI}:+852 9123 4567"}], origin=origin, from_user_id=MEI_USER)
            del shared["from"]
            item = one(envelope(value(messages=[shared])))
            assert [(each.kind, each.value) for each in item.sender] == expected
            assert item.content["origin"] == origin

    def test_two_numbers_on_a_shared_card_are_nobodys(self) -> None:
        card = {"phones": [{"wa_id": MEI}, {"wa_id": KENJI}]}
        shared = message("contacts", [card], origin="contact_request", from_user_id=MEI_USER)
        del shared["from"]
        item = one(envelope(value(messages=[shared])))
        assert [each.kind for each in item.sender] == ["whatsapp_user"]


class TestStatuses:
    def test_of_a_group_name_their_participant_in_either_spelling(self) -> None:
        statuses = [
            {"id": "wamid.G", "status": "read", "timestamp": "1764000000", "recipient_id": "GROUP", "recipient_type": "group", name: who}
            for name, who in (("participant_recipient_id", MEI), ("recipient_participant_id", KENJI))
        ]
        items = parse(envelope(value(statuses=statuses)))
        assert all(isinstance(item, StatusUpdate) for item in items)
        assert [item.recipient[0].value for item in items] == [MEI, KENJI]
        assert len({item.key for item in items}) == 2


class TestNotices:
    @pytest.mark.parametrize(
        ("told", "means"),
        [
            ({"event": "PARTNER_APP_INSTALLED", "waba_info": {"waba_id": "1"}}, "account_update"),
            ({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}}, "account_update"),
            ({"message_template_id": 1, "new_quality_score": "RED"}, "message_template_quality_update"),
            ({"message_template_id": 1, "new_category": "MARKETING"}, "template_category_update"),
        ],
    )
    def test_without_a_field_are_known_by_their_shape(self, told: dict[str, Any], means: str) -> None:
        item = one({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"value": told}]}]})
        assert isinstance(item, Notice) and item.kind == means

    def test_with_a_wrong_field_keep_it_and_say_what_they_mean(self) -> None:
        item = one(envelope({"message_template_id": 1, "new_quality_score": "RED"}, field="message_template_status_update"))
        assert (item.kind, item.data["means"]) == ("message_template_status_update", "message_template_quality_update")


class TestFacts:
    @pytest.mark.parametrize(
        ("stated", "limit"),
        [
            ("TIER_50", 50),
            ("TIER_1K", 1000),
            ("tier_2k", 2000),
            ("TIER_UNLIMITED", -1),
            ("250", 250),
            (-1, -1),
            ("TIER_NOT_SET", None),
            ("", None),
            (None, None),
            (True, None),
            ("9" * 40, None),
        ],
    )
    def test_limits(self, stated: Any, limit: int | None) -> None:
        assert limit_of(stated) == limit

    def test_quality_and_speed(self) -> None:
        assert [quality_of(each) for each in ("green", "MEDIUM", "LOW", "NA", "purple", None)] == [
            "GREEN",
            "YELLOW",
            "RED",
            "UNKNOWN",
            "UNKNOWN",
            None,
        ]
        assert [throughput_of(each) for each in ({"level": "high"}, "STANDARD", {"level": "NOT_APPLICABLE"}, None)] == [
            "HIGH",
            "STANDARD",
            None,
            None,
        ]


class TestCheck:
    NUMBER = {
        "verified_name": "Harbour Beauty",
        "display_phone_number": "+852 6810 2244",
        "status": "CONNECTED",
        "quality_rating": "YELLOW",
        "throughput": {"level": "STANDARD"},
        "whatsapp_business_manager_messaging_limit": "TIER_10K",
        "is_on_biz_app": True,
    }

    def test_gives_the_facts_in_our_words(self, loopback: Any) -> None:
        loopback.say({**self.NUMBER, "health_status": {"can_send_message": "AVAILABLE", "entities": []}})
        health = channel_at(loopback.url).check()
        assert health.ok and "health_status" in loopback.seen[0].query["fields"]
        assert {name: health.facts[name] for name in ("quality", "messaging_limit", "throughput", "coexistence", "can_send")} == {
            "quality": "YELLOW",
            "messaging_limit": 10_000,
            "throughput": "STANDARD",
            "coexistence": True,
            "can_send": "AVAILABLE",
        }

    @pytest.mark.parametrize(("can_send", "ok"), [("LIMITED", True), ("BLOCKED", False)])
    def test_says_what_hinders_sending(self, loopback: Any, can_send: str, ok: bool) -> None:
        error = {"error_code": 141006, "error_description": "There is an error with the payment method."}
        entities = [
            {"entity_type": "WABA", "can_send_message": can_send, "errors": [error]},
            {
                "entity_type": "PHONE_NUMBER",
                "can_send_message": "LIMITED",
                "additional_info": ["Your display name is not approved."],
            },
        ]
        loopback.say({**self.NUMBER, "health_status": {"can_send_message": can_send, "entities": entities}})
        health = channel_at(loopback.url).check()
        assert health.ok is ok
        assert "141006" in health.detail and "display name" in health.detail

    def test_of_an_older_answer_leaves_out_what_is_not_told(self, loopback: Any) -> None:
        loopback.say({"verified_name": "Harbour Beauty", "display_phone_number": "+852 6810 2244"})
        health = channel_at(loopback.url).check()
        assert health.ok
        assert not {"quality", "messaging_limit", "throughput", "coexistence"} & set(health.facts)
