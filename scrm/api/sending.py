"""A partner sends a message: the same door, law and outbox as for everybody else."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import Case, IntegerField, Value, When
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from scrm.api.authentication import Partner
from scrm.api.errors import KeyUsed, Refused
from scrm.api.models import PartnerToken
from scrm.api.pagination import LARGEST_ID
from scrm.api.serializers import DecisionSerializer, MessageSerializer
from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.conversations import templates
from scrm.conversations.models import Conversation, Message, MessageTemplate
from scrm.conversations.outgoing_media import NotSendable, prepare_outgoing
from scrm.conversations.services import QueueResult, queue_message, start_conversation
from scrm.conversations.visibility import visible_to

# What WhatsApp takes as the body of a text message.
LONGEST_TEXT = 4096
# A paused template is taken and held until the platform lifts the pause.
SENDABLE = frozenset({MessageTemplate.Status.APPROVED, MessageTemplate.Status.PAUSED})
KEY = re.compile(r"[\x21-\x7e]{1,80}")


class TemplateToSendSerializer(serializers.Serializer[dict[str, Any]]):
    """A message template by the platform's name, and a value for each of its places: {"1": "陳先生", "2": "HK-104233"}."""

    name = serializers.CharField(max_length=512)
    language = serializers.CharField(max_length=10)
    variables = serializers.DictField(child=serializers.CharField(max_length=1024), required=False)


class AddressedSerializer(serializers.Serializer[dict[str, Any]]):
    """Where to: a conversation, or a contact whose newest conversation is then taken.

    `connection` (a slug) starts the conversation of a contact who has none. `event` names what a service notice is about,
    for example `order:HK-104233:shipped`: one event is told once in six hours.
    """

    conversation = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    contact = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    connection = serializers.SlugField(required=False)
    event = serializers.CharField(max_length=100, required=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, dict) and (unknown := [name for name in data if name not in self.fields]):
            raise ValidationError({str(name)[:80]: [_("Unknown field.")] for name in unknown})
        values: dict[str, Any] = super().to_internal_value(data)
        return values

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("conversation" in attrs) == ("contact" in attrs):
            raise ValidationError({"conversation": [_("Give either a conversation or a contact.")]})
        return attrs


class SendSerializer(AddressedSerializer):
    """Where to and what: a text or a template."""

    text = serializers.CharField(max_length=LONGEST_TEXT, trim_whitespace=False, required=False)
    template = TemplateToSendSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if ("text" in attrs) == ("template" in attrs):
            raise ValidationError({"text": [_("Give either a text or a template.")]})
        if "text" in attrs and not attrs["text"].strip():
            raise ValidationError({"text": [_("Write something to send.")]})
        return attrs


class SendFileSerializer(AddressedSerializer):
    """Where to, and a file with the words under it. `kind` is what it shall be sent as; without it the file's type decides.

    A picture in a format or of a size that the channel does not take is sent as JPEG below 5 MB.
    """

    file = serializers.FileField(allow_empty_file=True)
    kind = serializers.ChoiceField(choices=["image", "audio", "video", "document", "sticker"], required=False)
    text = serializers.CharField(max_length=LONGEST_TEXT, trim_whitespace=False, required=False, allow_blank=True)


class SentSerializer(serializers.Serializer[QueueResult]):
    """The message and why it may go, now or from `due_at` on."""

    message = MessageSerializer()
    decision = DecisionSerializer()


class RefusalSerializer(serializers.Serializer[dict[str, Any]]):
    """A rule that said no: its name, and the time from which it may say yes, if waiting helps."""

    code = serializers.CharField()
    message = serializers.CharField()
    rule = serializers.CharField()
    next_allowed_at = serializers.DateTimeField(allow_null=True)
    message_id = serializers.IntegerField(help_text="The blocked message, kept for the record.")


class RefusedSerializer(serializers.Serializer[dict[str, Any]]):
    error = RefusalSerializer()


def send(token: PartnerToken, key: str | None, wanted: dict[str, Any]) -> QueueResult:
    """Queue once for each key of this partner; `Refused` with the rule's name when the law says no, and again for the same key.

    The key stands in the partner's own space, so that two partners cannot meet. A key used before with another text or
    place is an error and sends nothing.
    """
    if not KEY.fullmatch(key or ""):
        raise ValidationError({"Idempotency-Key": [_("Send this header: 1 to 80 letters, digits or marks, new for each message.")]})
    stored_key = f"api:{token.pk}:{key}"
    first = Message.objects.select_related("conversation").filter(idempotency_key=stored_key).first()
    conversation = first.conversation if first else _conversation(Partner(token), wanted)
    said = _said_before(first, wanted) if first and "file" in wanted else _said(conversation, wanted)
    event_key = wanted.get("event", "")
    result = queue_message(conversation, **said, source="api", cause=f"api:{token.pk}", event_key=event_key, idempotency_key=stored_key)
    if not result.created:
        if "file" in wanted and first is None:
            default_storage.delete(said["content"]["file"])
        _check_same(result.message, wanted, said)
    if result.decision.verdict == "refuse":
        _refuse(result)
    return result


def _said(conversation: Conversation, wanted: dict[str, Any]) -> dict[str, Any]:
    """The words of the message: a text as it is, or a template with its places filled in and its category."""
    if "file" in wanted:
        return _file(conversation, wanted)
    if "text" in wanted:
        return {"kind": "text", "text": wanted["text"]}
    asked = wanted["template"]
    known = MessageTemplate.objects.filter(connection=conversation.connection_id, name=asked["name"], language=asked["language"]).first()
    if known is None or known.status not in SENDABLE:
        raise ValidationError({"template": [_("There is no approved template of this name and language on this number.")]})
    values = asked.get("variables", {})
    try:
        text = templates.render(known, values)
    except templates.NotFillable as missing:
        raise ValidationError({"template": list(missing.problems.values())}) from missing
    content = templates.content_for(known, values)
    return {"kind": "template", "text": text, "content": content, "category": templates.category_of(known)}


def _file(conversation: Conversation, wanted: dict[str, Any]) -> dict[str, Any]:
    """Checked, stored and, where needed, drawn anew. `given` is what the caller sent, to know it again with the same key."""
    caption = wanted.get("text", "")
    try:
        made = prepare_outgoing(conversation.connection, wanted["file"], kind=wanted.get("kind", ""), caption=caption)
    except NotSendable as error:
        raise ValidationError({"file": [str(error)]}) from None
    return {"kind": made.kind, "text": caption, "content": {**made.content(caption), "given": _digest(wanted["file"])}}


def _said_before(first: Message, wanted: dict[str, Any]) -> dict[str, Any]:
    """The same file again is not stored again; another one under the same key is known by its digest."""
    return {"kind": first.kind, "text": wanted.get("text", ""), "content": {"given": _digest(wanted["file"])}}


def _digest(file: File[bytes]) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    for piece in file.chunks():
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def _conversation(partner: Partner, wanted: dict[str, Any]) -> Conversation:
    if "conversation" in wanted:
        found = visible_to(Conversation.objects.all(), partner).filter(pk=wanted["conversation"]).first()
        if found is None:
            raise ValidationError({"conversation": [_("There is no such conversation.")]})
        return found
    contact = visible_to(Contact.objects.select_related("merged_into"), partner).filter(pk=wanted["contact"]).first()
    if contact is None:
        raise ValidationError({"contact": [_("There is no such contact.")]})
    person = _survivor(contact)
    return _newest_of(partner, person) or _first_of(partner, person, wanted.get("connection", ""))


def _survivor(contact: Contact) -> Contact:
    while contact.merged_into is not None:
        contact = contact.merged_into
    return contact


def _newest_of(partner: Partner, contact: Contact) -> Conversation | None:
    closed_last = Case(When(status="closed", then=Value(1)), default=Value(0), output_field=IntegerField())
    rows = visible_to(Conversation.objects.of_contact(contact), partner)
    return rows.order_by(closed_last, "-last_message_at", "-pk").first()


def _first_of(partner: Partner, contact: Contact, slug: str) -> Conversation:
    """A conversation with somebody who never wrote: from the named number to their WhatsApp address."""
    if not slug:
        raise ValidationError({"contact": [_("This contact has no conversation yet. Name the connection to write from.")]})
    connection = Connection.objects.filter(slug=slug, kind=Connection.Kind.CHANNEL).first()
    limits = partner.token.channel_ids
    if connection is None or (limits is not None and connection.pk not in limits):
        raise ValidationError({"connection": [_("There is no such channel.")]})
    reached = contact.identities.filter(kind__in=["whatsapp", "whatsapp_user"], valid_to=None).order_by("kind", "pk").first()
    if reached is None:
        raise ValidationError({"contact": [_("This contact has no address on this channel.")]})
    return start_conversation(reached, connection)


def _check_same(message: Message, wanted: dict[str, Any], said: dict[str, Any]) -> None:
    same_place = "conversation" not in wanted or message.conversation_id == wanted["conversation"]
    if "contact" in wanted:
        asked = Contact.objects.select_related("merged_into").filter(pk=wanted["contact"]).first()
        same_place = asked is not None and Message.objects.of_contact(_survivor(asked)).filter(pk=message.pk).exists()
    same_file = message.content.get("given") == said.get("content", {}).get("given")
    if not same_place or not same_file or message.text != said["text"] or message.kind != said["kind"]:
        raise KeyUsed(_("This Idempotency-Key was used for another message. Take a new one."))


def _refuse(result: QueueResult) -> None:
    decision = result.decision
    raise Refused(
        _("Not sent: the rule %(rule)s forbids it.") % {"rule": decision.rule},
        rule=decision.rule,
        next_allowed_at=decision.until.isoformat() if decision.until else None,
        message_id=result.message.pk,
    )
