"""Bodies as LINE's webhook reference describes them, written for these tests: one event of each type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SHARED = Path(__file__).resolve().parents[3] / "shared"


def captured(prefix: str) -> list[Path]:
    """Captured payloads of other projects, when they lie beside the repository."""
    folder = SHARED / "payloads"
    return sorted(folder.glob(f"{prefix}*.json")) if folder.is_dir() else []


BOT = "U" + "b0" * 16
YUKI = "U" + "4a" * 16
ICHING = "U" + "7c" * 16
GROUP = "C" + "56" * 16
ROOM = "R" + "a8" * 16
TOKEN = "0f3779fba3b349968c5d07db31eab56f"
SENT_MS = 1_795_665_600_123  # 2026-11-26 04:00:00.123 UTC
_ULID = "01KAYR7M3H8Z6W2Q4N5T9V{:04d}"


def event(kind: str, number: int = 1, *, user: str = YUKI, **parts: Any) -> dict[str, Any]:
    """An event of a person; parts are added or, when None, left out."""
    given = {
        "type": kind,
        "mode": "active",
        "timestamp": SENT_MS + number,
        "source": {"type": "user", "userId": user},
        "webhookEventId": _ULID.format(number),
        "deliveryContext": {"isRedelivery": False},
        **parts,
    }
    return {name: value for name, value in given.items() if value is not None}


def message(kind: str = "text", number: int = 1, **parts: Any) -> dict[str, Any]:
    """A message event; parts belong to the message."""
    given = {"id": str(4_683_000_000 + number), "type": kind, "quoteToken": f"q{number}-yHAz4Ua2wx7", **parts}
    if kind == "text":
        given.setdefault("text", "荷物はいつ届きますか？")
    return event("message", number, replyToken=TOKEN, message=given)


def envelope(*events: Any) -> dict[str, Any]:
    return {"destination": BOT, "events": list(events)}


def raw(*events: Any) -> bytes:
    return json.dumps(envelope(*events), ensure_ascii=False).encode()


HELD = {"contentProvider": {"type": "line"}}
MEMBERS = {"members": [{"type": "user", "userId": YUKI}, {"type": "user", "userId": ICHING}]}

MESSAGES = [
    message("text", 1, emojis=[{"index": 0, "length": 6, "productId": "5ac1bfd5040ab15980c9b435", "emojiId": "001"}], text="(heart) 你好"),
    message(
        "text",
        2,
        text="@小美 看這個",
        mention={"mentionees": [{"index": 0, "length": 3, "type": "user", "userId": ICHING, "isSelf": False}]},
        quotedMessageId="4682999999",
        markAsReadToken="mark-2",
    ),
    message(
        "image", 3, **HELD, imageSet={"id": "E005D41A7288F41B65593ED38FF6E9834B046AB36A37921A56BC236F13A91855", "index": 1, "total": 2}
    ),
    message("video", 4, duration=15_000, **HELD),
    message("audio", 5, duration=3_200, quoteToken=None, **HELD),
    message("file", 6, fileName="請求書.pdf", fileSize=21_483),
    message("location", 7, title="築地場外市場", address="東京都中央区築地4丁目16-2", latitude=35.6655, longitude=139.7707),
    message(
        "sticker", 8, packageId="446", stickerId="1988", stickerResourceType="MESSAGE", keywords=["ありがとう", "お辞儀"], text="謝謝你"
    ),
    message(
        "image",
        9,
        contentProvider={
            "type": "external",
            "originalContentUrl": "https://cdn.example.tw/a.jpg",
            "previewImageUrl": "https://cdn.example.tw/p.jpg",
        },
    ),
    message("hologram", 10, depth=3),
]
OTHERS = [
    event(
        "messageEdited", 20, replyToken=TOKEN, message={"id": "4683000001", "type": "text", "text": "明後日でもいいです", "quoteToken": "q"}
    ),
    event("unsend", 21, unsend={"messageId": "4683000001"}),
    event("follow", 22, replyToken=TOKEN, follow={"isUnblocked": True}),
    event("unfollow", 23),
    event("join", 24, replyToken=TOKEN, source={"type": "group", "groupId": GROUP}),
    event("leave", 25, source={"type": "group", "groupId": GROUP}),
    event("memberJoined", 26, replyToken=TOKEN, source={"type": "group", "groupId": GROUP}, joined=MEMBERS),
    event("memberLeft", 27, source={"type": "room", "roomId": ROOM}, left=MEMBERS),
    event("postback", 28, replyToken=TOKEN, postback={"data": "action=book", "params": {"datetime": "2026-12-01T15:30"}}),
    event("postback", 29, postback={"data": "menu=2", "params": {"newRichMenuAliasId": "menu-2", "status": "SUCCESS"}}),
    event("videoPlayComplete", 30, replyToken=TOKEN, videoPlayComplete={"trackingId": "teaser-11"}),
    event("beacon", 31, replyToken=TOKEN, beacon={"hwid": "d41d8cd98f", "type": "enter", "dm": "1234567890abcdef"}),
    event("accountLink", 32, replyToken=TOKEN, link={"result": "ok", "nonce": "Y2xpZW50LTgx"}),
    event("membership", 33, replyToken=TOKEN, membership={"type": "joined", "membershipId": 3189}),
    event("module", 34, source=None, module={"type": "attached", "botId": BOT, "scopes": ["message:send"]}),
    event("activated", 35, chatControl={"expireAt": SENT_MS + 3_600_000}),
    event("deactivated", 36),
    event("botSuspended", 37, source=None),
    event("botResumed", 38, source=None),
    event(
        "delivery", 39, source=None, delivery={"data": "15034552939884E28681A7D668CEA94C147C716C0EC9DFE8B80B44EF3B57F6BD0602366BC3menu01"}
    ),
    event("telepathy", 40, telepathy={"thought": "?"}),
]
RAW = [raw(one) for one in [*MESSAGES, *OTHERS]] + [raw(*MESSAGES, *OTHERS), raw()]
