"""Files that customers sent and that we sent, for signed-in agents only."""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePath

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from scrm.console.access import seen
from scrm.conversations.models import Attachment, Message

# What a browser may show in place. Everything else, SVG and HTML above all, is handed out as a download.
SHOWN = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PLAYED = re.compile(r"(audio|video)/[a-z0-9.+-]{1,60}")


def _answer(name: str, mime_type: str, filename: str) -> HttpResponseBase:
    if not name or not default_storage.exists(name):
        raise Http404
    kind = mime_type.split(";")[0].strip().lower()
    shown = kind in SHOWN or PLAYED.fullmatch(kind) is not None
    # A name may come from anywhere; line ends in it would end the header, marks of direction would hide its ending.
    answer = FileResponse(
        default_storage.open(name),
        as_attachment=not shown,
        filename="".join(character for character in filename if character.isprintable()),
        content_type=kind if shown else "application/octet-stream",
    )
    # A file is whatever its sender made it: it may run nothing here. It never changes, so the agent's own browser may keep it.
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'; sandbox"
    answer["Cache-Control"] = "private, max-age=86400"
    return answer


@require_safe
def attachment(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file as it came. Of a picture that browsers cannot show the JPEG that was drawn from it, unless `?original` is asked for."""
    row = get_object_or_404(seen(request, Attachment.objects.all()), pk=pk, state=Attachment.State.STORED)
    kind = row.mime_type.split(";")[0].strip().lower()
    if row.crm_file.name and kind not in SHOWN and "original" not in request.GET:
        return _answer(row.crm_file.name, "image/jpeg", f"{PurePath(row.filename or row.kind).stem}.jpg")
    filename = row.filename or f"{row.kind}{mimetypes.guess_extension(kind) or PurePath(row.file.name or '').suffix}"
    return _answer(row.file.name or "", row.mime_type, filename)


@require_safe
def message_file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file of a message that we sent."""
    message = get_object_or_404(seen(request, Message.objects.all()), pk=pk, direction=Message.Direction.OUT)
    name = str(message.content.get("file") or "")
    if not name.startswith("outgoing/"):
        raise Http404
    return _answer(name, mimetypes.guess_type(name)[0] or "", str(message.content.get("filename") or PurePath(name).name))
