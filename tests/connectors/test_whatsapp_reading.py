"""From webhook bodies to messages, statuses and notices."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import conformance
from connectors.channels.whatsapp import WhatsAppCloud
from connectors.contracts import UNKNOWN_TIME, Account, Address, InboundMessage, Notice, StatusUpdate, Unreadable

PORTFOLIO = "506914307656634"
CHANNEL = WhatsAppCloud(Account("whatsapp_cloud", {"portfolio_id": PORTFOLIO}, {"app_secret": "s"}))

OURS, MEI, KENJI = "85231230000", "85291234567", "819012345678"
MEI_USER, MEI_PARENT = "HK.13491208655302741918", "HK.ENT.11815799212886844830"


def envelope(*values: Any, field: str = "messages", **entry: Any) -> dict[str, Any]:
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", **entry, "changes": [{"field": field, "value": value} for value in values]}],
    }


def value(**parts: Any) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "metadata": {"display_phone_number": OURS, "phone_number_id": "106540352242922"}, **parts}


def message(kind: str = "text", body: Any = None, **parts: Any) -> dict[str, Any]:
    shown = {kind: body} if body is not None else {"text": {"body": "荷物はどこですか"}}
    return {"from": MEI, "id": "wamid.HBgM1", "timestamp": "1764000000", "type": kind, **shown, **parts}


def parse(document: Any) -> list[Any]:
    return conformance.check_body(CHANNEL, json.dumps(document).encode())


def one(given_message: dict[str, Any], **parts: Any) -> InboundMessage:
    (item,) = parse(envelope(value(messages=[given_message], **parts)))
    assert isinstance(item, InboundMessage), item
    return item


BODIES = [
    envelope(
        value(
            contacts=[{"profile": {"name": "陳美玲"}, "wa_id": MEI, "user_id": MEI_USER}],
            messages=[
                message(),
                message("image", {"id": "1", "mime_type": "image/jpeg", "sha256": "x", "caption": "壞了"}, id="wamid.2"),
                message("interactive", {"type": "button_reply", "button_reply": {"id": "a", "title": "はい"}}, id="wamid.3"),
                message(
                    "order",
                    {"catalog_id": "9", "product_items": [{"product_retailer_id": "SKU4711", "quantity": 2, "item_price": "88"}]},
                    id="wamid.4",
                ),
                message("reaction", {"message_id": "wamid.1", "emoji": "👍"}, id="wamid.5"),
            ],
        ),
        value(
            statuses=[
                {
                    "id": "wamid.9",
                    "status": "failed",
                    "timestamp": "1764000000",
                    "recipient_id": KENJI,
                    "errors": [{"code": 131049, "title": "t"}],
                }
            ]
        ),
    ),
    envelope(value(message_echoes=[message(to=MEI, id="wamid.6", **{"from": OURS})]), field="smb_message_echoes"),
    envelope(value(history=[{"metadata": {"phase": 0}, "threads": [{"id": MEI, "messages": [message(id="wamid.7")]}]}]), field="history"),
    envelope(
        {"event": "APPROVED", "message_template_id": 594425479261596, "message_template_name": "order_update"},
        field="message_template_status_update",
        time=1764000000,
    ),
    envelope(
        value(user_preferences=[{"wa_id": MEI, "category": "marketing_messages", "value": "stop", "timestamp": 1764000000}]),
        field="user_preferences",
    ),
    envelope(value(messages=[message("system", {"type": "user_changed_number", "wa_id": "85290000001"}, id="wamid.8")])),
]
RAW = [json.dumps(body).encode() for body in BODIES]


class TestConformance:
    def test_reads_good_bodies_garbage_and_damage(self) -> None:
        conformance.check_reading(CHANNEL, RAW, mutations=10_000)

    def test_keys_of_different_items_differ(self) -> None:
        conformance.check_keys_differ(item for body in RAW for item in CHANNEL.parse(body))

    @settings(max_examples=100, deadline=None)
    @given(st.binary())
    def test_any_bytes_are_read(self, body: bytes) -> None:
        conformance.check_body(CHANNEL, body)

    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_any_shape_is_read(self, data: st.DataObject) -> None:
        words = st.sampled_from(
            [
                "id",
                "from",
                "type",
                "text",
                "body",
                "messages",
                "statuses",
                "errors",
                "timestamp",
                "status",
                "system",
                "edit",
                "message",
                "contacts",
                "wa_id",
            ]
        )
        leaf = (
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(st.characters(), max_size=6)
            | st.sampled_from(["edit", "system", "text", "sent"])
        )
        shape = st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4), max_leaves=12)
        conformance.check_body(CHANNEL, json.dumps(envelope(data.draw(st.dictionaries(words, shape, max_size=4)))).encode())

    @settings(max_examples=100, deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from(
                [
                    "from",
                    "from_user_id",
                    "id",
                    "timestamp",
                    "type",
                    "text",
                    "image",
                    "context",
                    "referral",
                    "errors",
                    "edit",
                    "system",
                    "interactive",
                    "order",
                    "contacts",
                ]
            ),
            st.none()
            | st.integers()
            | st.text(max_size=5)
            | st.lists(st.integers(), max_size=2)
            | st.dictionaries(st.text(max_size=5), st.text(max_size=3), max_size=2),
        )
    )
    def test_any_message_is_read_or_parked(self, given_message: dict[str, Any]) -> None:
        items = parse(envelope(value(messages=[given_message, message()])))
        assert isinstance(items[-1], InboundMessage) and items[-1].text == "荷物はどこですか"


class TestCapturedBodies:
    def test_every_named_item_comes_out(self, captured_webhook: Path) -> None:
        captured = json.loads(captured_webhook.read_text())
        items = parse(captured["payload"])
        expected = captured["expected"].get("derived_ids") or {}
        members = captured["expected"].get("members", [expected] if expected else [])
        messages = {(item.external_id, item.kind, item.echo) for item in items if isinstance(item, InboundMessage)}
        statuses = {(item.external_id, item.raw["status"]) for item in items if isinstance(item, StatusUpdate)}
        notices = {item.kind for item in items if isinstance(item, Notice)}
        for member in members:
            assert {(each, kind, False) for each, kind in member.get("messages", [])} <= messages
            assert {(each, kind, True) for each, kind in member.get("echoes", [])} <= messages
            assert {(each, status) for each, status in member.get("statuses", [])} <= statuses
            assert {field for field in member.get("other_fields", []) if field} <= notices
        assert not [item for item in items if isinstance(item, Unreadable)]

    def test_damaged_copies_are_read(self, captured_webhook: Path) -> None:
        body = json.dumps(json.loads(captured_webhook.read_text())["payload"]).encode()
        conformance.check_reading(CHANNEL, [body], mutations=20)


class TestBatches:
    def test_thousand_items_with_one_poison(self) -> None:
        messages: list[Any] = [message(id=f"wamid.{number}") for number in range(1000)]
        messages[417] = "poison"
        items = parse(envelope(value(messages=messages)))
        assert len(items) == 1000
        assert [number for number, item in enumerate(items) if isinstance(item, Unreadable)] == [417]

    def test_every_entry_and_change_counts(self) -> None:
        document = envelope(
            value(messages=[message(id="wamid.a")]), value(statuses=[{"id": "wamid.b", "status": "sent", "timestamp": "1764000000"}])
        )
        document["entry"].append(envelope(value(messages=[message(id="wamid.c")]))["entry"][0])
        assert [item.external_id for item in parse(document)] == ["wamid.a", "wamid.b", "wamid.c"]

    def test_list_of_envelopes_as_one_documented_sample_has(self) -> None:
        assert len(parse([envelope(value(messages=[message()])), envelope(value(messages=[message(id="wamid.2")]))])) == 2

    @pytest.mark.parametrize(
        "document",
        [
            {"object": "whatsapp_business_account", "entry": []},
            {"object": "whatsapp_business_account"},
            {},
            envelope(value()),
            {"entry": [{"id": "1", "changes": []}]},
        ],
    )
    def test_empty_body_is_one_notice(self, document: Any) -> None:
        (item,) = parse(document)
        assert isinstance(item, Notice)

    @pytest.mark.parametrize(
        "document",
        [
            [],
            7,
            "text",
            None,
            {"entry": 7},
            {"entry": ["x"]},
            {"hello": 1},
            envelope("x"),
            envelope(value(messages="x")),
            envelope(value(history="x")),
        ],
    )
    def test_wrong_shapes_are_parked_with_a_reason(self, document: Any) -> None:
        (item,) = parse(document)
        assert isinstance(item, Unreadable) and item.reason

    @pytest.mark.parametrize("missing", ["id", "from"])
    def test_message_without_id_or_sender_is_parked(self, missing: str) -> None:
        (item,) = parse(envelope(value(messages=[{key: part for key, part in message().items() if key != missing}])))
        assert isinstance(item, Unreadable) and item.raw["text"]


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
