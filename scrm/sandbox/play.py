"""Play the customer: each call makes an inbound message as the platform would, in the order of a phone's own sending.

All take the person and the number (a row or its slug), and `sent_at` for messages of the past; they return the stored message.
The webhook goes out through the deliverer. A message from somebody whom the business blocked is kept on the phone only.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from scrm.sandbox import envelopes, history
from scrm.sandbox.graph import media as graph_media
from scrm.sandbox.graph import sending, template_match
from scrm.sandbox.identifiers import new_wamid
from scrm.sandbox.models import Chat, MediaFile, Message, Number, PendingUpdate, Person
from scrm.sandbox.router import ALIAS
from scrm.sandbox.updates import pending

Content = dict[str, Any]
MEDIA_KINDS = sending.MEDIA_KINDS


def say(person: Person, number: Number | str, *, text: str, sent_at: datetime | None = None, reply_to: str = "") -> Message:
    return send(person, number, "text", {"body": text}, sent_at=sent_at, reply_to=reply_to)


def share_location(
    person: Person,
    number: Number | str,
    *,
    latitude: float,
    longitude: float,
    name: str = "",
    address: str = "",
    sent_at: datetime | None = None,
) -> Message:
    place = {"latitude": latitude, "longitude": longitude, "name": name, "address": address}
    return send(person, number, "location", {k: v for k, v in place.items() if v != ""}, sent_at=sent_at)


def send_image(
    person: Person,
    number: Number | str,
    *,
    content: bytes,
    mime_type: str = "image/jpeg",
    caption: str = "",
    sent_at: datetime | None = None,
    reply_to: str = "",
) -> Message:
    return send_file(person, number, "image", content, mime_type, caption=caption, sent_at=sent_at, reply_to=reply_to)


def send_file(
    person: Person,
    number: Number | str,
    kind: str,
    content: bytes,
    mime_type: str,
    *,
    filename: str = "",
    caption: str = "",
    sent_at: datetime | None = None,
    reply_to: str = "",
) -> Message:
    """Image, video, audio, document or sticker; the business can fetch it for seven days."""
    if kind not in MEDIA_KINDS:
        raise ValueError(f"no media kind: {kind}")
    business = find_number(number)
    stored = graph_media.store(business, content, mime_type, filename, graph_media.RECEIVED_LIVES)
    described: Content = {"id": stored.media_id, "mime_type": mime_type, "sha256": stored.sha256}
    if kind == "document":
        described["filename"] = filename
    if kind == "audio":
        described["voice"] = mime_type == "audio/ogg"
    if caption:
        described["caption"] = caption
    return send(person, business, kind, described, sent_at=sent_at, reply_to=reply_to)


def react(person: Person, message: Message, emoji: str, *, sent_at: datetime | None = None) -> Message:
    """An empty emoji takes the reaction back."""
    content = {"message_id": message.wamid} | ({"emoji": emoji} if emoji else {})
    return send(person, message.number, "reaction", content, sent_at=sent_at)


def tap_button(person: Person, message: Message, choice: str, *, sent_at: datetime | None = None) -> Message:
    """Press a reply button, a list row or a template's quick reply of `message`; `choice` is its id.

    Of a template it is the button's index; on a carousel's card "card.button".
    """
    if message.kind == "template":
        kind, content = _template_answer(message, choice)
    else:
        kind, content = "interactive", _interactive_answer(message, choice)
    return send(person, message.number, kind, content, sent_at=sent_at, reply_to=message.wamid)


def _interactive_answer(message: Message, choice: str) -> Content:
    action = message.content.get("action", {})
    for button in action.get("buttons", []):
        if button["reply"]["id"] == choice:
            return {"type": "button_reply", "button_reply": {"id": choice, "title": button["reply"]["title"]}}
    for section in action.get("sections", []):
        for row in section.get("rows", []):
            if row["id"] == choice:
                return {"type": "list_reply", "list_reply": {k: row[k] for k in ("id", "title", "description") if row.get(k)}}
    raise ValueError(f"message has no choice {choice!r}")


def _template_answer(message: Message, choice: str) -> tuple[str, Content]:
    stored, sent = message.content["stored"], message.content["sent"]
    card, dot, index = choice.rpartition(".")
    if dot:
        stored, sent = _card_of(stored, sent, card)
        choice = index
    buttons = [b for c in stored if c["type"].upper() == "BUTTONS" for b in c["buttons"]]
    if not choice.isdecimal() or int(choice) >= len(buttons) or buttons[int(choice)]["type"].upper() != "QUICK_REPLY":
        raise ValueError(f"template has no quick reply {choice!r}")
    text = buttons[int(choice)]["text"]
    return "button", {"text": text, "payload": template_match.button_payload(sent, int(choice), text)}


def _card_of(stored: list[Content], sent: Content, card: str) -> tuple[list[Content], Content]:
    """A carousel's card: its components as they are kept, and as they were filled."""
    cards = [inner for component in stored if component["type"].upper() == "CAROUSEL" for inner in component["cards"]]
    filled = template_match.cards_of(sent)
    if not card.isdecimal() or not int(card) < min(len(cards), len(filled)):
        raise ValueError(f"template has no card {card!r}")
    return cards[int(card)]["components"], filled[int(card)]


def stop_marketing(person: Person, number: Number | str, *, stop: bool = True) -> None:
    """The platform's own switch for offers: a `user_preferences` update; marketing templates are refused afterwards."""
    business = find_number(number)
    wish: Content = {
        "user_id": person.user_id,
        "detail": "User requested to stop marketing messages" if stop else "User requested to resume",
    }
    wish |= {"category": "marketing_messages", "value": "stop" if stop else "resume", "timestamp": int(timezone.now().timestamp())}
    if person.phone:
        wish["wa_id"] = person.phone
    value = envelopes.value(business, contacts=[envelopes.contact(person)], user_preferences=[wish])
    with transaction.atomic(using=ALIAS):
        Chat.objects.update_or_create(number=business, person=person, defaults={"marketing_stopped": stop})
        PendingUpdate.objects.bulk_create([pending(business, value, [(person.user_id, str(wish["value"]))], field="user_preferences")])


def change_phone(person: Person, phone: str) -> None:
    """The customer takes a new number: the platform gives a new user id and tells every business that knew the old one."""
    from scrm.sandbox.identifiers import new_user_id

    previous, old_phone = person.user_id, person.phone
    with transaction.atomic(using=ALIAS):
        person.phone, person.user_id = phone, new_user_id(person.country)
        person.save(update_fields=["phone", "user_id"])
        for chat in person.chats.select_related("number__faults"):
            text = f"{person.name} changed from {old_phone} to {phone}"
            system = {"body": text, "wa_id": phone, "user_id": person.user_id, "previous_user_id": previous, "type": "user_changed_number"}
            wamid = new_wamid(phone, inbound=True)
            notice = {"id": wamid, "timestamp": str(int(timezone.now().timestamp())), "type": "system", "system": system}
            notice |= {"from": old_phone} if old_phone else {}
            PendingUpdate.objects.bulk_create([pending(chat.number, envelopes.value(chat.number, messages=[notice]), [(wamid, "system")])])


def send(
    person: Person, number: Number | str, kind: str, content: Content, *, sent_at: datetime | None = None, reply_to: str = ""
) -> Message:
    """Any kind, content as the wire has it. One transaction: message, window, update and history."""
    business = find_number(number)
    with transaction.atomic(using=ALIAS):
        message, update = _prepare(person, business, kind, content, sent_at or timezone.now(), reply_to)
        message.save()
        if update:
            update.save()
    return message


def send_many(rows: Iterable[tuple[Person, Number, str, Content, datetime]]) -> list[Message]:
    """Many at once in one transaction; order is kept."""
    messages: list[Message] = []
    updates: list[PendingUpdate] = []
    with transaction.atomic(using=ALIAS):
        for person, number, kind, content, sent_at in rows:
            message, update = _prepare(person, number, kind, content, sent_at, "")
            messages.append(message)
            updates += [update] if update else []
        Message.objects.bulk_create(messages)
        PendingUpdate.objects.bulk_create(updates)
    return messages


def _prepare(
    person: Person, number: Number, kind: str, content: Content, sent_at: datetime, reply_to: str
) -> tuple[Message, PendingUpdate | None]:
    message = Message(
        wamid=new_wamid(number.digits, inbound=True),
        number=number,
        person=person,
        inbound=True,
        kind=kind,
        content=content if isinstance(content, dict) else {"items": content},
        context_wamid=reply_to,
        sent_at=sent_at,
        state="posted",
    )
    chat, _ = Chat.objects.get_or_create(number=number, person=person, defaults={"last_message_at": sent_at})
    _touch(chat, message)
    if chat.blocked:
        return message, None
    wire = wire_message(message)
    history.played(number, person, message.wamid, wire)
    value = envelopes.value(number, contacts=[envelopes.contact(person)], messages=[wire])
    return message, pending(number, value, [(message.wamid, "message")], delay_ms=number.faults.delay_ms)


def _touch(chat: Chat, message: Message) -> None:
    """Opens or renews the service window; a message of the past never shortens it."""
    changes: dict[str, Any] = {"revision": F("revision") + 1}
    if not chat.blocked and (chat.last_inbound_at is None or message.sent_at > chat.last_inbound_at):
        changes["last_inbound_at"] = message.sent_at
    if message.sent_at >= chat.last_message_at:
        changes |= {"last_message_at": message.sent_at, "preview": sending.preview(message)}
    Chat.objects.filter(pk=chat.pk).update(**changes)


def wire_message(message: Message) -> Content:
    """The message as it stands in a webhook."""
    wire: Content = {"from": message.person.phone} if message.person.phone else {}
    wire |= {"from_user_id": message.person.user_id, "id": message.wamid, "timestamp": str(int(message.sent_at.timestamp()))}
    content = message.content
    if message.kind in MEDIA_KINDS:
        stored = MediaFile.objects.filter(media_id=content.get("id")).defer("content").first()
        content = content | ({"url": graph_media.address(stored)} if stored else {})
    wire |= {"type": message.kind, message.kind: content["items"] if message.kind == "contacts" else content}
    if message.context_wamid:
        quoted = Message.objects.filter(wamid=message.context_wamid).first()
        sender = message.number.digits if quoted is None or not quoted.inbound else message.person.phone
        wire["context"] = ({"from": sender} if sender else {}) | {"id": message.context_wamid}
    return wire


def find_number(number: Number | str) -> Number:
    """A row as it is, or the row of that slug; Number.DoesNotExist."""
    return number if isinstance(number, Number) else Number.objects.select_related("faults").get(slug=number)


def window_left(chat: Chat) -> timedelta:
    """What is left of the service window; zero when it is shut."""
    if chat.last_inbound_at is None:
        return timedelta()
    return max(timedelta(), chat.last_inbound_at + sending.WINDOW - timezone.now())
