"""What leaves for LINE: within its limits, and as its contract wants it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from line_bodies import SHARED, YUKI, captured
from line_contract import CONTRACT, faults
from line_samples import AREA, BUBBLE, BUTTONS, FURTHER, PICTURE, SAMPLES, of, tap, text

from connectors.channels.line.bodies import read_postback
from connectors.channels.line.composing import KINDS, compose
from connectors.channels.line.limits import characters, units
from connectors.errors import Rejected

contract = pytest.mark.skipif(not CONTRACT.exists(), reason=f"LINE's contract is not beside the repository ({SHARED.name})")


def only(kind: str, **content: Any) -> Any:
    (built,) = compose(of(kind, **content))
    return built


def buttons(count: int, title: str = "選項") -> list[dict[str, str]]:
    return [{"id": str(number), "title": f"{title}{number}"} for number in range(count)]


@contract
class TestContract:
    @pytest.mark.parametrize("message", [*SAMPLES, *FURTHER], ids=lambda message: f"{message.kind}-{message.content.get('type', '')}")
    def test_every_body_is_taken(self, message: Any) -> None:
        messages = compose(message)
        assert faults("PushMessageRequest", {"to": YUKI, "messages": messages}) == []
        assert faults("ReplyMessageRequest", {"replyToken": "t", "messages": messages}) == []
        assert faults("ValidateMessageRequest", {"messages": messages}) == []

    @pytest.mark.parametrize("path", captured("line_send__flex"), ids=lambda path: path.stem)
    def test_flex_containers_of_others_go_through_unchanged(self, path: Any) -> None:
        contents = json.loads(path.read_text())["payload"]
        assert only("flex", altText="見本", contents=contents)["contents"] == contents

    @pytest.mark.parametrize(
        "spoilt",
        [
            {"type": "text"},
            {"type": "text", "text": "a", "body": "b"},
            {"type": "document", "originalContentUrl": PICTURE},
            {"type": "image", "originalContentUrl": PICTURE},
            {"type": "text", "text": "a", "quickReply": {"items": [{"type": "action", "action": tap()}] * 14}},
            {"type": "template", "altText": "a", "template": {"type": "buttons", "text": "a"}},
            {"type": "flex", "altText": "a", "contents": {"type": "bubble", "body": {"type": "paragraph"}}},
        ],
    )
    def test_the_contract_is_strict(self, spoilt: Any) -> None:
        assert faults("PushMessageRequest", {"to": YUKI, "messages": [spoilt]})


class TestKinds:
    def test_every_promised_kind_has_a_sample(self) -> None:
        assert {message.kind for message in SAMPLES} == KINDS

    @pytest.mark.parametrize("kind", ["document", "reaction", "contacts", "hologram"])
    def test_others_are_refused_in_words(self, kind: str) -> None:
        with pytest.raises(Rejected, match="LINE"):
            compose(of(kind, link=PICTURE))

    def test_caption_goes_along_as_a_text(self) -> None:
        assert compose(of("image", link=PICTURE, caption="新作です"))[1] == {"type": "text", "text": "新作です"}

    def test_picture_without_a_preview_is_its_own(self) -> None:
        assert only("image", link=PICTURE)["previewImageUrl"] == PICTURE

    def test_quoted_message(self) -> None:
        assert compose(text(content={"body": "はい", "quote_token": "q1"}))[0]["quoteToken"] == "q1"
        assert "quoteToken" not in only("image", link=PICTURE, quote_token="q1")

    def test_place_without_words_shows_where_it_is(self) -> None:
        built = only("location", latitude=22.2855, longitude=114.1577)
        assert (built["title"], built["address"]) == ("📍", "22.2855, 114.158")

    def test_substitution_makes_a_text_of_the_second_version(self) -> None:
        assert compose(FURTHER[1])[0]["type"] == "textV2"


class TestInteractive:
    def test_short_buttons_become_a_template(self) -> None:
        built = only("interactive", type="button", body="要嗎？", footer="好物店", buttons=buttons(2))
        assert built["template"]["type"] == "buttons" and built["template"]["text"] == "要嗎？\n\n好物店"
        assert [action["label"] for action in built["template"]["actions"]] == ["選項0", "選項1"]

    def test_header_becomes_title_or_picture(self) -> None:
        assert only("interactive", type="button", header="確認", body="要嗎？", buttons=buttons(1))["template"]["title"] == "確認"
        pictured = only("interactive", type="button", header={"type": "image", "link": PICTURE}, body="要嗎？", buttons=buttons(1))
        assert pictured["template"]["thumbnailImageUrl"] == PICTURE

    @pytest.mark.parametrize(("body", "count"), [("字" * 161, 2), ("短", 5)])
    def test_what_a_template_cannot_hold_becomes_quick_replies(self, body: str, count: int) -> None:
        built = only("interactive", type="button", header="確認", body=body, buttons=buttons(count))
        assert built["type"] == "text" and built["text"].startswith("確認\n\n" + body)
        assert len(built["quickReply"]["items"]) == count

    def test_taps_come_back_as_the_same_button(self) -> None:
        action = only("interactive", type="button", body="要嗎？", buttons=[{"id": "yes", "title": "要"}])["template"]["actions"][0]
        body = read_postback({"data": action["data"]})
        assert action["displayText"] == "要" and (body.text, body.content["type"], body.content["id"]) == ("要", "button_reply", "yes")

    def test_list_tells_descriptions_in_its_text(self) -> None:
        built = compose(FURTHER[11])[0]
        assert built["text"] == "分店\n\n選一間\n\n台北\n・信義 – 24h\n・大安\n\n營業至 22:00"
        assert [item["action"]["label"] for item in built["quickReply"]["items"]] == ["信義", "大安"]
        assert read_postback({"data": built["quickReply"]["items"][0]["action"]["data"]}).content["type"] == "list_reply"

    def test_place_is_asked_for_with_a_button(self) -> None:
        built = only("interactive", type="location_request", body="您在哪裡？", label="傳送位置")
        assert built["quickReply"]["items"][0]["action"] == {"type": "location", "label": "傳送位置"}


class TestCounting:
    @pytest.mark.parametrize(("written", "long"), [("🍎", 2), ("字", 1), ("𠮷野家", 4), ("abc", 3)])
    def test_texts_are_counted_in_utf16(self, written: str, long: int) -> None:
        assert units(written) == long

    @pytest.mark.parametrize(
        ("written", "long"), [("👨‍👩‍👧", 1), ("🇯🇵🇹🇼", 2), ("👍🏽", 1), ("が", 1), ("か\u3099", 1), ("❤️", 1), ("要", 1)]
    )
    def test_labels_are_counted_as_people_do(self, written: str, long: int) -> None:
        assert characters(written) == long

    def test_limits_are_met_exactly(self) -> None:
        assert len(compose(text("字" * 5000))[0]["text"]) == 5000
        only("template", altText="a" * 1500, template={**BUTTONS, "text": "字" * 160, "actions": [tap("字" * 20)] * 4})
        only("interactive", type="button", body="字" * 160, buttons=[{"id": "1", "title": "👨‍👩‍👧" * 20}])
        only("flex", altText="a", contents={"type": "carousel", "contents": [BUBBLE] * 12})
        assert len(compose(text(content={"body": "b", "quick_replies": buttons(13)}))[0]["quickReply"]["items"]) == 13


class TestLimits:
    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("text", {"body": "字" * 5001}),
            ("text", {"body": "🍎" * 2501}),
            ("text", {"body": "  "}),
            ("text", {}),
            ("text", {"body": "$", "emojis": [{"index": 0}] * 21}),
            ("text", {"body": "b", "quick_replies": buttons(14)}),
            ("text", {"body": "b", "quick_replies": [{"id": "1", "title": "t" * 21}]}),
            ("text", {"body": "b", "quick_replies": [{"id": "x" * 251, "title": "t"}]}),
            ("text", {"body": "b", "quick_replies": [{"action": {"type": "dance", "label": "x"}}]}),
            ("image", {"id": "77"}),
            ("image", {"link": "http://cdn.example.jp/a.jpg"}),
            ("image", {"link": "https://"}),
            ("image", {"link": "https://x.example/" + "a" * 2000}),
            ("image", {"link": PICTURE, "preview_link": "ftp://x"}),
            ("image", {"link": PICTURE, "caption": "字" * 5001}),
            ("video", {"link": PICTURE}),
            ("audio", {"link": PICTURE}),
            ("audio", {"link": PICTURE, "duration": True}),
            ("sticker", {"id": "77"}),
            ("sticker", {"package_id": "446", "sticker_id": "x"}),
            ("location", {"latitude": 91, "longitude": 1}),
            ("location", {"latitude": "north", "longitude": 1}),
            ("location", {"latitude": 1, "longitude": 1, "name": "字" * 101}),
            ("template", {"name": "order_update", "language": "ja"}),
            ("template", {"altText": "a", "template": {"type": "grid"}}),
            ("template", {"altText": "a", "template": {**BUTTONS, "text": "字" * 161}}),
            ("template", {"altText": "a", "template": {**BUTTONS, "title": "t", "text": "字" * 61}}),
            ("template", {"altText": "a", "template": {**BUTTONS, "title": "t" * 41}}),
            ("template", {"altText": "a" * 1501, "template": BUTTONS}),
            ("template", {"altText": "a", "template": {**BUTTONS, "actions": [tap()] * 5}}),
            ("template", {"altText": "a", "template": {**BUTTONS, "actions": []}}),
            ("template", {"altText": "a", "template": {**BUTTONS, "actions": [{"type": "uri", "label": "x", "uri": "javascript:1"}]}}),
            ("template", {"altText": "a", "template": {**BUTTONS, "actions": [{**tap(), "data": "d" * 301}]}}),
            ("template", {"altText": "a", "template": {"type": "confirm", "text": "t", "actions": [tap()]}}),
            ("template", {"altText": "a", "template": {"type": "confirm", "text": "字" * 241, "actions": [tap(), tap()]}}),
            ("template", {"altText": "a", "template": {"type": "carousel", "columns": []}}),
            ("template", {"altText": "a", "template": {"type": "carousel", "columns": [{"text": "t", "actions": [tap()]}] * 11}}),
            (
                "template",
                {"altText": "a", "template": {"type": "carousel", "columns": [{"text": "t", "actions": [tap()] * n} for n in (1, 2)]}},
            ),
            ("template", {"altText": "a", "template": {"type": "carousel", "columns": [{"text": "字" * 121, "actions": [tap()]}]}}),
            ("template", {"altText": "a", "template": {"type": "image_carousel", "columns": [{"imageUrl": "http://x", "action": tap()}]}}),
            ("flex", {"altText": "a", "contents": {"type": "box"}}),
            ("flex", {"contents": BUBBLE}),
            ("flex", {"altText": "a", "contents": {"type": "carousel", "contents": [BUBBLE] * 13}}),
            ("flex", {"altText": "a", "contents": {**BUBBLE, "x": "字" * 11_000}}),
            ("imagemap", {"altText": "a", "baseUrl": PICTURE, "baseSize": {"width": 500, "height": 500}, "actions": []}),
            (
                "imagemap",
                {"altText": "a", "baseUrl": PICTURE, "baseSize": {"width": 1040, "height": 5}, "actions": [{"type": "uri", "area": AREA}]},
            ),
            ("interactive", {"type": "carousel", "body": "b"}),
            ("interactive", {"type": "button", "body": "b", "buttons": []}),
            ("interactive", {"type": "button", "body": "b", "buttons": buttons(14)}),
            ("interactive", {"type": "button", "body": "b", "buttons": [{"id": "1", "title": "t" * 21}]}),
            ("interactive", {"type": "button", "body": "b", "buttons": [{"id": "1", "title": "a"}, {"id": "1", "title": "b"}]}),
            ("interactive", {"type": "button", "body": "字" * 61, "header": {"type": "image", "link": PICTURE}, "buttons": buttons(1)}),
            ("interactive", {"type": "button", "body": "b", "header": {"type": "video", "link": PICTURE}, "buttons": buttons(1)}),
            ("interactive", {"type": "list", "body": "b", "button": "x", "sections": []}),
            ("interactive", {"type": "list", "body": "b", "sections": [{"rows": buttons(14)}]}),
            ("interactive", {"type": "cta_url", "body": "b", "label": "x", "url": "tel:1"}),
            ("interactive", {"type": "cta_url", "body": "b", "label": "", "url": "https://t.example.tw/1"}),
        ],
    )  # fmt: skip
    def test_what_line_would_refuse_is_rejected_here(self, kind: str, content: dict[str, Any]) -> None:
        with pytest.raises(Rejected) as caught:
            compose(of(kind, **content))
        assert len(caught.value.title) > 10
