"""Media: upload, the two-step download with an address that lives five minutes, and removal."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone

from scrm.sandbox.graph.access import caller
from scrm.sandbox.graph.answers import graph_call, wrong_method
from scrm.sandbox.graph.errors import GraphError, missing_object
from scrm.sandbox.identifiers import new_object_id
from scrm.sandbox.models import MediaFile, Number

ADDRESS_SECONDS = 300
UPLOADED_LIVES = timedelta(days=30)
RECEIVED_LIVES = timedelta(days=7)
SALT = "sandbox.media"
MIB = 2**20
DOCUMENT_TYPES = (
    "text/plain",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
)
# Largest upload in bytes by type, from the platform's media page.
LIMITS: dict[str, int] = {
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * MIB),
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * MIB),
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * MIB),
    "image/webp": 500 * 1024,
    **dict.fromkeys(DOCUMENT_TYPES, 100 * MIB),
}


def store(number: Number, content: bytes, mime_type: str, filename: str, lives: timedelta) -> MediaFile:
    return MediaFile.objects.create(
        media_id=new_object_id(16),
        number=number,
        mime_type=mime_type,
        filename=filename[:200],
        sha256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
        size=len(content),
        content=content,
        expires_at=timezone.now() + lives,
    )


def address(media: MediaFile) -> str:
    """Good for five minutes, and only with the bearer token."""
    token = signing.dumps(media.media_id, salt=SALT)
    return f"{settings.SANDBOX_URL.rstrip('/')}/sandbox/graph/media/{token}/"


@graph_call
def upload(request: HttpRequest, phone_number_id: str) -> HttpResponseBase:
    if request.method != "POST":
        raise wrong_method(request)
    number = caller(request)
    if number.phone_number_id != phone_number_id:
        raise missing_object(phone_number_id)
    if request.POST.get("messaging_product") != "whatsapp":
        raise GraphError(100, "The parameter messaging_product is required and must be 'whatsapp'.")
    file = request.FILES.get("file")
    if file is None:
        raise GraphError(100, "The parameter file is required.")
    mime_type = (file.content_type or request.POST.get("type") or "").split(";")[0].strip().lower()
    if mime_type not in LIMITS:
        raise GraphError(100, f"Param file must be a file with one of the following types: {', '.join(LIMITS)}. Received {mime_type!r}.")
    if not 0 < (file.size or 0) <= LIMITS[mime_type]:
        raise GraphError(131053, f"A file of type {mime_type} has 1 to {LIMITS[mime_type]} bytes")
    return JsonResponse({"id": store(number, file.read(), mime_type, file.name or "", UPLOADED_LIVES).media_id})


def node(media: MediaFile) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "url": address(media),
        "mime_type": media.mime_type,
        "sha256": media.sha256,
        "file_size": media.size,
        "id": media.media_id,
    }


def find(number: Number, media_id: str) -> MediaFile | None:
    return MediaFile.objects.filter(media_id=media_id, number=number, expires_at__gt=timezone.now()).defer("content").first()


@graph_call
def download(request: HttpRequest, token: str) -> HttpResponseBase:
    number = caller(request)
    try:
        media_id = signing.loads(token, salt=SALT, max_age=ADDRESS_SECONDS)
    except signing.BadSignature:
        return HttpResponse("URL signature expired", status=404, content_type="text/plain")
    media = MediaFile.objects.filter(media_id=media_id, number=number, expires_at__gt=timezone.now()).first()
    if media is None:
        return HttpResponse("Not found", status=404, content_type="text/plain")
    return HttpResponse(bytes(media.content), content_type=media.mime_type)
