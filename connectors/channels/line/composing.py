"""From an `OutboundMessage` to LINE's message objects, checked against its limits before anything leaves.

    text      {"body", "emojis"?: [{"index", "productId", "emojiId"}], "substitution"?: {...}}     with substitution: text message v2
    image     {"link", "preview_link"?, "caption"?}
    video     {"link", "preview_link", "caption"?, "tracking_id"?}                                 the preview is a picture
    audio     {"link", "duration": milliseconds}
    sticker   {"package_id", "sticker_id"}
    location  {"latitude", "longitude", "name"?, "address"?}
    template, flex, imagemap: see `rich`; interactive: see `choices`
Any of them: "quick_replies"?: up to 13 {"id", "title"} or LINE's own items. Text and sticker: "quote_token"? of the message answered.

Files are public HTTPS addresses: LINE takes no upload, and no documents at all. LINE shows no captions: one goes along as a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from connectors.channels.line import rich
from connectors.channels.line.choices import TEXT_LIMIT, interactive, quick_replies
from connectors.channels.line.limits import public_link, within
from connectors.contracts import Address, OutboundMessage
from connectors.errors import Rejected
from connectors.untrusted import Json, as_list, as_object, as_text, clean

MAX_EMOJIS = 20
MAX_SUBSTITUTIONS = 100
PLACE_LIMIT = 100


def compose(message: OutboundMessage) -> list[Json]:
    """The message objects of one call, one or two. Raises `Rejected`, naming what to change, when LINE would refuse them."""
    build = _BUILDERS.get(message.kind)
    if build is None:
        raise Rejected(_REFUSALS.get(message.kind, f"LINE cannot send a message of kind {message.kind!r}"))
    content = as_object(clean(message.content))
    built = build(content)
    if content.get("quote_token") and message.kind in {"text", "sticker"}:
        built[0]["quoteToken"] = as_text(content["quote_token"])
    if content.get("quick_replies"):
        if "quickReply" in built[-1]:
            raise Rejected("The message has its own buttons as quick replies; leave the further ones out")
        built[-1]["quickReply"] = quick_replies(content["quick_replies"])
    return built


def recipient(to: Address) -> str:
    """The user id to push to. Raises `Rejected` for an address that is none of LINE's."""
    if to.kind != "line_user" or not re.fullmatch(r"\w{1,100}", to.value, re.ASCII):
        raise Rejected("LINE reaches people by their LINE user id alone; this person has none here", remedy="mark_address")
    return to.value


def _text(content: Json) -> list[Json]:
    text = within(content.get("body"), TEXT_LIMIT, "The text")
    if as_object(content.get("substitution")):
        if len(content["substitution"]) > MAX_SUBSTITUTIONS:
            raise Rejected(f"The text has {len(content['substitution'])} places to fill in; LINE takes {MAX_SUBSTITUTIONS}")
        return [{"type": "textV2", "text": text, "substitution": content["substitution"]}]
    emojis = as_list(content.get("emojis"))
    if len(emojis) > MAX_EMOJIS:
        raise Rejected(f"The text has {len(emojis)} LINE emoji; LINE takes {MAX_EMOJIS}")
    return [{"type": "text", "text": text, **({"emojis": emojis} if emojis else {})}]


def _image(content: Json) -> list[Json]:
    link = _file(content, "The picture")
    preview = public_link(content["preview_link"], "The preview") if content.get("preview_link") else link
    return [{"type": "image", "originalContentUrl": link, "previewImageUrl": preview}, *_caption(content)]


def _video(content: Json) -> list[Json]:
    video: Json = {"type": "video", "originalContentUrl": _file(content, "The video")}
    if not content.get("preview_link"):
        raise Rejected("LINE shows a picture before a video plays; give its address as preview_link", remedy="fix_media")
    video["previewImageUrl"] = public_link(content["preview_link"], "The preview")
    if content.get("tracking_id"):
        video["trackingId"] = within(content["tracking_id"], 100, "The tracking id")
    return [video, *_caption(content)]


def _audio(content: Json) -> list[Json]:
    duration = content.get("duration")
    if not isinstance(duration, int) or isinstance(duration, bool) or duration < 1:
        raise Rejected("LINE shows how long a sound lasts; give its duration in milliseconds", remedy="fix_media")
    return [{"type": "audio", "originalContentUrl": _file(content, "The sound"), "duration": duration}, *_caption(content)]


def _file(content: Json, what: str) -> str:
    return public_link(content.get("link"), what)


def _caption(content: Json) -> list[Json]:
    caption = content.get("caption")
    return [{"type": "text", "text": within(caption, TEXT_LIMIT, "The caption")}] if caption else []


def _sticker(content: Json) -> list[Json]:
    ids = [as_text(content.get(name)) for name in ("package_id", "sticker_id")]
    if not all(re.fullmatch("[0-9]{1,20}", each) for each in ids):
        raise Rejected("LINE sends its own stickers only; give package_id and sticker_id, which are digits", remedy="fix_media")
    return [{"type": "sticker", "packageId": ids[0], "stickerId": ids[1]}]


def _location(content: Json) -> list[Json]:
    latitude, longitude = _degrees(content, "latitude", 90), _degrees(content, "longitude", 180)
    name, address = as_text(content.get("name")), as_text(content.get("address"))
    return [
        {
            "type": "location",
            "title": within(name or address or "📍", PLACE_LIMIT, "The place's name"),
            "address": within(address or name or f"{latitude:g}, {longitude:g}", PLACE_LIMIT, "The place's address"),
            "latitude": latitude,
            "longitude": longitude,
        }
    ]


def _degrees(content: Json, key: str, bound: float) -> float:
    try:
        value = float(as_text(content.get(key)))
    except ValueError:
        raise Rejected(f"The {key} is not a number") from None
    if not -bound <= value <= bound:
        raise Rejected(f"The {key} lies beyond {bound:g} degrees")
    return value


def _alone(build: Callable[[Json], Json]) -> Callable[[Json], list[Json]]:
    return lambda content: [build(content)]


_BUILDERS: dict[str, Callable[[Json], list[Json]]] = {
    "text": _text,
    "image": _image,
    "video": _video,
    "audio": _audio,
    "sticker": _sticker,
    "location": _location,
    "template": _alone(rich.template),
    "flex": _alone(rich.flex),
    "imagemap": _alone(rich.imagemap),
    "interactive": _alone(interactive),
}
KINDS = frozenset(_BUILDERS)

_REFUSALS = {
    "document": "LINE sends no documents; put the file on the web and send its address as a text",
    "reaction": "LINE offers no reactions to accounts; answer with a text or a sticker",
    "contacts": "LINE sends no contact cards; write the details as a text",
}
