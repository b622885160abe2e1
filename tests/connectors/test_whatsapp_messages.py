"""Messages, and the people who wrote them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from whatsapp_bodies import KENJI, MEI, MEI_PARENT, MEI_USER, OURS, envelope, message, value

from connectors import conformance
from connectors.channels.whatsapp import WhatsAppCloud
from connectors.contracts import UNKNOWN_TIME, Account, Address, InboundMessage

PORTFOLIO = "506914307656634"
CHANNEL = WhatsAppCloud(Account("whatsapp_cloud", {"portfolio_id": PORTFOLIO}, {"app_secret": "s"}))


def parse(document: Any) -> list[Any]:
    return conformance.check_body(CHANNEL, json.dumps(document).encode())


def one(given_message: dict[str, Any], **parts: Any) -> InboundMessage:
    (item,) = parse(envelope(value(messages=[given_message], **parts)))
    assert isinstance(item, InboundMessage), item
    return item


class TestMessages:
    def test_text(self) -> None:
        item = one(message(context={"id": "wamid.before", "from": OURS, "forwarded": True}))
        assert (item.kind, item.text, item.reply_to, item.key) == ("text", "荷物はどこですか", "wamid.before", "msg:wamid.HBgM1")
        assert item.account_id == "106540352242922"
        assert item.sent_at == datetime(2025, 11, 24, 16, 0, tzinfo=UTC)
        assert item.content == {"forwarded": True, "reply_to_sender": OURS}

    @pytest.mark.parametrize("kind", ["image", "video", "audio", "document", "sticker"])
    def test_media(self, kind: str) -> None:
        item = one(
            message(
                kind,
                {
                    "id": "77",
                    "mime_type": "x/y",
                    "sha256": "c2hh",
                    "filename": "收據.pdf",
                    "caption": "請看",
                    "url": "https://lookaside.fbsbx.com/1",
                    "voice": True,
                },
            )
        )
        (ref,) = item.media
        assert (item.kind, item.text, ref.external_id, ref.kind, ref.mime_type, ref.filename) == (
            kind,
            "請看",
            "77",
            kind,
            "x/y",
            "收據.pdf",
        )
        assert item.content["voice"] is True and ref.url.startswith("https://lookaside")

    def test_location(self) -> None:
        item = one(message("location", {"latitude": 22.28, "longitude": 114.15, "name": "IFC", "address": "中環金融街8號"}))
        assert item.text == "IFC, 中環金融街8號" and item.content["latitude"] == 22.28

    def test_contacts(self) -> None:
        item = one(
            message(
                "contacts", [{"name": {"formatted_name": "王小明"}, "phones": [{"phone": "+886 912 345 678", "wa_id": "886912345678"}]}]
            )
        )
        assert item.text == "王小明 +886 912 345 678" and item.content["contacts"][0]["phones"][0]["wa_id"] == "886912345678"

    def test_button(self) -> None:
        item = one(message("button", {"payload": "YES", "text": "要"}))
        assert (item.text, item.content["payload"]) == ("要", "YES")

    @pytest.mark.parametrize(
        ("reply", "text", "content"),
        [
            (
                {"type": "button_reply", "button_reply": {"id": "a", "title": "はい"}},
                "はい",
                {"type": "button_reply", "id": "a", "title": "はい"},
            ),
            (
                {"type": "list_reply", "list_reply": {"id": "b", "title": "尖沙咀", "description": "店"}},
                "尖沙咀",
                {"type": "list_reply", "id": "b", "title": "尖沙咀", "description": "店"},
            ),
            (
                {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": '{"size": "M"}'}},
                "Sent",
                {"type": "nfm_reply", "name": "flow", "body": "Sent", "response_json": '{"size": "M"}', "response": {"size": "M"}},
            ),
            (
                {"type": "call_permission_reply", "call_permission_reply": {"response": "accept"}},
                "accept",
                {"type": "call_permission_reply", "response": "accept"},
            ),
        ],
    )
    def test_interactive(self, reply: Any, text: str, content: Any) -> None:
        item = one(message("interactive", reply))
        assert (item.text, item.content) == (text, content)

    @pytest.mark.parametrize("response", [None, "", "no json", "[1]", "7"])
    def test_flow_answer_of_any_form(self, response: Any) -> None:
        item = one(message("interactive", {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": response}}))
        assert item.content["response"] is None

    def test_order(self) -> None:
        item = one(message("order", {"catalog_id": "9", "product_items": [{"product_retailer_id": "SKU4711", "quantity": "2"}]}))
        assert item.text == "2 x SKU4711" and item.content["catalog_id"] == "9"

    @pytest.mark.parametrize(("emoji", "removed"), [("👍", False), ("", True), (None, True)])
    def test_reaction(self, emoji: str | None, removed: bool) -> None:
        item = one(message("reaction", {"message_id": "wamid.0", **({} if emoji is None else {"emoji": emoji})}))
        assert item.content["message_id"] == "wamid.0" and item.content["removed"] is removed and item.key == "msg:wamid.HBgM1"

    def test_edit(self) -> None:
        item = one(
            message("edit", {"original_message_id": "wamid.0", "message": {"type": "image", "image": {"id": "5", "caption": "new"}}})
        )
        assert (item.key, item.text, item.media[0].external_id) == ("edit:wamid.HBgM1:1764000000", "new", "5")
        assert item.content["original_id"] == "wamid.0" and item.content["kind"] == "image"

    def test_revoke(self) -> None:
        item = one(message("revoke", {"original_message_id": "wamid.0"}))
        assert (item.kind, item.key, item.content) == ("revoke", "revoke:wamid.HBgM1:1764000000", {"original_id": "wamid.0"})

    def test_unsupported(self) -> None:
        item = one(
            message("unsupported", {"type": "poll"}, errors=[{"code": 131051, "title": "Unsupported", "error_data": {"details": "d"}}])
        )
        assert (item.kind, item.content["platform_type"], item.errors[0].code, item.errors[0].detail) == (
            "unsupported",
            "poll",
            131051,
            "d",
        )

    def test_type_of_the_future_is_kept_whole(self) -> None:
        item = one(message("hologram", {"depth": 3}))
        assert item.kind == "unsupported" and item.content == {"hologram": {"depth": 3}, "platform_type": "hologram"}

    def test_words_that_come_with_an_unknown_type_can_be_read(self) -> None:
        for kind in ("unsupported", "announcement"):
            item = one({**message(kind, {}), "text": {"body": "颱風休息一天"}})
            assert (item.kind, item.text) == ("unsupported", "颱風休息一天")

    def test_missing_type_is_seen_from_the_shape(self) -> None:
        bare = {key: part for key, part in message("location", {"latitude": 1}).items() if key != "type"}
        assert one(bare).kind == "location"

    def test_referral_of_an_advertisement(self) -> None:
        referral = {"source_type": "ad", "source_id": "1", "ctwa_clid": "Aff-n8", "headline": "新品"}
        assert one(message(referral=referral)).referral == referral

    def test_group_standby_and_raw_are_kept(self) -> None:
        (item,) = parse(envelope(value(messages=[message(group_id="G1")]), field="standby"))
        assert item.content == {"group_id": "G1", "standby": True} and item.raw["group_id"] == "G1"

    @pytest.mark.parametrize("stamp", ["0", "-1", "TIMESTAMP", None, 253402300799, "9" * 30])
    def test_unbelievable_time_is_marked(self, stamp: Any) -> None:
        item = one(message(timestamp=stamp))
        assert item.sent_at == UNKNOWN_TIME and item.content["clock_suspect"] is True

    def test_long_id_gives_a_bounded_key(self) -> None:
        item = one(message(id="wamid." + "A" * 400))
        assert item.key.startswith("msg:sha256:") and len(item.external_id) == 406


class TestPeople:
    def test_number_and_user_id_of_one_body_belong_together(self) -> None:
        card = {"profile": {"name": "陳美玲", "username": "mei.hk"}, "wa_id": MEI, "user_id": MEI_USER, "parent_user_id": MEI_PARENT}
        item = one(message(from_user_id=MEI_USER), contacts=[{"wa_id": KENJI, "profile": {"name": "健二"}}, card])
        assert item.profile_name == "陳美玲"
        assert item.sender == (
            Address("whatsapp", MEI),
            Address("whatsapp_user", MEI_USER, PORTFOLIO),
            Address("whatsapp_parent_user", MEI_PARENT, PORTFOLIO),
            Address("username", "mei.hk"),
        )

    def test_person_without_a_number(self) -> None:
        bare = {key: part for key, part in message(from_user_id=MEI_USER).items() if key != "from"}
        item = one(bare, contacts=[{"profile": {"name": "Mei", "username": "mei"}, "user_id": MEI_USER}])
        assert item.sender == (Address("whatsapp_user", MEI_USER, PORTFOLIO), Address("username", "mei"))

    def test_card_of_somebody_else_lends_its_name_only(self) -> None:
        item = one(message(), contacts=[{"profile": {"name": "健二"}, "wa_id": KENJI, "user_id": "JP.1"}])
        assert item.sender == (Address("whatsapp", MEI),) and item.profile_name == "健二"

    def test_several_cards_without_a_match_lend_nothing(self) -> None:
        item = one(message(), contacts=[{"profile": {"name": "A"}, "wa_id": "1"}, {"profile": {"name": "B"}, "wa_id": "2"}])
        assert item.profile_name == "" and item.sender == (Address("whatsapp", MEI),)

    def test_number_stays_as_given(self) -> None:
        assert one(message(**{"from": "551187654321"})).sender == (Address("whatsapp", "551187654321"),)

    @pytest.mark.parametrize(
        ("system", "old", "new"),
        [
            ({"type": "user_changed_number", "wa_id": "85290000001", "customer": MEI}, [("whatsapp", MEI)], [("whatsapp", "85290000001")]),
            ({"type": "user_changed_number", "wa_id": "85290000001"}, [("whatsapp", MEI)], [("whatsapp", "85290000001")]),
            (
                {"type": "user_changed_number", "wa_id": "85290000001", "user_id": "HK.2", "previous_user_id": "HK.1"},
                [("whatsapp_user", "HK.1"), ("whatsapp", MEI)],
                [("whatsapp", "85290000001"), ("whatsapp_user", "HK.2")],
            ),
        ],
    )
    def test_changed_number_names_old_and_new(self, system: Any, old: Any, new: Any) -> None:
        item = one(message("system", system))
        assert [(each["kind"], each["value"]) for each in item.content["old"]] == old
        assert [(each["kind"], each["value"]) for each in item.content["new"]] == new
        assert item.content["type"] == "user_changed_number" and item.sender[0].value == old[0][1]

    def test_changed_user_id_without_any_number(self) -> None:
        system = {"type": "user_changed_user_id", "user_id": "HK.2", "previous_user_id": "HK.1", "previous_parent_user_id": "HK.ENT.1"}
        bare = {key: part for key, part in message("system", system).items() if key not in {"from", "id"}}
        item = one(bare)
        assert item.sender == (Address("whatsapp_user", "HK.1", PORTFOLIO), Address("whatsapp_parent_user", "HK.ENT.1", PORTFOLIO))
        assert item.content["new"] == [{"kind": "whatsapp_user", "value": "HK.2", "scope": PORTFOLIO}]
        assert item.key.startswith("msg:sha256:")
