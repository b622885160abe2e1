"""From a webhook body to our types: nothing is left out, nothing raises, a bad item does not harm its neighbours.

Keys: `msg:<wamid>`, `edit:<wamid>:<time>`, `revoke:<wamid>:<time>`, `status:<wamid>:<status>[:<participant>]`, and for everything
that carries no id of its own the SHA-256 of its content with its time. A key longer than 200 characters is hashed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connectors.channels.whatsapp.bodies import Body, read_body
from connectors.channels.whatsapp.envelope import Origin, Part, walk
from connectors.channels.whatsapp.facts import facts_of_notice
from connectors.channels.whatsapp.people import addresses, person, with_shared_number
from connectors.channels.whatsapp.standing import standing_of
from connectors.contracts import (
    UNKNOWN_TIME,
    Address,
    DeliveryStatus,
    InboundItem,
    InboundMessage,
    Notice,
    PlatformError,
    StatusUpdate,
    Unreadable,
)
from connectors.timestamps import moment, moment_or_unknown
from connectors.untrusted import Json, NotJson, as_code, as_list, as_object, as_text, clean, fingerprint, loads

MAX_KEY = 200

_STATUSES: dict[str, DeliveryStatus] = {"sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}
_MARKS = ("forwarded", "frequently_forwarded", "referred_product")


class _Unclear(Exception):
    """The item lacks what it cannot be kept without; the message is the reason shown to people."""


def parse_body(body: bytes, portfolio: str) -> list[InboundItem]:
    """Every item of a body, at least one. Never raises."""
    try:
        payload = loads(body)
    except NotJson as error:
        return [Unreadable(f"unreadable:{hashlib.sha256(body).hexdigest()}", "", str(error), _excerpt(body))]
    cleaned: dict[int, Origin] = {}  # the parts of one change share their origin
    parts = list(walk(payload))
    for part in parts:
        if id(part.origin) not in cleaned:
            cleaned[id(part.origin)] = _cleaned(part.origin)
    return [read_part(part, cleaned[id(part.origin)], portfolio) for part in parts]


def count_items(body: bytes) -> int:
    """How many items `parse_body` will give."""
    try:
        return sum(1 for _ in walk(loads(body)))
    except NotJson:
        return 1


def read_part(part: Part, origin: Origin, portfolio: str) -> InboundItem:
    """The item that a part holds; `Unreadable` with the reason when it cannot be understood."""
    item = clean(part.item)
    try:
        if part.kind == "unreadable":
            raise _Unclear(part.label)
        return _READERS[part.kind](Part(part.kind, item, origin, part.label, clean(part.thread)), portfolio)
    except _Unclear as reason:
        return _unreadable(item, origin, str(reason))
    except Exception as error:  # whatever a stranger thought of: the item is parked, its neighbours go on
        return _unreadable(item, origin, f"the {part.label or part.kind} has an unexpected form ({type(error).__name__})")


def _cleaned(origin: Origin) -> Origin:
    """The origin with clean contacts and an index of them: a body may hold a thousand messages of a thousand people."""
    contacts = tuple(clean(card) for card in origin.contacts)
    cards: dict[str, Json] = {}
    for card in contacts:
        for name in ("wa_id", "user_id"):
            cards.setdefault(as_text(card.get(name)), card)
    return replace(origin, contacts=contacts, time=clean(origin.time), cards=cards)


def _unreadable(item: Any, origin: Origin, reason: str) -> Unreadable:
    return Unreadable(f"unreadable:{fingerprint([origin.account_id, reason, item])}", origin.account_id, reason, item)


def _excerpt(body: bytes) -> str:
    text = clean(body[:2000].decode("utf-8", "replace"))
    return text if isinstance(text, str) else ""


def _bounded(key: str) -> str:
    """A key as it is, or its kind and hash when it would not fit the column."""
    return key if len(key) <= MAX_KEY else f"{key.split(':', 1)[0]}:sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _whole(part: Part) -> Json:
    if not isinstance(part.item, dict):
        raise _Unclear(f"the {part.label} is not an object")
    return part.item


# --- messages -------------------------------------------------------------------------------------------------------


def _message(part: Part, portfolio: str) -> InboundMessage:
    message = _whole(part)
    return _built(part, portfolio, message, echo=_written_by_us(part.origin, message))


def _echo(part: Part, portfolio: str) -> InboundMessage:
    return _built(part, portfolio, _whole(part), echo=True)


def _history_message(part: Part, portfolio: str) -> InboundMessage:
    message = _whole(part)
    ours = not part.origin.display_number or _digits(message.get("from")) == part.origin.display_number
    context = as_object(part.thread.get("context"))
    partner = {
        "to": as_text(context.get("wa_id")) or as_text(part.thread.get("id")),
        "to_user_id": as_text(context.get("user_id")),
    }
    theirs = as_text(message.get("from")) == partner["to"]
    return _built(part, portfolio, {**partner, **message}, echo=ours and not theirs, history=True)


def _built(part: Part, portfolio: str, message: Json, *, echo: bool, history: bool = False) -> InboundMessage:
    body = read_body(message)
    external_id = as_text(message.get("id"))
    if not external_id and body.kind != "system":
        raise _Unclear("the message has no id")
    sender, name = _sender(portfolio, part.origin, message, echo)
    if body.kind == "system":
        body, sender = _change_of_address(portfolio, body, sender)
    elif not sender:
        raise _Unclear("the message names nobody as its sender")
    elif body.kind == "contacts" and not echo:
        sender = with_shared_number(sender, message)
    sent_at = moment_or_unknown(message.get("timestamp"))
    context = as_object(message.get("context"))
    return InboundMessage(
        key=_message_key(external_id, body.kind, message),
        account_id=part.origin.account_id,
        external_id=external_id,
        sender=sender,
        kind=body.kind,
        sent_at=sent_at,
        text=body.text,
        profile_name=name,
        content=_content(part, body, message, context, suspect=sent_at == UNKNOWN_TIME, history=history),
        media=body.media,
        reply_to=as_text(context.get("id")) or as_text(context.get("message_id")),
        referral=as_object(message.get("referral")),
        errors=_errors(message),
        echo=echo,
        raw=as_object(part.item),
    )


def _message_key(external_id: str, kind: str, message: Json) -> str:
    if not external_id:
        return f"msg:sha256:{fingerprint(message)}"
    if kind in {"edit", "revoke"}:  # may carry the id of the message that they change
        return _bounded(f"{kind}:{external_id}:{as_text(message.get('timestamp'))}")
    return _bounded(f"msg:{external_id}")


def _sender(portfolio: str, origin: Origin, message: Json, echo: bool) -> tuple[tuple[Address, ...], str]:
    """The person of the chat: the writer, or for an echo the one we wrote to."""
    if echo and not _written_to_us(origin, message):
        return person(
            portfolio, origin, _wa_id(message, "to"), as_text(message.get("to_user_id")), as_text(message.get("to_parent_user_id"))
        )
    return person(
        portfolio, origin, _wa_id(message, "from"), as_text(message.get("from_user_id")), as_text(message.get("from_parent_user_id"))
    )


def _written_to_us(origin: Origin, message: Json) -> bool:
    return bool(origin.display_number) and _digits(message.get("to")) == origin.display_number


def _written_by_us(origin: Origin, message: Json) -> bool:
    """True for our own number as writer to somebody, unless a contact card says that it is the person's."""
    writer = as_text(message.get("from"))
    return (
        bool(origin.display_number)
        and bool(as_text(message.get("to")) or as_text(message.get("to_user_id")))
        and _digits(writer) == origin.display_number
        and all(as_text(card.get("wa_id")) != writer for card in origin.contacts)
    )


def _wa_id(message: Json, key: str) -> str:
    return as_text(message.get(key)).strip()


def _digits(value: Any) -> str:
    return "".join(filter(str.isdigit, as_text(value)))


def _content(part: Part, body: Body, message: Json, context: Json, *, suspect: bool, history: bool) -> Json:
    content = dict(body.content)
    content.update({mark: context[mark] for mark in _MARKS if context.get(mark)})
    if body.kind == "contacts" and message.get("origin"):
        content["origin"] = as_text(message["origin"])
    if message.get("group_id"):
        content["group_id"] = as_text(message["group_id"])
    if context.get("from"):
        content["reply_to_sender"] = as_text(context["from"])
    if suspect:
        content["clock_suspect"] = True
    if history:
        content.update(history=True, history_status=as_text(as_object(message.get("history_context")).get("status")).lower())
    if part.origin.field_name == "standby":
        content["standby"] = True
    return content


def _change_of_address(portfolio: str, body: Body, sender: tuple[Address, ...]) -> tuple[Body, tuple[Address, ...]]:
    """A changed number or user id: content {"type", "old": [address...], "new": [address...]}, and the old address as sender."""
    given = body.content
    old = addresses(
        portfolio, as_text(given.get("customer")), as_text(given.get("previous_user_id")), as_text(given.get("previous_parent_user_id"))
    )
    new = addresses(
        portfolio,
        as_text(given.get("wa_id")) or as_text(given.get("new_wa_id")),
        as_text(given.get("user_id")),
        as_text(given.get("parent_user_id")),
    )
    known = {address.kind for address in old}
    old += tuple(address for address in sender if address.kind not in known and address not in new)
    content = {**given, "type": as_text(given.get("type")), "old": [_plain(each) for each in old], "new": [_plain(each) for each in new]}
    return Body(body.kind, body.text, content), old or sender


def _plain(address: Address) -> dict[str, str]:
    return {"kind": address.kind, "value": address.value, "scope": address.scope}


def _errors(item: Json) -> tuple[PlatformError, ...]:
    found = []
    for error in map(as_object, as_list(item.get("errors"))):
        detail = as_text(as_object(error.get("error_data")).get("details")) or as_text(error.get("message"))
        found.append(PlatformError(as_code(error.get("code")), as_text(error.get("title")) or as_text(error.get("message")), detail))
    return tuple(found)


# --- statuses and notices -------------------------------------------------------------------------------------------


def _status(part: Part, portfolio: str) -> InboundItem:
    status = _whole(part)
    external_id, word = as_text(status.get("id")), as_text(status.get("status")).lower()
    if not external_id:
        raise _Unclear("the status names no message")
    recipient = _recipient(part.origin, portfolio, status)
    key = _status_key(external_id, word, status)
    if word not in _STATUSES:
        label = f"message_{word}" if word == "deleted" else "message_status"
        return Notice(key, part.origin.account_id, label, moment(status.get("timestamp")), status, recipient)
    pricing = as_object(status.get("pricing"))
    billable = pricing.get("billable")
    return StatusUpdate(
        key=key,
        account_id=part.origin.account_id,
        external_id=external_id,
        status=_STATUSES[word],
        occurred_at=moment_or_unknown(status.get("timestamp")),
        client_ref=as_text(status.get("biz_opaque_callback_data")),
        recipient=recipient,
        price_category=as_text(pricing.get("category")).replace("-", "_"),
        price_model=as_text(pricing.get("pricing_model")),
        billable=billable if isinstance(billable, bool) else None,
        errors=_errors(status),
        raw=status,
    )


def _status_key(external_id: str, word: str, status: Json) -> str:
    participant = _participant(status) or as_text(status.get("recipient_participant_user_id"))
    return _bounded(":".join(filter(None, ["status", external_id, word, participant])))


def _participant(status: Json) -> str:
    """Who in a group; the documentation of groups spells the name the other way round."""
    return as_text(status.get("recipient_participant_id")) or as_text(status.get("participant_recipient_id"))


def _recipient(origin: Origin, portfolio: str, status: Json) -> tuple[Address, ...]:
    """Whom the status is about; in a group the participant, for the group itself is nobody's address."""
    group = as_text(status.get("recipient_type")) == "group"
    prefix = "recipient_participant" if group else "recipient"
    parent = status.get("recipient_participant_parent_user_id") if group else status.get("parent_recipient_user_id")
    wa_id = _participant(status) if group else as_text(status.get("recipient_id"))
    user_id = as_text(status.get(f"{prefix}_user_id"))
    return person(portfolio, origin, wa_id, user_id, as_text(parent))[0] if wa_id or user_id else ()


# A value that holds one of these keys means this kind of notice, whatever the field says: samples of the platform carry a wrong one.
_SHAPES = {
    "new_quality_score": "message_template_quality_update",
    "new_category": "template_category_update",
    "correct_category": "template_category_update",
    "message_template_element": "message_template_components_update",
    "ban_info": "account_update",
    "restriction_info": "account_update",
    "violation_info": "account_update",
    "waba_info": "account_update",
}


def _notice(part: Part, portfolio: str) -> Notice:
    """`kind` is the field as told, or by the value's shape when none is.

    `data` is the value, with `business_id`, the `facts` of facts.py and the `standing` of standing.py where it tells any, and
    `means`, the kind by the value's shape, where that is another.
    """
    given = part.item if isinstance(part.item, dict) else {"value": part.item}
    kind = next((kind for key, kind in _SHAPES.items() if key in given), part.label)
    label = kind if part.label in {"unknown", "empty"} else part.label
    meaning = {
        "business_id": part.origin.business_id,
        "means": kind if kind != label else "",
        "facts": facts_of_notice(kind, given),
        "standing": standing_of(kind, given),
    }
    return Notice(
        key=_notice_key(part.origin, label, given),
        account_id=part.origin.account_id,
        kind=label,
        occurred_at=moment(given.get("timestamp")) or moment(as_object(given.get("metadata")).get("timestamp")) or moment(part.origin.time),
        data={**given, **{name: value for name, value in meaning.items() if value}},
        subject=_subject(kind, given, part.origin, portfolio),
    )


def _notice_key(origin: Origin, label: str, given: Json) -> str:
    template, event = as_text(given.get("message_template_id")), as_text(given.get("event"))
    if template and event and origin.time is not None:
        return _bounded(f"notice:{label}:{template}:{event}:{as_text(origin.time)}")
    return _bounded(f"notice:{label}:{fingerprint([origin.account_id, origin.time, given])}")


def _subject(label: str, given: Json, origin: Origin, portfolio: str) -> tuple[Address, ...]:
    if label == "user_preferences":
        wa_id, user_id = as_text(given.get("wa_id")), as_text(given.get("user_id"))
        return person(portfolio, origin, wa_id, user_id, as_text(given.get("parent_user_id")))[0]
    if label == "smb_app_state_sync":
        contact = as_object(given.get("contact"))
        return addresses(portfolio, _digits(contact.get("phone_number")), as_text(contact.get("user_id")))
    return ()


_READERS: dict[str, Callable[[Part, str], InboundItem]] = {
    "message": _message,
    "echo": _echo,
    "history": _history_message,
    "status": _status,
    "notice": _notice,
}
