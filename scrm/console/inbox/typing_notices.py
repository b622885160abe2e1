"""'… is typing' on the customer's phone while an agent writes. Best effort, in the background, and seldom enough for the platform.

The platform shows it for 25 seconds or until an answer comes, so one notice in 20 seconds keeps it up. It also marks the customer's
messages as read, which they are: the agent is answering them.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from connectors.errors import ConnectorError
from scrm.connections.services import capabilities_of, channel_of, is_callable_now
from scrm.console.models import TypingNotice
from scrm.conversations.models import Conversation, Message
from scrm.core import clock, jobs
from scrm.core.rows import insert_new

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=20)
# Later than this the agent has sent the answer, or stopped.
STALE_AFTER = timedelta(seconds=10)
# Platforms know the message that they show it under for a day at least.
ANSWERABLE = timedelta(hours=24)
BATCH = 20


def ask(conversation: Conversation) -> bool:
    """Let the customer know. False when they were told within the last seconds, or when there is nothing to answer."""
    now = clock.now()
    if not capabilities_of(conversation.connection).read_marks:
        return False
    rows = TypingNotice.objects.filter(conversation=conversation)
    if rows.filter(asked_at__gt=now - EVERY).exists():
        return False
    theirs = Message.objects.filter(conversation=conversation, direction=Message.Direction.IN, sent_at__gt=now - ANSWERABLE)
    newest = theirs.exclude(external_id="").order_by("-sent_at", "-id").values_list("external_id", flat=True).first()
    if newest is None:
        return False
    taken = rows.filter(asked_at__lte=now - EVERY).update(external_id=newest, asked_at=now, waiting=True)
    if not taken:
        insert_new(TypingNotice, [TypingNotice(conversation=conversation, external_id=newest, asked_at=now)], key="conversation_id")
    jobs.wake_on_commit("typing notices")
    return True


def send_due() -> int:
    """Tell the platforms; a notice that waited too long is dropped."""
    fresh = clock.now() - STALE_AFTER
    TypingNotice.objects.filter(waiting=True, asked_at__lte=fresh).update(waiting=False)
    due = TypingNotice.objects.filter(waiting=True, asked_at__gt=fresh).select_related("conversation__connection").order_by("asked_at")
    return sum(_send(notice) for notice in list(due[:BATCH]))


def _send(notice: TypingNotice) -> int:
    """Claim by a conditional update, then call. 1 when this worker had it."""
    if not TypingNotice.objects.filter(pk=notice.pk, waiting=True, asked_at=notice.asked_at).update(waiting=False):
        return 0
    connection = notice.conversation.connection
    if not is_callable_now(connection, clock.now()):
        return 1
    try:
        channel_of(connection).mark_read(notice.external_id, typing=True)
    except ConnectorError as error:
        logger.info("typing notice not sent: %s", type(error).__name__)
    return 1
