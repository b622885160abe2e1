"""The composer's POSTs: text, picture, template or note. One idempotency key, one message, however often it is pressed."""

from __future__ import annotations

import io
import uuid
from pathlib import PurePath
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from scrm.console.inbox import blanks
from scrm.conversations import services
from scrm.conversations.models import Conversation, Message, MessageTemplate
from scrm.core import clock
from scrm.staff.models import User

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
# The Cloud API takes JPEG and PNG up to 5 MB; what is larger or of another kind is drawn anew as JPEG.
PICTURE_BYTES = 5 * 2**20
UPLOAD_BYTES = 20 * 2**20
MOST_PIXELS = 60_000_000
LONGEST_SIDE = 2560
AS_IS = {"JPEG": "jpg", "PNG": "png"}


class Lines(forms.CharField):
    """Text of several lines. Browsers post line ends as two characters; they must not count against the limit."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class ComposerForm(forms.Form):
    """What the composer posts. `mode` text (with or without a picture), note, or template."""

    mode = forms.ChoiceField(choices=[("text", "text"), ("note", "note"), ("template", "template")])
    text = Lines(required=False, max_length=TEXT_LIMIT, strip=True)
    idempotency_key = forms.UUIDField()
    reply_to = forms.CharField(required=False, max_length=200)
    picture = forms.FileField(required=False)
    template = forms.IntegerField(required=False)

    def clean_picture(self) -> ContentFile[bytes] | None:
        upload: UploadedFile | None = self.cleaned_data.get("picture")
        return sendable_picture(upload) if upload else None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        mode, picture = given.get("mode"), given.get("picture")
        if mode in {"text", "note"} and not given.get("text") and not (mode == "text" and picture) and not self.errors:
            raise ValidationError(_("Write something first."))
        if picture and len(given.get("text", "")) > CAPTION_LIMIT:
            raise ValidationError(_("Words under a picture may have %(limit)s characters."), params={"limit": CAPTION_LIMIT})
        return given


def sendable_picture(upload: UploadedFile) -> ContentFile[bytes]:
    """The picture as the platform takes it. Raises `ValidationError` for what is no picture or is too large."""
    if (upload.size or 0) > UPLOAD_BYTES:
        raise ValidationError(_("Pictures may have up to 20 MB."))
    body = upload.read()
    try:
        picture = Image.open(io.BytesIO(body))
        if picture.width * picture.height > MOST_PIXELS:
            raise ValidationError(_("This picture has too many pixels."))
        picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise ValidationError(_("This file is not a picture that can be read.")) from None
    ending = AS_IS.get(picture.format or "")
    if ending and len(body) <= PICTURE_BYTES:
        return ContentFile(body, name=f"{_stem(upload)}.{ending}")
    return ContentFile(_as_jpeg(picture), name=f"{_stem(upload)}.jpg")


def _stem(upload: UploadedFile) -> str:
    return PurePath(upload.name or "picture").stem[:60] or "picture"


def _as_jpeg(picture: Image.Image) -> bytes:
    upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if upright.mode in {"RGBA", "LA", "P"}:
        layered = upright.convert("RGBA")
        upright = Image.new("RGB", layered.size, "white")
        upright.paste(layered, mask=layered.getchannel("A"))
    out = io.BytesIO()
    upright.convert("RGB").save(out, "JPEG", quality=85, optimize=True)
    return out.getvalue()


def send(conversation: Conversation, form: ComposerForm, values: dict[str, str], *, by: User) -> Message:
    """Do what a valid form asks. Raises `ValidationError` when the template cannot be filled."""
    given = form.cleaned_data
    key = f"agent:{given['idempotency_key']}"
    if given["mode"] == "note":
        return _note_once(conversation, given["text"], by)
    if given["mode"] == "template":
        return _send_template(conversation, given["template"], values, key, by)
    if given["picture"]:
        return _send_picture(conversation, given, key, by)
    result = services.queue_message(
        conversation, text=given["text"], source="agent", by=by, idempotency_key=key, reply_to=given["reply_to"]
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


def _send_picture(conversation: Conversation, given: dict[str, Any], key: str, by: User) -> Message:
    again = Message.objects.filter(idempotency_key=key).first()
    if again is not None:
        return again
    name = default_storage.save(
        f"outgoing/{clock.now():%Y/%m/%d}/{uuid.uuid4().hex}{PurePath(given['picture'].name).suffix}", given["picture"]
    )
    content = {"file": name, "caption": given["text"], "filename": given["picture"].name}
    result = services.queue_message(
        conversation,
        kind="image",
        text=given["text"],
        content=content,
        source="agent",
        by=by,
        idempotency_key=key,
        reply_to=given["reply_to"],
    )
    if not result.created:
        default_storage.delete(name)
    return result.message


def _send_template(conversation: Conversation, pk: int | None, values: dict[str, str], key: str, by: User) -> Message:
    template = usable_templates(conversation).filter(pk=pk).first()
    if template is None:
        raise ValidationError(_("Choose a template."))
    try:
        components, text = blanks.fill(template.components, values)
    except blanks.NotFillable:
        raise ValidationError(_("Fill every place of the template first.")) from None
    content = {"name": template.name, "language": template.language, "components": components}
    result = services.queue_message(
        conversation,
        kind="template",
        text=text,
        content=content,
        category=category_of(template),
        source="agent",
        by=by,
        idempotency_key=key,
    )
    return result.message


def usable_templates(conversation: Conversation) -> Any:
    return MessageTemplate.objects.filter(connection=conversation.connection, status=MessageTemplate.Status.APPROVED)


def category_of(template: MessageTemplate) -> str:
    """The law's category; one that the platform invents is treated as a promotion, the strictest."""
    category = template.category.lower()
    return category if category in Message.Category.values else Message.Category.MARKETING
