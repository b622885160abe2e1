"""Files that customers sent: fetched at once, because the platform's links live five minutes and its ids a week.

A failed download is tried again with growing gaps, each time with a new link where the platform gives them by id, and then shown as
missing with a button; it is never silently lost. What is wrong on our side (a full disk, a withdrawn key, no network) is tried as
long as the platform keeps the file.

A picture goes on to a CRM as JPEG below 5 MB. It is drawn here, in the worker, once the original is safe: a waiting row that has its
file waits only for that. A picture that kills its worker is given up after three attempts, and the original stays.
"""

from __future__ import annotations

import contextlib
import logging
from datetime import timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError
from django.db.models import QuerySet

from connectors.contracts import Media, MediaRef
from connectors.errors import ConnectorError, Gone, NeedsLogin, TryLater, Unreachable
from scrm.connections.services import channel_of
from scrm.connections.work_sentences import BROKE_OFF_FETCHING, BROKE_OFF_STORING
from scrm.conversations import file_types, pictures
from scrm.conversations.models import Attachment
from scrm.conversations.services import touch
from scrm.core import clock, jobs
from scrm.core.logs import trail

logger = logging.getLogger(__name__)

GAPS = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
CLAIM = timedelta(minutes=5)
# WhatsApp keeps the files of received messages for 7 days (since 9 October 2025).
KEPT = timedelta(days=7)
# A full disk is emptied by hand and soon; nothing but our own folder is asked meanwhile.
DISK_GAP = timedelta(minutes=10)
MOST_DRAWINGS = 3
# An address can expire between the two steps of a download, so one "not there" is no proof.
GONE_TIMES = 2
OURS = (OSError, NeedsLogin, Unreachable)
KILLED = "No copy for the CRM: the picture stopped the program that drew it"
MOST_KILLS = 12
KILLED_FETCHING = "The program was stopped each time while it fetched this file"


def fetch_due() -> int:
    """Fetch the file that is due first; 1 when there was one. One a step, so that a slow one keeps nothing but itself waiting."""
    due = Attachment.objects.filter(state="waiting", due_at__lte=clock.now()).select_related("message__connection").order_by("due_at", "id")
    return 1 if any(_fetch(attachment) for attachment in due[:10]) else 0


def _fetch(attachment: Attachment) -> bool:
    """Claim by a conditional update, download, store, draw. False when another worker has it.

    After a kill the row comes back when its claim is over, without the reason that an error leaves; claims last longer each time,
    like the gaps after errors.
    """
    lease = max(CLAIM, _gap(attachment.attempts + 1))
    if not _mine(attachment).update(attempts=attachment.attempts + 1, due_at=clock.now() + lease, last_error=""):
        return False
    attachment.attempts += 1
    try:
        if not attachment.file and attachment.attempts > MOST_KILLS and not attachment.last_error:
            raise Gone(KILLED_FETCHING)
        content = _downloaded(attachment) if not attachment.file else b""
        if attachment.state == Attachment.State.WAITING:
            _draw(attachment, content)
    except DatabaseError:
        raise
    except Exception as error:
        # Storages of other makers raise what they like, and a file that breaks us must not come back for ever.
        if not isinstance(error, ConnectorError | OSError):
            logger.warning("attachment %s cannot be fetched: %s", attachment.pk, trail(error))
        _fail(attachment, error)
    touch([attachment.message.conversation_id])
    return True


def _mine(attachment: Attachment) -> QuerySet[Attachment]:
    """The row as long as no other worker has claimed it."""
    return Attachment.objects.filter(pk=attachment.pk, state="waiting", attempts=attachment.attempts)


def _downloaded(attachment: Attachment) -> bytes:
    """Fetch and store the original. The row is finished then, unless it is a picture, which waits to be drawn."""
    media = channel_of(attachment.message.connection).download(_ref(attachment))
    found = file_types.type_of(media.content[: file_types.HEAD], filename=attachment.filename)
    name = _store(attachment, media, found)
    is_picture = bool(pictures.type_of(media.content)) or attachment.kind in {"image", "sticker"}
    fields = {
        "file": name,
        "sha256": media.sha256[:64],
        "size": len(media.content),
        "mime_type": attachment.mime_type or media.mime_type[:100],
        "url": "",
        "last_error": "",
        "state": "waiting" if is_picture else "stored",
    }
    _settle(attachment, fields, stored=name)
    return media.content


def _ref(attachment: Attachment) -> MediaRef:
    return MediaRef(
        attachment.external_id,
        attachment.kind,
        attachment.mime_type,
        sha256=attachment.sha256,
        filename=attachment.filename,
        url=attachment.url,
        size=attachment.size,
    )


def _store(attachment: Attachment, media: Media, found: str) -> str:
    stated = media.mime_type.split(";")[0].strip().lower()
    ending = file_types.ENDINGS.get(found) or file_types.ENDINGS.get(stated, ".bin")
    return _save(f"{_stem(attachment)}-{media.sha256[:12]}{ending}", media.content)


def _stem(attachment: Attachment) -> str:
    """Of one attempt: two workers that both believe to have the row never write into one file."""
    return f"attachments/{attachment.message.created_at:%Y/%m/%d}/{attachment.pk}-{attachment.attempts}"


def _save(name: str, content: bytes) -> str:
    """The name under which it was stored. A file that could not be written to its end is taken away again."""
    free = default_storage.get_available_name(name, max_length=300)
    try:
        return default_storage.save(free, ContentFile(content), max_length=300)
    except Exception:
        _discard(free)
        raise


def _discard(name: str) -> None:
    with contextlib.suppress(Exception):
        default_storage.delete(name)


def _settle(attachment: Attachment, fields: dict[str, object], *, stored: str) -> None:
    """Write what was done, if the row is still ours; else take back what was stored for it."""
    if not _mine(attachment).update(**fields):
        _discard(stored)
        fields = {"state": Attachment.State.STORED}
    for name, value in fields.items():
        setattr(attachment, name, value)


def _draw(attachment: Attachment, content: bytes) -> None:
    """Make the copy for the CRM. A picture that cannot be drawn keeps its original and the reason."""
    name = reason = ""
    if not content and attachment.attempts > MOST_DRAWINGS and not attachment.last_error:
        reason = KILLED
    else:
        try:
            drawn = pictures.for_crm(content or _original(attachment))
            name = _save(f"{_stem(attachment)}-crm.jpg", drawn) if drawn is not None else ""
        except pictures.BadPicture as error:
            reason = f"No copy for the CRM: {error}"
    _settle(attachment, {"crm_file": name, "state": "stored", "last_error": reason}, stored=name)


def _original(attachment: Attachment) -> bytes:
    with default_storage.open(attachment.file.name or "") as handle:
        content: bytes = handle.read()
    return content


def _gap(attempts: int) -> timedelta:
    return GAPS[min(attempts, len(GAPS)) - 1]


def _fail(attachment: Attachment, error: Exception) -> None:
    """Another attempt after a gap, or the end: missing, or stored without a copy for the CRM."""
    gap = min(_gap(attachment.attempts), DISK_GAP) if isinstance(error, OSError) else _gap(attachment.attempts)
    if isinstance(error, TryLater):
        gap = max(gap, error.after)
    state = "waiting" if _goes_on(attachment, error) else "stored" if attachment.file else "failed"
    _mine(attachment).update(state=state, due_at=clock.now() + gap, last_error=_words(error)[:500])


def _words(error: Exception) -> str:
    if isinstance(error, ConnectorError):
        return str(error)
    return f"{BROKE_OFF_STORING}: {error}" if isinstance(error, OSError) else f"{BROKE_OFF_FETCHING}: {type(error).__name__}"


def _goes_on(attachment: Attachment, error: Exception) -> bool:
    if isinstance(error, Gone):
        return attachment.attempts < GONE_TIMES
    if attachment.attempts <= len(GAPS):
        return True
    return isinstance(error, OURS) and clock.now() - attachment.message.created_at < KEPT


def try_again(attachment: Attachment) -> None:
    """The button: another round of attempts, starting now."""
    Attachment.objects.filter(pk=attachment.pk, state="failed").update(state="waiting", attempts=0, due_at=clock.now())
    touch([attachment.message.conversation_id])
    jobs.wake_on_commit("media")


def file_for_crm(attachment: Attachment) -> str:
    """The stored name of what goes on to a CRM: the drawn JPEG, else the file itself. "" while there is none that may go.

    A picture that could not be drawn anew stays here: its original may tell where it was taken.
    """
    if attachment.state != Attachment.State.STORED or attachment.last_error:
        return ""
    return attachment.crm_file.name or attachment.file.name or ""
