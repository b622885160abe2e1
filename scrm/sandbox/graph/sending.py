"""POST /{phone}/messages: a send is checked, counted, accepted with a message id, and followed by its statuses."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connections, transaction
from django.db.models import F
from django.utils import timezone

from scrm.sandbox import history, receipts, rows
from scrm.sandbox.faults import SendFaults, for_send
from scrm.sandbox.graph import limits, recipients, template_match
from scrm.sandbox.graph.errors import GraphError
from scrm.sandbox.graph.message_contract import MARK_READ, check_message
from scrm.sandbox.identifiers import new_wamid
from scrm.sandbox.models import Chat, Faults, MediaFile, Message, MessageTemplate, Number, Person
from scrm.sandbox.router import ALIAS

WINDOW = timedelta(hours=24)
TYPING_SECONDS = 25
MEDIA_KINDS = ("image", "video", "audio", "document", "sticker")


@dataclass(frozen=True)
class Accepted:
    answer: dict[str, Any]
    faults: SendFaults


def accept(number: Number, body: dict[str, Any], *, only_templates: bool = False) -> Accepted:
    """The platform's answer; GraphError when refused. One transaction: counters, message, statuses and history agree."""
    kind = check_message(body, only_templates=only_templates)
    drawn = for_send(number, number.faults)
    _strike_before(drawn, number.faults)
    with transaction.atomic(using=ALIAS):
        person, given = recipients.resolve(body, number)
        return Accepted(_accept(number, person, given, kind, body, drawn), drawn)


def _strike_before(drawn: SendFaults, faults: Faults) -> None:
    if drawn.too_many_requests:
        raise GraphError(4, "Application request limit reached", status=429, retry_after=faults.retry_after_seconds)
    if drawn.server_error_before:
        raise GraphError(131016, "Service unavailable")
    if drawn.error_code is not None:
        raise GraphError(drawn.error_code, "Chosen on the faults page of the sandbox")


def _accept(number: Number, person: Person, given: str, kind: str, body: dict[str, Any], drawn: SendFaults) -> dict[str, Any]:
    chat = rows.first(Chat, number_id=number.pk, person_id=person.pk) or Chat.objects.create(number=number, person=person)
    template = template_match.find(number, body["template"]) if kind == "template" else None
    _check_permission(chat, person, template, body)
    _check_references(number, person, kind, body)
    if template:
        template_match.check_parameters(template, body["template"])
    limits.spend_throughput(number)
    limits.spend_pair(chat)
    message = _store(number, person, kind, body, template, failed=drawn.failed_code is not None)
    _show(chat, message)
    rows.insert(receipts.follow(message, person, number, number.faults, drawn.failed_code))
    history.accepted(number, person, message.wamid, message.opaque, body)
    if template is not None and drawn.failed_code is None and not window_open(chat):
        reached, exceeded = limits.count_person(number, person)
        if exceeded is not None:
            history.over_tier(number, person, message.wamid, message.opaque, reached, exceeded)
    return _answer(person, given, message, with_status=template is not None)


def _check_permission(chat: Chat, person: Person, template: MessageTemplate | None, body: dict[str, Any]) -> None:
    if chat.blocked:
        raise GraphError(131026, "Unable to deliver message.")
    if template is None and not window_open(chat):
        raise GraphError(
            131047, "Message failed to send because more than 24 hours have passed since the customer last replied to this number."
        )
    if template is None:
        return
    if template.category == "MARKETING" and chat.marketing_stopped:
        raise GraphError(131050, "The recipient has stopped marketing messages from this business.")
    if template.category == "AUTHENTICATION" and "to" not in body:
        raise GraphError(131062, "Authentication templates need a phone number.")


def window_open(chat: Chat) -> bool:
    """24 hours from the customer's last message to this number."""
    return chat.last_inbound_at is not None and timezone.now() - chat.last_inbound_at < WINDOW


def _check_references(number: Number, person: Person, kind: str, body: dict[str, Any]) -> None:
    quoted = body["reaction"]["message_id"] if kind == "reaction" else body.get("context", {}).get("message_id")
    if quoted and not Message.objects.filter(wamid=quoted, number=number, person=person).exists():
        raise GraphError(131009, f"Message id {quoted} does not belong to this conversation")
    media_id = body[kind].get("id") if kind in MEDIA_KINDS else None
    if media_id and not MediaFile.objects.filter(media_id=media_id, number=number, expires_at__gt=timezone.now()).exists():
        raise GraphError(131009, f"Param {kind}['id'] is not a media id that was uploaded on this number")


def _store(number: Number, person: Person, kind: str, body: dict[str, Any], template: MessageTemplate | None, *, failed: bool) -> Message:
    content = body[kind]
    if template is not None:
        content = {"sent": content, "stored": template.components, "category": template.category}
    state = "failed" if failed else "read" if person.auto_read else "accepted"
    message = Message(
        wamid=new_wamid(person.phone or person.user_id, inbound=False),
        number=number,
        person=person,
        inbound=False,
        kind=kind,
        content={"items": content} if isinstance(content, list) else content,
        context_wamid=body.get("context", {}).get("message_id", ""),
        opaque=body.get("biz_opaque_callback_data", ""),
        pricing=_pricing(template),
        sent_at=timezone.now(),
        state=state,
    )
    rows.insert([message])
    return message


def _pricing(template: MessageTemplate | None) -> dict[str, Any]:
    if template is None:
        return {"billable": False, "pricing_model": "PMP", "type": "free_customer_service", "category": "service"}
    return {"billable": True, "pricing_model": "PMP", "type": "regular", "category": template.category.lower()}


SHOW = "UPDATE sandbox_chat SET typing_until = 0, pair_mark = %s, revision = revision + 1 WHERE id = %s"
SHOW_NEW = (
    "UPDATE sandbox_chat SET typing_until = 0, pair_mark = %s, revision = revision + 1,"
    " last_message_at = %s, preview = %s, unread = unread + %s WHERE id = %s"
)


def _show(chat: Chat, message: Message) -> None:
    """The phone's side: last message, unread badge, typing ends. A failed message never reaches the phone."""
    if message.state == "failed":
        rows.execute(SHOW, [chat.pair_mark, chat.pk])
        return
    at = Chat._meta.get_field("last_message_at").get_db_prep_save(message.sent_at, connections[ALIAS])
    rows.execute(SHOW_NEW, [chat.pair_mark, at, preview(message), int(message.state == "accepted"), chat.pk])


def preview(message: Message) -> str:
    """One line for the list of chats; an icon for what is not text."""
    content = message.content
    if message.kind == "text":
        return str(content["body"])[:120]
    if message.kind == "template":
        body = next((c["text"] for c in content["stored"] if c["type"].upper() == "BODY"), "")
        return template_match.fill(body, template_match.parameters_of(content["sent"], "body"))[:120]
    if message.kind == "interactive":
        inner = content.get("body", {}).get("text") or content.get("button_reply", content.get("list_reply", {})).get("title", "")
        return str(inner)[:120]
    if message.kind == "order":
        lines = [f"{item.get('quantity')} × {item.get('product_retailer_id')}" for item in content.get("product_items", [])]
        return f"🛒 {content.get('text') or ', '.join(lines)}"[:120]
    icons = {"image": "📷", "video": "🎬", "audio": "🎤", "document": "📄", "sticker": "🏷️", "location": "📍", "contacts": "👤"}
    label = content.get("caption") or content.get("name") or content.get("emoji") or content.get("text") or ""
    return f"{icons.get(message.kind, '')} {label}".strip()[:120]


def _answer(person: Person, given: str, message: Message, *, with_status: bool) -> dict[str, Any]:
    addressed: dict[str, Any] = {"input": given}
    if person.phone:
        addressed["wa_id"] = person.phone
    addressed["user_id"] = person.user_id
    sent: dict[str, Any] = {"id": message.wamid}
    if with_status:
        sent["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [addressed], "messages": [sent]}


def mark_read(number: Number, body: dict[str, Any]) -> dict[str, Any]:
    """Marks the message and all earlier ones of the chat as read; a typing indicator lasts 25 s or until the next message."""
    MARK_READ(body, "body")
    with transaction.atomic(using=ALIAS):
        message = Message.objects.filter(wamid=body["message_id"], number=number, inbound=True).first()
        if message is None:
            raise GraphError(131009, "Param message_id is not a message received by this number")
        earlier = Message.objects.filter(number=number, person=message.person, inbound=True, sent_at__lte=message.sent_at)
        earlier.exclude(state="read").update(state="read")
        typing = {"typing_until": time.time() + TYPING_SECONDS} if "typing_indicator" in body else {}
        Chat.objects.filter(number=number, person=message.person).update(revision=F("revision") + 1, **typing)
    return {"success": True}
