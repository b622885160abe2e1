"""What a block of history holds: {"messages": {"<id>": [text, content]}} as JSON, gzipped. Pure."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

Said = tuple[str, Any]

LEVEL = 6
# What stays in the row as well: small, and asked for in SQL.
KEPT = frozenset({"original_id", "message_id", "quote_token"})


class Damaged(ValueError):
    """A block that is not what was written."""


def kept(content: Any) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name in KEPT} if isinstance(content, dict) else {}


def size_of(said: Said) -> int:
    """Bytes that the row's two columns take."""
    return len(said[0].encode()) + len(_json(said[1]))


def pack(said: Mapping[int, Said]) -> bytes:
    """The same bytes for the same messages, whenever it is done."""
    return gzip.compress(_json({"messages": {str(pk): list(said[pk]) for pk in sorted(said)}}), LEVEL, mtime=0)


def unpack(body: bytes, *, sha256: str = "") -> dict[int, Said]:
    """`sha256`: refuses what does not have this digest."""
    if sha256 and digest(body) != sha256:
        raise Damaged("the digest differs")
    try:
        messages = json.loads(gzip.decompress(body))["messages"]
        return {int(pk): (str(text), content) for pk, (text, content) in messages.items()}
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _json(value: Any) -> bytes:
    # Half a surrogate pair is no UTF-8; nothing like it comes from a database, and a block must not fail over it.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
