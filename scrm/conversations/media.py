"""Files that customers sent: fetched at once, because the platform's links live five minutes and its ids a week.

A failed download is tried again with growing gaps, and then shown as missing with a button; it is never silently lost.
"""

from __future__ import annotations

import mimetypes
from datetime import timedelta

from django.core.files.base import ContentFile

from connectors.contracts import MediaRef
from connectors.errors import ConnectorError, Gone
from scrm.connections.services import channel_of
from scrm.conversations.models import Attachment
from scrm.conversations.services import touch
from scrm.core import clock, jobs

GAPS = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
CLAIM = timedelta(minutes=2)


def fetch_due() -> int:
    due = Attachment.objects.filter(state="waiting", due_at__lte=clock.now()).select_related("message__connection").order_by("due_at", "id")
    return sum(_fetch(attachment) for attachment in list(due[:10]))


def _fetch(attachment: Attachment) -> int:
    """Claim by a conditional update, download, store. 1 when this worker had it."""
    mine = Attachment.objects.filter(pk=attachment.pk, state="waiting", attempts=attachment.attempts)
    if not mine.update(attempts=attachment.attempts + 1, due_at=clock.now() + CLAIM):
        return 0
    attachment.attempts += 1
    ref = MediaRef(attachment.external_id, attachment.kind, attachment.mime_type, filename=attachment.filename)
    try:
        media = channel_of(attachment.message.connection).download(ref)
        extension = mimetypes.guess_extension(media.mime_type.split(";")[0].strip()) or ".bin"
        attachment.file.save(f"{attachment.pk}-{media.sha256[:12]}{extension}", ContentFile(media.content), save=False)
    except Gone as error:
        _fail(attachment, error, final=True)
    except (ConnectorError, OSError) as error:
        _fail(attachment, error, final=attachment.attempts > len(GAPS))
    else:
        attachment.state, attachment.sha256, attachment.size, attachment.last_error = "stored", media.sha256, len(media.content), ""
        attachment.mime_type = attachment.mime_type or media.mime_type[:100]
        attachment.save(update_fields=["file", "state", "sha256", "size", "mime_type", "last_error"])
    touch([attachment.message.conversation_id])
    return 1


def _fail(attachment: Attachment, error: Exception, *, final: bool) -> None:
    gap = GAPS[min(attachment.attempts, len(GAPS)) - 1]
    state = "failed" if final else "waiting"
    Attachment.objects.filter(pk=attachment.pk).update(state=state, due_at=clock.now() + gap, last_error=str(error)[:500])


def try_again(attachment: Attachment) -> None:
    """The button: another round of attempts, starting now."""
    Attachment.objects.filter(pk=attachment.pk, state="failed").update(state="waiting", attempts=0, due_at=clock.now())
    touch([attachment.message.conversation_id])
    jobs.wake_on_commit("media")
