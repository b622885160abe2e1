"""Files that we send: whether the channel takes them, told before they are queued; pictures are drawn anew where that makes them fit.

What a file is, its bytes say. Pages that could run something (HTML, SVG) are refused whatever they are called.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from connectors.contracts import MediaLimit
from scrm.connections.models import Connection
from scrm.connections.services import capabilities_of
from scrm.conversations import file_types, pictures
from scrm.core import clock

MB = 1024 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument."
# For channels that state no limits of their own: the Cloud API's, as its media page lists them.
LIMITS: Mapping[str, MediaLimit] = {
    "image": MediaLimit(frozenset({"image/jpeg", "image/png"}), 5 * MB, 1024),
    "audio": MediaLimit(frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}), 16 * MB),
    "video": MediaLimit(frozenset({"video/mp4", "video/3gpp"}), 16 * MB, 1024),
    "sticker": MediaLimit(frozenset({"image/webp"}), 500 * 1024),
    "document": MediaLimit(
        frozenset(
            {
                "text/plain",
                "application/pdf",
                "application/msword",
                "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint",
                f"{_OFFICE}wordprocessingml.document",
                f"{_OFFICE}spreadsheetml.sheet",
                f"{_OFFICE}presentationml.presentation",
            }
        ),
        100 * MB,
        1024,
    ),
}
# An animated sticker may have five times the bytes of a still one.
STILL_STICKER = 100 * 1024
# What is read whole to be drawn anew; larger ones are no photographs.
LARGEST_PICTURE = 50 * MB


@dataclass(frozen=True, slots=True)
class Fit:
    """`reason` is a sentence with what to do, empty when it fits. `redraw`: it fits once it is drawn anew, which is done unasked."""

    fits: bool
    reason: str = ""
    redraw: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A stored file that the channel takes: its name in the storage, its type and kind, the name to show, its bytes."""

    name: str
    mime_type: str
    kind: str
    filename: str
    size: int

    def content(self, caption: str = "") -> dict[str, Any]:
        """The content of a message that carries it."""
        said = {"caption": caption} if caption else {}
        return {"file": self.name, "mime_type": self.mime_type, "filename": self.filename, **said}


class NotSendable(ValueError):
    """The file cannot go out; the text says why and what to do."""


def limits_of(connection: Connection) -> Mapping[str, MediaLimit]:
    return capabilities_of(connection).media or LIMITS


def check_outgoing(connection: Connection, kind: str, mime_type: str, size: int, filename: str = "", caption: str = "") -> Fit:
    """Whether a file of this type and size (bytes) can go out as this kind. `mime_type` is what its bytes say, see `type_of`."""
    mime_type = mime_type.split(";")[0].strip().lower()
    limit = limits_of(connection).get(kind)
    if mime_type in {file_types.MARKUP, "image/svg+xml", "application/xhtml+xml"}:
        return Fit(False, _("Web pages and SVG drawings are not sent. Save it as a PDF or as a picture."))
    if limit is None:
        return Fit(False, _("This channel does not carry files of this kind. Send a link in a text instead."))
    if size <= 0:
        return Fit(False, _("The file is empty. Choose it again."))
    if caption and len(caption) > limit.caption:
        return Fit(False, _caption_reason(limit.caption))
    if kind == "image":
        return _fit_picture(limit, mime_type, size)
    if mime_type not in limit.mime_types:
        return Fit(False, _type_reason(kind, limit))
    if size > limit.max_bytes:
        return Fit(False, _size_reason(kind, size, limit.max_bytes))
    return Fit(True)


def _fit_picture(limit: MediaLimit, mime_type: str, size: int) -> Fit:
    """Any picture that can be opened fits, because it can be drawn anew."""
    if mime_type not in pictures.FORMATS:
        return Fit(False, _("This file is not a picture that can be read. Save it as JPEG or PNG."))
    if size > LARGEST_PICTURE:
        return Fit(False, _("Pictures may have up to %(limit)s MB. Make it smaller first.") % {"limit": LARGEST_PICTURE // MB})
    return Fit(True, redraw=mime_type not in limit.mime_types or size > limit.max_bytes)


def _caption_reason(most: int) -> str:
    if not most:
        return _("No words go with a file of this kind. Send them as a text of their own.")
    return _("Words with a file may have %(limit)s characters. Send the rest as a text of its own.") % {"limit": most}


def _type_reason(kind: str, limit: MediaLimit) -> str:
    names = ", ".join(sorted(file_types.ENDINGS.get(each, each).lstrip(".").upper() for each in limit.mime_types))
    sentences = {
        "audio": _("The channel does not play this sound file. Save it as one of: %(types)s."),
        "video": _("The channel does not play this film. Save it as one of: %(types)s."),
        "sticker": _("A sticker must be one of: %(types)s."),
    }
    return sentences.get(kind, _("The channel does not take this type of file. Save it as one of: %(types)s.")) % {"types": names}


def _size_reason(kind: str, size: int, most: int) -> str:
    sentences = {
        "audio": _("The sound file has %(size)s; the channel takes %(limit)s. Cut it into parts."),
        "video": _("The film has %(size)s; the channel takes %(limit)s. Make it shorter or save it smaller."),
        "sticker": _("The sticker has %(size)s; the channel takes %(limit)s. Save it smaller."),
    }
    sentence = sentences.get(kind, _("The file has %(size)s; the channel takes %(limit)s. Make it smaller or send a link to it."))
    return sentence % {"size": _readable(size), "limit": _readable(most)}


def _readable(size: int) -> str:
    """Rounded up, so that what is too large never reads like the limit itself: '5 MB', '16.1 MB', '500 KB'."""
    unit, name = (MB, "MB") if size >= MB else (1024, "KB")
    tenths = -(-size * 10 // unit)
    return f"{tenths // 10} {name}" if tenths % 10 == 0 else f"{tenths / 10:.1f} {name}"


def type_of(file: File[bytes], filename: str = "") -> str:
    """What the file is by its first and last bytes; leaves it at its start. "" when unknown."""
    file.seek(0)
    head = file.read(file_types.HEAD)
    file.seek(max(0, file.size - file_types.TAIL))
    tail = file.read(file_types.TAIL)
    file.seek(0)
    return file_types.type_of(head, tail, filename)


def kind_of(mime_type: str) -> str:
    """What a file of this type is sent as when nobody says otherwise."""
    kind = mime_type.partition("/")[0]
    return kind if kind in {"image", "audio", "video"} else "document"


def prepare_outgoing(connection: Connection, file: File[bytes], *, kind: str = "", filename: str = "", caption: str = "") -> Prepared:
    """Check the file, draw a picture anew where needed, and store it under `outgoing/`. Raises `NotSendable`; nothing is stored then.

    `kind` is what it shall be sent as; empty: what its type suggests. A picture is a picture, also when sent as a document.
    """
    filename = filename or str(file.name or "")
    mime_type = type_of(file, filename)
    kind = _sent_as(kind, mime_type)
    if kind == "audio" and mime_type == "video/mp4":
        mime_type = "audio/mp4"  # one container for both; recorders of sound often name it as a film
    fit = check_outgoing(connection, kind, mime_type, file.size, filename, caption)
    if not fit.fits:
        raise NotSendable(fit.reason)
    limit = limits_of(connection)[kind]
    if kind == "sticker":
        _check_sticker(file)
    if kind != "image":
        return _store(file, mime_type, kind, filename)
    body, mime_type = _picture(file, limit)
    return _store(ContentFile(body), mime_type, kind, filename)


def _sent_as(kind: str, mime_type: str) -> str:
    suggested = kind_of(mime_type)
    return suggested if not kind or (kind == "document" and suggested == "image") else kind


def _check_sticker(file: File[bytes]) -> None:
    """A still sticker has its own bound; whether it moves stands in the extended header's flags."""
    head = file.read(32)
    file.seek(0)
    moves = head[12:16] == b"VP8X" and bool(head[20] & 0x02)
    if not moves and file.size > STILL_STICKER:
        raise NotSendable(_size_reason("sticker", file.size, STILL_STICKER))


def _picture(file: File[bytes], limit: MediaLimit) -> tuple[bytes, str]:
    try:
        return pictures.for_channel(file.read(), limit.mime_types, min(limit.max_bytes, pictures.LIMIT))
    except pictures.BadPicture as error:
        raise NotSendable(words_for(error)) from None


def words_for(error: pictures.BadPicture) -> str:
    """The reason as a sentence in the reader's language."""
    return {
        "unreadable": _("This file is not a picture that can be read. Save it as JPEG or PNG."),
        "cut_off": _("This picture is damaged or cut off. Choose it again."),
        "too_many_pixels": _("This picture has too many pixels. Make it smaller first."),
        "too_many_passes": _("This picture cannot be opened safely. Save it as JPEG or PNG."),
    }[error.reason]


def _store(file: File[bytes], mime_type: str, kind: str, filename: str) -> Prepared:
    shown = file_types.clean_name(filename, mime_type)
    ending = file_types.ENDINGS.get(mime_type, "")
    name = default_storage.save(f"outgoing/{clock.now():%Y/%m/%d}/{uuid.uuid4().hex}{ending}", file)
    return Prepared(name, mime_type, kind, shown, file.size)
