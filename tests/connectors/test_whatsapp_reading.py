"""Whatever is posted to the webhook: every item comes out or is parked."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whatsapp_bodies import RAW, envelope, message, value

from connectors import conformance
from connectors.channels.whatsapp import WhatsAppCloud
from connectors.contracts import Account, InboundMessage, Notice, StatusUpdate, Unreadable

PORTFOLIO = "506914307656634"
CHANNEL = WhatsAppCloud(Account("whatsapp_cloud", {"portfolio_id": PORTFOLIO}, {"app_secret": "s"}))


def parse(document: Any) -> list[Any]:
    return conformance.check_body(CHANNEL, json.dumps(document).encode())


def one(given_message: dict[str, Any], **parts: Any) -> InboundMessage:
    (item,) = parse(envelope(value(messages=[given_message], **parts)))
    assert isinstance(item, InboundMessage), item
    return item


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

    def test_thousand_people_cost_no_more_each_than_ten(self) -> None:
        def spent(people: int) -> float:
            cards = [{"wa_id": str(85290000000 + each), "profile": {"name": "n"}} for each in range(people)]
            body = json.dumps(
                envelope(
                    value(contacts=cards, messages=[message(id=f"w{each}", **{"from": card["wa_id"]}) for each, card in enumerate(cards)])
                )
            )
            began = time.process_time()
            assert len(CHANNEL.parse(body.encode())) == people
            return (time.process_time() - began) / people

        assert min(spent(1000) for _ in range(3)) < 10 * min(spent(10) for _ in range(20))

    @pytest.mark.parametrize("missing", ["id", "from"])
    def test_message_without_id_or_sender_is_parked(self, missing: str) -> None:
        (item,) = parse(envelope(value(messages=[{key: part for key, part in message().items() if key != missing}])))
        assert isinstance(item, Unreadable) and item.raw["text"]
