"""Old text goes into blocks, and comes out again when somebody changes or removes it.

Once a month's worth of messages has become older than HISTORY_COMPRESS_DAYS, a sweep walks all conversations: in small transactions, in
steps that can be broken off anywhere, beside everything else. Messages keep their rows, so that states, prices, replies, merges and the
search index know nothing of it; only text and content move. What may still be sent or decided on stays as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from scrm.conversations import blocks
from scrm.conversations.blocks import Said
from scrm.conversations.filling import SAID, take_out
from scrm.conversations.models import Conversation, HistoryBlock, HistorySweep, Message
from scrm.core import clock
from scrm.core.crashpoints import crash_here
from scrm.core.rows import update_many

logger = logging.getLogger(__name__)

RESTLESS = ("queued", "claimed", "sending", "unknown")
MOST_MESSAGES, MOST_BYTES = 200, 512 * 1024
# Of one transaction.
STEP_CONVERSATIONS, STEP_MESSAGES = 100, 1000
SWEEP_EVERY = timedelta(days=30)
# A block's row and its place in the index, about.
ROW_BYTES = 150


def begin(*, now: datetime | None = None, wait: timedelta = SWEEP_EVERY) -> HistorySweep | None:
    """The open sweep, or a new one when messages of `wait` have become old since the last; None: nothing to do."""
    if not settings.HISTORY_COMPRESS_DAYS:
        return None
    if (running := open_sweep()) is not None:
        return running
    cutoff = (now or clock.now()) - timedelta(days=settings.HISTORY_COMPRESS_DAYS)
    reached = HistorySweep.objects.order_by("-last_message").values_list("last_message", flat=True).first() or 0
    oldest = Message.objects.filter(pk__gt=reached).order_by("pk").values_list("created_at", flat=True).first()
    if oldest is None or oldest > cutoff - wait:
        return None
    last = newest_before(cutoff)
    if last <= reached:
        return None
    given = {"last_message": last, "said_before": cutoff, "started_at": clock.now()}
    return HistorySweep.objects.get_or_create(first_message=reached, done_at=None, defaults=given)[0]


def open_sweep() -> HistorySweep | None:
    return HistorySweep.objects.filter(done_at=None).order_by("id").first()


def newest_before(moment: datetime) -> int:
    """The key of the newest message that was stored before `moment`, 0 without one. Keys follow the time of storing."""
    low, high = 0, Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    while low < high:
        middle = (low + high + 1) // 2
        found = Message.objects.filter(pk__lte=middle).order_by("-pk").values_list("pk", "created_at").first()
        if found is None or found[1] < moment:
            low = middle
        else:
            high = found[0] - 1
    return low


def go_on() -> int:
    """One step of the open sweep, for the drain: how many messages and conversations it looked at."""
    sweep = open_sweep()
    return step(sweep) if sweep is not None and settings.HISTORY_COMPRESS_DAYS else 0


def step(sweep: HistorySweep) -> int:
    with transaction.atomic():
        # Two at work would only wait for each other.
        held = HistorySweep.objects.select_for_update(skip_locked=True).filter(pk=sweep.pk, done_at=None).first()
        if held is None:
            return 0
        ids = list(
            Conversation.objects.filter(pk__gte=held.conversation_reached).order_by("pk").values_list("pk", flat=True)[:STEP_CONVERSATIONS]
        )
        rows = _due(held, ids)
        for group in _groups(rows):
            _put_away(held, group)
        _advance(held, ids, rows)
        held.save()
        crash_here("history.step")
    for field in HistorySweep._meta.concrete_fields:
        setattr(sweep, field.attname, getattr(held, field.attname))
    return 0 if sweep.done_at else max(1, len(rows))


def _advance(sweep: HistorySweep, ids: Sequence[int], rows: Sequence[Message]) -> None:
    if len(rows) == STEP_MESSAGES:
        sweep.conversation_reached, sweep.message_reached = rows[-1].conversation_id, rows[-1].pk
    elif len(ids) == STEP_CONVERSATIONS:
        sweep.conversation_reached, sweep.message_reached = ids[-1] + 1, 0
    else:
        sweep.done_at = clock.now()


def _due(sweep: HistorySweep, ids: Sequence[int]) -> list[Message]:
    """Locked in the order of their conversations, then of their keys."""
    behind = Q(conversation__gt=sweep.conversation_reached) | Q(pk__gt=sweep.message_reached)
    old = Message.objects.filter(behind, conversation__in=ids, block=None, sent_at__lt=sweep.said_before)
    old = old.filter(pk__gt=sweep.first_message, pk__lte=sweep.last_message).exclude(state__in=RESTLESS)
    rows = old.select_for_update(of=("self",)).order_by("conversation_id", "pk").only("conversation_id", *SAID)
    return list(rows[:STEP_MESSAGES])


def _groups(rows: Iterable[Message]) -> Iterator[list[Message]]:
    """What goes into one block: of one conversation, bounded in number and bytes."""
    for _, theirs in groupby(rows, key=lambda row: row.conversation_id):
        group: list[Message] = []
        size = 0
        for row in theirs:
            own = blocks.size_of((row.text, row.content))
            if group and (len(group) == MOST_MESSAGES or size + own > MOST_BYTES):
                yield group
                group, size = [], 0
            group.append(row)
            size += own
        yield group


def _put_away(sweep: HistorySweep, group: Sequence[Message]) -> None:
    said: dict[int, Said] = {row.pk: (row.text, row.content) for row in group}
    before = sum(map(blocks.size_of, said.values()))
    body = blocks.pack(said)
    # A few words of one message would only grow.
    if len(body) + ROW_BYTES >= before:
        return
    block = HistoryBlock(conversation_id=group[0].conversation_id, made_at=clock.now())
    _set(block, said, body)
    block.save()
    for row in group:
        row.block, row.text, row.content = block, "", blocks.kept(row.content)
    update_many(Message, group, [*SAID, "block"])
    sweep.messages += len(group)
    sweep.blocks += 1
    sweep.size_before += before
    sweep.size_after += len(body)


def _set(block: HistoryBlock, said: dict[int, Said], body: bytes) -> None:
    block.first_message, block.last_message, block.messages = min(said), max(said), len(said)
    block.size_before, block.size_after = sum(map(blocks.size_of, said.values())), len(body)
    block.body, block.sha256 = body, blocks.digest(body)


def write(messages: Iterable[Message]) -> None:
    """Write text and content, changed, into the rows; what a block says of them is removed. In the caller's transaction."""
    rows = list(messages)
    if not rows:
        return
    for row in rows:
        take_out(row)
    update_many(Message, rows, [*SAID, "block"])
    forget([row.pk for row in rows])


@transaction.atomic
def forget(ids: Sequence[int]) -> None:
    """Remove what the blocks say of these messages: for good, since their rows say it now, or are about to go.

    Found by conversation and key, not by the row's own word: a message that was changed while it was put away is in both.
    """
    if not ids:
        return
    conversations = Message.objects.filter(pk__in=ids).order_by().values_list("conversation_id", flat=True).distinct()
    around = Q(first_message__lte=max(ids), last_message__gte=min(ids), conversation__in=list(conversations))
    gone = set(ids)
    for block in HistoryBlock.objects.select_for_update().filter(around).order_by("pk"):
        try:
            said = blocks.unpack(bytes(block.body))
        except blocks.Damaged as error:
            # Nobody can read it; it goes with its conversation.
            logger.error("block of history %s cannot be read, nothing is removed from it: %s", block.pk, error)
            continue
        left = {pk: words for pk, words in said.items() if pk not in gone}
        if len(left) == len(said):
            continue
        if not left:
            block.delete()
            continue
        _set(block, left, blocks.pack(left))
        block.save()


def bring_back() -> int:
    """Unpack the newest block into its rows, for who wants no compression any more; 0 when none is left."""
    with transaction.atomic():
        block = HistoryBlock.objects.select_for_update().order_by("-pk").first()
        if block is None:
            return 0
        rows = list(Message.objects.filter(conversation=block.conversation_id, block=block).order_by("pk"))
        write(rows)
        HistoryBlock.objects.filter(pk=block.pk).delete()
    return max(1, len(rows))


def figures() -> dict[str, int]:
    """{messages, blocks, size_before, size_after}: what is compressed so far, as the sweeps counted it."""
    total = HistorySweep.objects.order_by().values_list("messages", "blocks", "size_before", "size_after")
    sums = [sum(column) for column in zip(*total, strict=True)] or [0, 0, 0, 0]
    return dict(zip(("messages", "blocks", "size_before", "size_after"), sums, strict=True))
