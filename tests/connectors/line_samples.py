"""One outgoing message of every kind that LINE is promised to take."""

from __future__ import annotations

from typing import Any

from line_bodies import YUKI

from connectors.contracts import Address, OutboundMessage

PICTURE, PREVIEW = "https://cdn.example.jp/item.jpg", "https://cdn.example.jp/item-small.jpg"
TO_YUKI = Address("line_user", YUKI)


def text(body: str = "到著時間是明天", **parts: Any) -> OutboundMessage:
    return OutboundMessage(**{"client_ref": "m17.5b0c9d31aa", "to": TO_YUKI, "kind": "text", "content": {"body": body}, **parts})


def of(kind: str, **content: Any) -> OutboundMessage:
    return text(kind=kind, content=content, client_ref=f"m18.{kind}")


def tap(label: str = "はい") -> dict[str, str]:
    return {"type": "postback", "label": label, "data": f"answer={label}", "displayText": label}


BUTTONS = {"type": "buttons", "text": "ご予約を変更しますか？", "actions": [tap("はい"), tap("いいえ")]}
BUBBLE = {"type": "bubble", "body": {"type": "box", "layout": "vertical", "contents": [{"type": "text", "text": "注文 A-1024"}]}}
AREA = {"x": 0, "y": 0, "width": 520, "height": 585}

SAMPLES = [
    text(),
    of("image", link=PICTURE, preview_link=PREVIEW, caption="新作です"),
    of("video", link="https://cdn.example.jp/teaser.mp4", preview_link=PREVIEW, tracking_id="teaser-11"),
    of("audio", link="https://cdn.example.jp/hello.m4a", duration=4_000),
    of("sticker", package_id="446", sticker_id="1988"),
    of("location", latitude=35.6655, longitude=139.7707, name="築地場外市場", address="東京都中央区築地4丁目16-2"),
    of("template", altText="ご予約の変更", template=BUTTONS),
    of("flex", alt_text="注文の控え", contents=BUBBLE),
    of(
        "imagemap",
        altText="秋のメニュー",
        baseUrl="https://cdn.example.jp/map",
        baseSize={"width": 1040, "height": 585},
        actions=[
            {"type": "uri", "linkUri": "https://shop.example.jp/autumn", "area": AREA},
            {"type": "message", "text": "メニュー", "area": AREA},
        ],
    ),
    of("interactive", type="button", body="要嗎？", buttons=[{"id": "yes", "title": "要"}, {"id": "no", "title": "不要"}]),
]
FURTHER = [
    text(content={"body": "$ こんにちは", "emojis": [{"index": 0, "productId": "5ac1bfd5040ab15980c9b435", "emojiId": "001"}]}),
    text(content={"body": "{who}さん", "substitution": {"who": {"type": "mention", "mentionee": {"type": "user", "userId": YUKI}}}}),
    text(
        content={
            "body": "選一個",
            "quote_token": "q1",
            "quick_replies": [{"id": "a", "title": "甲"}, {"action": {"type": "cameraRoll", "label": "照片"}}],
        }
    ),
    of("image", link=PICTURE),
    of("template", template={"type": "confirm", "text": "よろしいですか？", "actions": [tap("はい"), tap("いいえ")]}),
    of(
        "template",
        altText="新着",
        template={
            "type": "carousel",
            "columns": [{"title": "茶", "thumbnailImageUrl": PICTURE, "text": "静岡の新茶", "actions": [tap("買う")]}] * 10,
        },
    ),
    of("template", altText="新着", template={"type": "image_carousel", "columns": [{"imageUrl": PICTURE, "action": tap("見る")}]}),
    of("flex", altText="二つ", contents={"type": "carousel", "contents": [BUBBLE, BUBBLE]}),
    of("interactive", type="button", header="ご確認", body="よろしいですか？", buttons=[{"id": "yes", "title": "はい"}]),
    of(
        "interactive",
        type="button",
        header={"type": "image", "link": PICTURE},
        body="這款？",
        footer="好物店",
        buttons=[{"id": "y", "title": "要"}],
    ),
    of("interactive", type="button", body="長い文です。" * 50, buttons=[{"id": str(n), "title": f"{n} 番"} for n in range(13)]),
    of(
        "interactive",
        type="list",
        header="分店",
        body="選一間",
        button="看",
        footer="營業至 22:00",
        sections=[{"title": "台北", "rows": [{"id": "xy", "title": "信義", "description": "24h"}, {"id": "da", "title": "大安"}]}],
    ),
    of("interactive", type="location_request", body="您在哪裡？"),
    of("interactive", type="cta_url", body="追蹤包裹", label="追蹤", url="https://t.example.tw/1"),
    of("interactive", type="cta_url", body="字" * 200, label="追蹤", url="https://t.example.tw/1"),
]
