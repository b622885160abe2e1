"""What a LINE message says: one reader for each type, giving kind, readable text, content and media.

Content keys are LINE's in snake case. LINE's `file` is our `document`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.contracts import MediaRef
from connectors.untrusted import Json, NotJson, as_object, as_text, loads

_ENVELOPE = frozenset({"id", "type", "text", "quoteToken", "markAsReadToken", "quotedMessageId"})


@dataclass(frozen=True, slots=True)
class Body:
    """The readable part of a message; the names are those of `InboundMessage`."""

    kind: str
    text: str = ""
    content: Json = field(default_factory=dict)
    media: tuple[MediaRef, ...] = ()


def snake(name: str) -> str:
    """`videoPlayComplete` as `video_play_complete`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def read_body(message: Json) -> Body:
    """The body of a message; a type that is not known here is kept whole as `unsupported`."""
    stated = as_text(message.get("type"))
    read = _READERS.get(stated)
    return read(message, stated) if read else Body("unsupported", as_text(message.get("text")), {**_rest(message), "platform_type": stated})


def _rest(message: Json) -> Json:
    return {snake(key): value for key, value in message.items() if key not in _ENVELOPE}


def _text(message: Json, kind: str) -> Body:
    return Body(kind, as_text(message.get("text")), _rest(message))


def _file(message: Json, kind: str) -> Body:
    """LINE keeps the file under the message's id, unless a third party provides it: then there is only an address, which is shown."""
    provider = as_object(message.get("contentProvider"))
    content = {**_rest(message), **{snake(key): value for key, value in provider.items() if key != "type"}}
    content.pop("content_provider", None)
    if as_text(provider.get("type")) == "external":
        return Body(kind, as_text(provider.get("originalContentUrl")), {**content, "external": True})
    filename, size = as_text(message.get("fileName")), message.get("fileSize")
    ref = MediaRef(
        external_id=as_text(message.get("id")),
        kind=kind,
        filename=filename,
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
    )
    return Body(kind, filename, content, (ref,) if ref.external_id else ())


def _document(message: Json, _: str) -> Body:
    return _file(message, "document")


def _location(message: Json, kind: str) -> Body:
    name, address = as_text(message.get("title")), as_text(message.get("address"))
    content = {**_rest(message), "name": name, "address": address}
    content.pop("title", None)
    degrees = ", ".join(filter(None, [as_text(message.get("latitude")), as_text(message.get("longitude"))]))
    return Body(kind, ", ".join(filter(None, [name, address])) or degrees, content)


def _sticker(message: Json, kind: str) -> Body:
    """`package_id`, `sticker_id`, `sticker_resource_type`, `keywords`; the text is what the person wrote into the sticker."""
    return Body(kind, as_text(message.get("text")), _rest(message))


_READERS: dict[str, Callable[[Json, str], Body]] = {
    "text": _text,
    "image": _file,
    "video": _file,
    "audio": _file,
    "file": _document,
    "location": _location,
    "sticker": _sticker,
}


def button_data(kind: str, button_id: str, title: str) -> str:
    """The data of a button of ours, at most 300 characters: `read_postback` finds id and title in it again."""
    packed = json.dumps({"type": kind, "id": button_id, "title": title}, ensure_ascii=False, separators=(",", ":"))
    return packed if len(packed) <= 300 else json.dumps({"type": kind, "id": button_id}, ensure_ascii=False, separators=(",", ":"))


def read_postback(postback: Json) -> Body:
    """A tapped button. One of ours reads as on other platforms: {"type": "button_reply" | "list_reply", "id", "title"}.

    Any other keeps its `data`, which is also its text, with what a date picker chose in `params`.
    """
    data, params = as_text(postback.get("data")), as_object(postback.get("params"))
    ours = _ours(data)
    if ours:
        return Body("interactive", as_text(ours.get("title")) or as_text(ours["id"]), {**ours, "data": data})
    content: Json = {"type": "postback", "id": data, "data": data, **({"params": params} if params else {})}
    chosen = next((as_text(params[key]) for key in ("datetime", "date", "time") if as_text(params.get(key))), "")
    return Body("interactive", " ".join(filter(None, [data, chosen])), content)


def _ours(data: str) -> Json:
    if not data.startswith('{"type":"'):
        return {}
    try:
        found = as_object(loads(data.encode("utf-8", "replace")))
    except NotJson:
        return {}
    return found if as_text(found.get("type")) in {"button_reply", "list_reply"} and as_text(found.get("id")) else {}
