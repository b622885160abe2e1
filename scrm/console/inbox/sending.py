"""The composer's POSTs: text, file, place, choice, template, note; at once or later. One key, one message, however often pressed."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from scrm.console.inbox import answering, composing
from scrm.console.inbox.templates import template_draft
from scrm.conversations import later, outgoing_media, services
from scrm.conversations.models import Conversation, LaterMessage, Message
from scrm.conversations.services import Draft
from scrm.core import clock
from scrm.staff.models import User

TEXT_LIMIT = 4096
EMOJI_LENGTH = 32
KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MODES = ("text", "note", "template", "location", "choice")
UNCLEAR = {
    "point": _("The place was not understood. Paste latitude and longitude, such as 22.3130, 114.1704, or the address of a map."),
    "empty": _("Give at least one answer to choose."),
    "twice": _("Two answers are the same."),
    "title": _("An answer is too long: a button shows 20 characters, a row of a list 24."),
    "note": _("An explanation may have 72 characters."),
    "many": _("A list shows up to 10 answers."),
    "body": _("The text above buttons may have 1,024 characters."),
}


class Lines(forms.CharField):
    """Text of several lines. Browsers post line ends as two characters; they must not count against the limit."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class ComposerForm(forms.Form):
    """What the composer posts. `mode` text (with or without a file), note, template, location, or choice (buttons or a list)."""

    mode = forms.ChoiceField(choices=[(mode, mode) for mode in MODES])
    text = Lines(required=False, max_length=TEXT_LIMIT, strip=True)
    idempotency_key = forms.UUIDField()
    reply_to = forms.CharField(required=False, max_length=200)
    file = forms.FileField(required=False, allow_empty_file=True)
    template = forms.IntegerField(required=False)
    point = forms.CharField(required=False, max_length=1000)
    place_name = forms.CharField(required=False, max_length=200)
    place_address = forms.CharField(required=False, max_length=300)
    opener = forms.CharField(required=False, max_length=20)
    hold = forms.BooleanField(required=False)
    seen = forms.IntegerField(required=False)
    anyway = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        mode = given.get("mode")
        try:
            if mode == "location":
                given["content"] = composing.place(given.get("point", ""), given.get("place_name", ""), given.get("place_address", ""))
            elif mode == "choice":
                given["content"] = self._choice(given)
        except composing.Unclear as problem:
            raise ValidationError(UNCLEAR[str(problem)]) from None
        needs_words = mode in {"note", "choice"} or (mode == "text" and not given.get("file"))
        if needs_words and not given.get("text") and not self.errors:
            raise ValidationError(_("Write something first."))
        return given

    def _choice(self, given: dict[str, Any]) -> dict[str, Any]:
        data = self.data if isinstance(self.data, QueryDict) else QueryDict()
        opener = given.get("opener") or str(_("Choose"))
        return composing.choice(given.get("text", ""), data.getlist("answer"), data.getlist("answer_note"), opener)


def send(conversation: Conversation, form: ComposerForm, values: dict[str, str], *, by: User) -> Message:
    """Do what a valid form asks. Raises `ValidationError` when the template cannot be filled or the file does not fit."""
    given = form.cleaned_data
    if given["mode"] == "note":
        return _note_once(conversation, given["text"], by)
    again = Message.objects.filter(idempotency_key=_key(given)).first()
    if again is not None:
        return again
    draft = _draft(conversation, form, values, by)
    result = services.queue_many([draft])[0]
    if not result.created:
        _drop_file(draft)
    return result.message


def answered_meanwhile(conversation: Conversation, form: ComposerForm, *, by: User) -> str:
    """A question when a colleague answered after the last message that the page shows (`seen`), or is answering; "" when it goes `anyway`.

    The second agent is told before the customer gets two answers. A repeat of what was sent already is not asked about.
    """
    given = form.cleaned_data
    if given["seen"] is None or given["anyway"] or given["mode"] == "note":
        return ""
    if Message.objects.filter(idempotency_key=_key(given)).exists():
        return ""
    newer = conversation.messages.filter(direction=Message.Direction.OUT, source__in=["agent", "phone_app"], pk__gt=given["seen"])
    other = newer.exclude(author=by, source="agent").exclude(state="blocked").select_related("author").order_by("pk").last()
    if other is None:
        return answering.question(conversation, by=by)
    words = {"name": other.author or _("Somebody in the phone app"), "text": " ".join(other.text.split())[:120]}
    return str(_("%(name)s has answered meanwhile: “%(text)s” Send yours, too?") % words)


def schedule(conversation: Conversation, form: ComposerForm, values: dict[str, str], *, at: datetime, by: User) -> LaterMessage:
    """Keep what a valid form holds until `at`. Raises as `send`; also for a note, which goes nowhere."""
    given = form.cleaned_data
    if given["mode"] == "note":
        raise ValidationError(_("A note is for colleagues: it is there at once."))
    again = LaterMessage.objects.filter(idempotency_key=_key(given)).first()
    if again is not None:
        return again
    draft = _draft(conversation, form, values, by)
    try:
        row, created = later.schedule(draft, at=at, hold_on_reply=given["hold"])
    except services.RefusedState as reason:
        _drop_file(draft)
        raise ValidationError(str(reason)) from None
    if not created:
        _drop_file(draft)
    return row


def _key(given: dict[str, Any]) -> str:
    return f"agent:{given['idempotency_key']}"


def _draft(conversation: Conversation, form: ComposerForm, values: dict[str, str], by: User) -> Draft:
    given = form.cleaned_data
    if given["mode"] == "template":
        return template_draft(conversation, given["template"], values, form.files, _key(given), by)
    if given["mode"] in {"location", "choice"}:
        return _made_draft(conversation, given, by)
    if given["file"]:
        return _file_draft(conversation, given, by)
    return Draft(conversation, "agent", _key(given), text=given["text"], by=by, reply_to=given["reply_to"])


def _drop_file(draft: Draft) -> None:
    """Another press of the same button stored the file already."""
    if draft.content.get("file"):
        default_storage.delete(draft.content["file"])


def react(message: Message, emoji: str, key: str, *, by: User) -> Message:
    """Raises `ValidationError` for what is no emoji, or a message that the platform does not know."""
    if not message.external_id or message.direction == Message.Direction.NOTE:
        raise ValidationError(_("The platform does not know this message yet."))
    if len(emoji) > EMOJI_LENGTH or any(character.isalnum() and character.isascii() for character in emoji) or emoji != emoji.strip():
        raise ValidationError(_("Choose an emoji."))
    if not KEY.fullmatch(key):
        raise ValidationError(_("The page is out of date. Load it again."))
    result = services.queue_message(
        message.conversation,
        kind="reaction",
        text=emoji,
        content={"message_id": message.external_id, "emoji": emoji},
        source="agent",
        by=by,
        idempotency_key=f"react:{key}",
    )
    return result.message


def _note_once(conversation: Conversation, text: str, by: User) -> Message:
    """A note has no outbox, so the same words of the same person within ten seconds are the same note."""
    twin = (
        Message.objects.filter(conversation=conversation, direction=Message.Direction.NOTE, author=by).order_by("-sent_at", "-id").first()
    )
    if twin is not None and twin.text == text and (clock.now() - twin.sent_at).total_seconds() < 10:
        return twin
    return services.add_note(conversation, text=text, by=by)


def _made_draft(conversation: Conversation, given: dict[str, Any], by: User) -> Draft:
    """A place or a choice of answers."""
    content = given["content"]
    place = given["mode"] == "location"
    words = ", ".join(filter(None, [content.get("name"), content.get("address")])) if place else given["text"]
    return Draft(
        conversation,
        "agent",
        _key(given),
        kind="location" if place else "interactive",
        text=words or f"{content['latitude']}, {content['longitude']}",
        content=content,
        by=by,
        reply_to=given["reply_to"],
    )


def _file_draft(conversation: Conversation, given: dict[str, Any], by: User) -> Draft:
    """Checked against what the channel takes and stored first. Raises `ValidationError` with the reason when it does not fit."""
    upload = given["file"]
    try:
        ready = outgoing_media.prepare_outgoing(conversation.connection, upload, filename=upload.name, caption=given["text"])
    except outgoing_media.NotSendable as reason:
        raise ValidationError(str(reason)) from None
    return Draft(
        conversation,
        "agent",
        _key(given),
        kind=ready.kind,
        text=given["text"],
        content=ready.content(given["text"]),
        by=by,
        reply_to=given["reply_to"],
    )
