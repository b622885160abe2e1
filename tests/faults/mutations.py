"""Webhook bodies as strangers might send them: correctly signed, and wrong in every way that we could think of.

The base is a set of bodies written here, and the public collection beside the repository where there is one. The same seed gives
the same bodies.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

COLLECTION = Path(__file__).resolve().parents[3] / "shared" / "payloads"
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**30, -(10**19), 2**63, 1.5, -0.0, "", " ", "\x00", "a\x00b", "\ud800", "x\udfffy", "﷽" * 50, "🙂" * 300,
    "A" * 70_000,
    "../../etc/passwd", "<script>alert(1)</script>", "'; DROP TABLE x; --", "{{7*7}}", "%s%n", "9" * 400, "NaN", "\u202e訂單",
    [], {}, [[]], [None],
    {"": ""}, {"\x00": 1}, ["a"] * 500, {"id": {"id": {"id": 1}}},
)  # fmt: skip
STAMPS = (
    "0",
    "-1",
    "1",
    "253402300799",
    "99999999999999999999",
    "1795000000000",
    "1e400",
    "now",
    "2026-11-18T12:00:00Z",
    "",
    " 1795000000 ",
    "１７９５０００００００",
)
LITERALS = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e400",
    b"-1e400",
    b"1" * 5000,
    b'"\\ud83d"',
    b'"\\u0000"',
    b"1E-400",
    b"0x10",
    b"undefined",
)


def bases(phone_number_id: str, *, limit: int = 200) -> list[dict[str, Any]]:
    """Parsed bodies that are right, addressed to our number."""
    found = [_body(phone_number_id, **value) for value in _values()]
    found += [addressed(body, phone_number_id) for body in collected()[:limit]]
    return [body for body in found if isinstance(body, dict)]


def collected() -> list[Any]:
    """The public WhatsApp webhook bodies; none where the collection is not there."""
    return [json.loads(file.read_bytes())["payload"] for file in sorted(COLLECTION.glob("wa_webhook__*.json"))]


def addressed(body: Any, phone_number_id: str) -> Any:
    """A copy in which every stated receiving number is ours."""
    body = copy.deepcopy(body)
    for owner, key, _ in _places(body):
        if key == "phone_number_id" and isinstance(owner, dict):
            owner[key] = phone_number_id
    return body


def _values() -> Iterator[dict[str, Any]]:
    person = {"from": "85291234567", "timestamp": "1795000000"}
    kinds: dict[str, Any] = {
        "text": {"body": "想問下張單幾時出貨"},
        "image": {"id": "1013859600285441", "mime_type": "image/jpeg", "sha256": "x", "caption": "這個還有嗎"},
        "location": {"latitude": 22.28, "longitude": 114.15, "name": "銅鑼灣"},
        "contacts": [{"name": {"formatted_name": "林怡君"}, "phones": [{"phone": "+886 912 345 678", "wa_id": "886912345678"}]}],
        "reaction": {"message_id": "wamid.A", "emoji": "👍"},
        "interactive": {"type": "button_reply", "button_reply": {"id": "yes", "title": "はい"}},
        "button": {"text": "了解", "payload": "ok"},
        "order": {"catalog_id": "1", "product_items": [{"product_retailer_id": "A1", "quantity": 2, "item_price": 30, "currency": "HKD"}]},
        "system": {"body": "changed", "wa_id": "85290000000", "type": "user_changed_number"},
        "unsupported": {"type": "edit"},
        "sticker": {"id": "9", "mime_type": "image/webp"},
        "audio": {"id": "8", "mime_type": "audio/ogg", "voice": True},
    }
    for kind, content in kinds.items():
        yield {
            "contacts": [{"profile": {"name": "陳大文"}, "wa_id": "85291234567"}],
            "messages": [{**person, "id": f"wamid.M{kind}", "type": kind, kind: content}],
        }
    for word in ("sent", "delivered", "read", "failed", "deleted", "played"):
        status = {
            "id": "wamid.S",
            "status": word,
            "timestamp": "1795000001",
            "recipient_id": "85291234567",
            "biz_opaque_callback_data": "m1.0123456789",
        }
        yield {"statuses": [status | ({"errors": [{"code": 131026, "title": "Undeliverable"}]} if word == "failed" else {})]}
    yield {"errors": [{"code": 130429, "title": "Rate limit hit"}]}
    yield {"messages": [{**person, "id": f"wamid.B{n}", "type": "text", "text": {"body": f"{n}"}} for n in range(12)]}


def _body(phone_number_id: str, **value: Any) -> dict[str, Any]:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "85268102244", "phone_number_id": phone_number_id},
        **value,
    }
    return {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}]}


def _places(value: Any) -> list[tuple[Any, Any, Any]]:
    """Every (owner, key, value) of a document."""
    found: list[tuple[Any, Any, Any]] = []
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    for key, item in pairs:
        found.append((value, key, item))
        found += _places(item)
    return found


def _encode(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=True).encode()


def _strange_value(document: Any, draw: random.Random) -> bytes:
    owner, key, _ = draw.choice(_places(document))
    owner[key] = copy.deepcopy(draw.choice(STRANGE))
    return _encode(document)


def _strange_stamp(document: Any, draw: random.Random) -> bytes:
    stamps = [(owner, key) for owner, key, _ in _places(document) if key == "timestamp"]
    for owner, key in stamps:
        owner[key] = draw.choice([*STAMPS, 0, -1, 1.5, 10**18, None])
    return _encode(document)


def _removed(document: Any, draw: random.Random) -> bytes:
    owner, key, _ = draw.choice(_places(document))
    del owner[key]
    return _encode(document)


def _wrapped(document: Any, draw: random.Random) -> bytes:
    owner, key, item = draw.choice(_places(document))
    owner[key] = draw.choice([[item], {"value": item}, json.dumps(item), [item] * 3, {str(key): item}])
    return _encode(document)


def _moved(document: Any, draw: random.Random) -> bytes:
    owner, key, _ = draw.choice(_places(document))
    _, _, other = draw.choice(_places(document))
    owner[key] = copy.deepcopy(other)
    return _encode(document)


def _nested(document: Any, draw: random.Random) -> bytes:
    owner, key, _ = draw.choice(_places(document))
    owner[key] = "@deep@"
    depth = draw.choice([40, 200, 5_000, 60_000])
    opening, closing = draw.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return _encode(document).replace(b'"@deep@"', opening * depth + b"1" + closing * depth)


def _literal(document: Any, draw: random.Random) -> bytes:
    owner, key, _ = draw.choice(_places(document))
    owner[key] = "@literal@"
    return _encode(document).replace(b'"@literal@"', draw.choice(LITERALS))


def _flipped(document: Any, draw: random.Random) -> bytes:
    body = bytearray(_encode(document))
    for _ in range(draw.randint(1, 8)):
        body[draw.randrange(len(body))] ^= 1 << draw.randrange(8)
    return bytes(body)


def _cut(document: Any, draw: random.Random) -> bytes:
    body = _encode(document)
    start = draw.choice([0, 0, draw.randrange(len(body))])
    return body[start : draw.randrange(start, len(body) + 1)]


def _other_bytes(document: Any, draw: random.Random) -> bytes:
    body = _encode(document)
    made = [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"0",
        b'""',
        b"x",
        b"\x78\x9c" + draw.randbytes(60),
        draw.randbytes(draw.randint(1, 400)),
        b"[" + body + b"]",
        body * 2,
    ]
    made += [
        b"\xef\xbb\xbf" + body,
        json.dumps(document, ensure_ascii=False).encode("utf-16", "surrogatepass"),
        body.replace(b"8", b"\xff", 1),
        b"<html></html>",
    ]
    return draw.choice(made)


def _doubled_key(document: Any, draw: random.Random) -> bytes:
    body = _encode(document)
    at = draw.choice([index for index, byte in enumerate(body) if byte == ord("{")])
    return body[: at + 1] + b'"id":"wamid.twice","entry":[],' + body[at + 1 :]


WAYS: tuple[Callable[[Any, random.Random], bytes], ...] = (
    _strange_value, _strange_value, _strange_value, _strange_stamp, _removed, _wrapped, _moved, _nested, _literal,
    _flipped, _flipped, _cut, _other_bytes, _doubled_key,
)  # fmt: skip


def mutated(documents: Sequence[dict[str, Any]], count: int, *, seed: int) -> Iterator[bytes]:
    """`count` bodies; a third of them are wrong in two ways."""
    draw = random.Random(seed)
    for _ in range(count):
        document = copy.deepcopy(draw.choice(documents))
        if draw.random() < 0.33:
            places = _places(document)
            owner, key, _ = draw.choice(places)
            owner[key] = copy.deepcopy(draw.choice(STRANGE))
        if not _places(document):
            document = {"object": "whatsapp_business_account"}
        yield draw.choice(WAYS)(document, draw)
