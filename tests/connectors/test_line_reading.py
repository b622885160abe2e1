"""Whatever LINE posts: every event comes out or is parked."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_bodies import BOT, GROUP, ICHING, MESSAGES, OTHERS, RAW, ROOM, TOKEN, YUKI, captured, envelope, event, message, raw

from connectors import conformance, signatures
from connectors.channels.line import LineMessaging
from connectors.channels.line.bodies import button_data
from connectors.contracts import UNKNOWN_TIME, Account, Address, InboundMessage, Notice, Unreadable

CHANNEL = LineMessaging(Account("line", {}, {"channel_secret": "new-secret\nold-secret"}))


def parse(*events: Any) -> list[Any]:
    return conformance.check_body(CHANNEL, json.dumps(envelope(*events)).encode())


def one(given_event: Any) -> Any:
    (item,) = parse(given_event)
    return item


class TestConformance:
    def test_reads_good_bodies_garbage_and_damage(self) -> None:
        conformance.check_reading(CHANNEL, RAW, mutations=4_000)

    def test_keys_of_different_events_differ(self) -> None:
        conformance.check_keys_differ(item for body in RAW for item in CHANNEL.parse(body))

    def test_signatures(self) -> None:
        for secret in ("new-secret", "old-secret"):
            headers = {"x-line-signature": signatures.sign_base64(RAW[0], secret), "content-type": "application/json"}
            conformance.check_signatures(CHANNEL, RAW[0], headers, "x-line-signature")

    def test_subscription_check_by_get_is_not_lines_way(self) -> None:
        assert CHANNEL.handshake({"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": ""}) is None

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_any_shape_is_read(self, data: st.DataObject) -> None:
        words = st.sampled_from(["type", "source", "userId", "groupId", "message", "id", "text", "postback", "data", "timestamp", "unsend"])
        kinds = st.sampled_from(["message", "postback", "unsend", "text"])
        leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=6) | kinds
        shape = st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4), max_leaves=12)
        items = parse(data.draw(shape), message())
        assert isinstance(items[-1], InboundMessage) and items[-1].text == "荷物はいつ届きますか？"


class TestCapturedBodies:
    @pytest.mark.parametrize("path", captured("line_webhook"), ids=lambda path: path.stem)
    def test_every_event_comes_out(self, path: Path) -> None:
        document = json.loads(path.read_text())
        items = conformance.check_body(CHANNEL, json.dumps(document["payload"]).encode())
        expected = document["expected"]["derived_events"]
        assert len(items) == len(expected)
        for item, (event_id, _, message_id) in zip(items, expected, strict=True):
            assert (event_id or "sha256") in item.key or isinstance(item, Unreadable)
            if isinstance(item, InboundMessage) and message_id:
                assert message_id in (item.external_id, item.content.get("original_id"))
            if isinstance(item, Unreadable):
                assert "names nobody" in item.reason and "userId" not in json.dumps(item.raw)


class TestMessages:
    def test_text_with_everything_around_it(self) -> None:
        item = one(MESSAGES[1])
        assert item.kind == "text" and item.text == "@小美 看這個" and item.external_id == "4683000002"
        assert item.account_id == BOT and item.sender == (Address("line_user", YUKI),)
        assert item.sent_at == datetime(2026, 11, 26, 4, 0, 0, 125_000, UTC)
        assert item.reply_to == "4682999999"
        assert item.content == {
            "mention": {"mentionees": [{"index": 0, "length": 3, "type": "user", "userId": ICHING, "isSelf": False}]},
            "quote_token": "q2-yHAz4Ua2wx7",
            "mark_as_read_token": "mark-2",
            "reply_token": TOKEN,
        }

    def test_emojis_are_kept(self) -> None:
        assert one(MESSAGES[0]).content["emojis"][0]["emojiId"] == "001"

    @pytest.mark.parametrize(("index", "kind"), [(2, "image"), (3, "video"), (4, "audio"), (5, "document")])
    def test_files_are_fetched_by_the_messages_id(self, index: int, kind: str) -> None:
        item = one(MESSAGES[index])
        assert item.kind == kind
        assert [(ref.external_id, ref.kind) for ref in item.media] == [(item.external_id, kind)]

    def test_documents_have_name_and_size(self) -> None:
        item = one(MESSAGES[5])
        assert item.text == "請求書.pdf" and (item.media[0].filename, item.media[0].size) == ("請求書.pdf", 21_483)

    def test_length_and_set_are_kept(self) -> None:
        assert one(MESSAGES[3]).content["duration"] == 15_000
        assert one(MESSAGES[2]).content["image_set"]["total"] == 2

    def test_file_of_a_third_party_is_shown_and_not_fetched(self) -> None:
        item = one(MESSAGES[8])
        assert item.media == () and item.text == "https://cdn.example.tw/a.jpg" and item.content["external"] is True

    def test_location(self) -> None:
        item = one(MESSAGES[6])
        assert item.text == "築地場外市場, 東京都中央区築地4丁目16-2"
        assert (item.content["name"], item.content["latitude"]) == ("築地場外市場", 35.6655)

    def test_sticker(self) -> None:
        item = one(MESSAGES[7])
        assert item.kind == "sticker" and item.text == "謝謝你"
        assert (item.content["package_id"], item.content["sticker_id"], item.content["keywords"]) == (
            "446",
            "1988",
            ["ありがとう", "お辞儀"],
        )

    def test_unknown_type_is_kept_whole(self) -> None:
        item = one(MESSAGES[9])
        assert item.kind == "unsupported" and item.content["platform_type"] == "hologram" and item.content["depth"] == 3

    def test_edit_and_withdrawal_name_what_they_change(self) -> None:
        edit, unsend = one(OTHERS[0]), one(OTHERS[1])
        assert (edit.kind, edit.text, edit.content["original_id"], edit.external_id) == ("edit", "明後日でもいいです", "4683000001", "")
        assert (unsend.kind, unsend.text, unsend.content) == ("revoke", "", {"original_id": "4683000001"})

    def test_standby_is_marked_and_not_answered(self) -> None:
        given_event = {**message(), "mode": "standby"}
        assert one(given_event).content["standby"] is True and "reply_token" not in one(given_event).content

    @pytest.mark.parametrize(
        "source", [{"type": "group", "groupId": GROUP, "userId": ICHING}, {"type": "room", "roomId": ROOM, "userId": ICHING}]
    )
    def test_group_is_noted_and_belongs_to_who_wrote(self, source: dict[str, str]) -> None:
        item = one({**message(), "source": source})
        assert item.sender == (Address("line_user", ICHING),)
        assert item.content["group_id"] == source.get("groupId", source.get("roomId"))
        assert "reply_token" not in item.content

    def test_group_message_that_names_nobody_is_parked(self) -> None:
        item = one({**message(), "source": {"type": "group", "groupId": GROUP}})
        assert isinstance(item, Unreadable) and "names nobody" in item.reason

    @pytest.mark.parametrize("stamp", [None, "soon", -1, 10**25, True])
    def test_unbelievable_time_is_marked(self, stamp: Any) -> None:
        item = one({**message(), "timestamp": stamp})
        assert item.sent_at == UNKNOWN_TIME and item.content["clock_suspect"] is True


class TestPostbacks:
    def test_foreign_data_is_text_and_id(self) -> None:
        item = one(OTHERS[8])
        assert (item.kind, item.text) == ("interactive", "action=book 2026-12-01T15:30")
        assert item.content["type"] == "postback" and item.content["params"] == {"datetime": "2026-12-01T15:30"}
        assert item.content["reply_token"] == TOKEN

    def test_our_own_button_reads_as_on_other_platforms(self) -> None:
        item = one(event("postback", 50, postback={"data": button_data("button_reply", "yes", "好的，謝謝")}))
        assert item.text == "好的，謝謝"
        assert {"type": "button_reply", "id": "yes", "title": "好的，謝謝"}.items() <= item.content.items()

    def test_title_that_does_not_fit_beside_the_id_is_left_out(self) -> None:
        data = button_data("list_reply", "x" * 250, "長" * 20)
        assert len(data) <= 300
        assert one(event("postback", 51, postback={"data": data})).text == "x" * 250

    def test_data_that_only_looks_like_ours_stays_data(self) -> None:
        assert one(event("postback", 52, postback={"data": '{"type":"button_reply","broken'})).text == '{"type":"button_reply","broken'

    def test_turned_menu_is_no_message(self) -> None:
        item = one(OTHERS[9])
        assert isinstance(item, Notice) and item.kind == "rich_menu_switch"


class TestNotices:
    @pytest.mark.parametrize(
        ("index", "kind"),
        [
            (2, "follow"), (3, "unfollow"), (4, "join"), (5, "leave"), (6, "member_joined"), (7, "member_left"),
            (10, "video_play_complete"), (11, "beacon"), (12, "account_link"), (13, "membership"), (14, "module"),
            (15, "activated"), (16, "deactivated"), (17, "bot_suspended"), (18, "bot_resumed"), (19, "delivery"), (20, "telepathy"),
        ],
    )  # fmt: skip
    def test_every_other_event_is_kept_whole(self, index: int, kind: str) -> None:
        item, given_event = one(OTHERS[index]), OTHERS[index]
        assert isinstance(item, Notice) and item.kind == kind
        assert item.data.items() >= {key: value for key, value in given_event.items() if key != "replyToken"}.items()
        assert item.occurred_at is not None
        assert item.subject == ((Address("line_user", YUKI),) if "userId" in given_event.get("source", {}) else ())

    def test_group_is_noted(self) -> None:
        assert one(OTHERS[4]).data["group_id"] == GROUP and one(OTHERS[7]).data["group_id"] == ROOM

    def test_connection_check_is_one_empty_notice(self) -> None:
        (item,) = CHANNEL.parse(raw())
        assert isinstance(item, Notice) and (item.kind, item.account_id) == ("empty", BOT)

    @pytest.mark.parametrize("body", [{"destination": BOT, "events": "none"}, {"destination": BOT, "messages": []}, [envelope()]])
    def test_body_of_another_shape_is_parked(self, body: Any) -> None:
        (item,) = conformance.check_body(CHANNEL, json.dumps(body).encode())
        assert isinstance(item, Unreadable)


class TestKeys:
    def test_redelivery_has_the_same_key(self) -> None:
        again = copy.deepcopy(MESSAGES[7])
        again["deliveryContext"]["isRedelivery"] = True
        again["message"]["keywords"] = ["お辞儀"]
        again["message"]["quoteToken"] = "another"
        again["replyToken"] = "another"
        assert one(again).key == one(MESSAGES[7]).key

    def test_key_holds_the_events_id(self) -> None:
        assert MESSAGES[0]["webhookEventId"] in one(MESSAGES[0]).key

    def test_without_an_id_the_content_decides(self) -> None:
        first, second = ({**message(number=number), "webhookEventId": None} for number in (1, 2))
        assert one(first).key == one(dict(first)).key != one(second).key

    def test_events_that_share_an_id_by_mistake_stay_apart(self) -> None:
        events = [{**each, "webhookEventId": "same"} for each in [*MESSAGES, *OTHERS]]
        assert len({item.key for item in parse(*events)}) == len(events)

    def test_bad_event_harms_no_neighbour(self) -> None:
        items = parse(None, {"type": "message"}, 7, message(), {"type": ["message"]}, event("unsend"))
        assert [type(item).__name__ for item in items] == [
            "Unreadable",
            "Unreadable",
            "Unreadable",
            "InboundMessage",
            "Notice",
            "Unreadable",
        ]
