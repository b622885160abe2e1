"""The push engine: takes what is due, writes it batch by batch, stores what became of each record.

No call runs inside a transaction. A crash at any point repeats a write at worst, and a repeated write changes nothing more, because each
carries our unique key. What fails as a whole concerns the connection and costs no record an attempt; a record that fails is tried again
SYNC_RETRIES times and then set aside with its reason.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from connectors.contracts import Crm
from connectors.errors import ConnectorError, OutcomeUnknown, Rejected, TryLater
from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.core import clock
from scrm.core.crashpoints import crash_here
from scrm.core.logs import trail
from scrm.sync import meter, queue
from scrm.sync.models import Kind, Push
from scrm.sync.preparing import ready
from scrm.sync.queue import Settled
from scrm.sync.round import LINKED, Round

logger = logging.getLogger(__name__)

BATCH = 100
# Each associated record costs a further call at some CRMs: chunks that are done well within the lease.
LINKED_BATCH = 20
IN_TURN = (Kind.CONTACT, Kind.PRODUCT, *LINKED)
STEP_SECONDS = 15.0
PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)


def push_due(*, slug: str = "", ahead: timedelta = timedelta(0)) -> int:
    """One batch of each CRM that has something due and may be called. Returns how many rows were taken.

    `slug` limits it to one connection, `ahead` takes what falls due within that time as well.
    """
    now = clock.now()
    waiting = Push.objects.filter(queue.due(now + ahead), connection=OuterRef("pk"))
    crms = Connection.objects.filter(connections.callable_q(now), Exists(waiting), kind=Connection.Kind.CRM)
    taken = 0
    for connection in crms.filter(slug=slug) if slug else crms:
        if connections.is_callable_now(connection, now):
            taken += _push_batch(connection, ahead)
    return taken


def due_soon(within: timedelta) -> bool:
    """Whether something falls due within this time that may then be written: it was asked for when it was noted, and is waited for."""
    now = clock.now()
    coming = Push.objects.filter(state=Push.State.DUE, due_at__gt=now, due_at__lte=now + within, connection=OuterRef("pk"))
    return Connection.objects.filter(connections.callable_q(now), Exists(coming), kind=Connection.Kind.CRM).exists()


def _push_batch(connection: Connection, ahead: timedelta) -> int:
    crm = ready(connection)
    if crm is None:
        return 0
    pushes = queue.claim(connection, min(crm.capabilities.batch, BATCH), clock.now() + ahead)
    if pushes:
        _write_all(Round.begin(connection, crm, pushes), crm)
    return len(pushes)


def _write_all(work: Round, crm: Crm) -> None:
    """Chunk after chunk, people first, until a call fails as a whole or the time is up; the rest is given back untouched."""
    deadline = time.monotonic() + STEP_SECONDS
    chunks = list(_chunks(work.pushes, crm))
    for number, chunk in enumerate(chunks):
        if time.monotonic() > deadline or not _write(work, crm, chunk):
            _give_back([push for rest in chunks[number:] for push in rest if push.pk in work.open])
            return


def _chunks(pushes: Sequence[Push], crm: Crm) -> Iterator[list[Push]]:
    """Contacts and products before what hangs on them."""
    for kind in IN_TURN:
        size = LINKED_BATCH if kind in LINKED else crm.capabilities.batch
        rows = [push for push in pushes if push.kind == kind]
        step = min(size, crm.capabilities.batch)
        yield from (rows[start : start + step] for start in range(0, len(rows), step))


def _write(work: Round, crm: Crm, chunk: list[Push]) -> bool:
    """One call. False when it failed as a whole."""
    draft = work.draft(chunk)
    if not draft.writes:
        work.store(draft, [])
        return True
    try:
        draft = work.read_first(draft, chunk)
        crash_here("push.read")
        outcomes = []
        if draft.writes:
            work.note_sent(draft)
            with meter.called(work.connection.pk):
                outcomes = crm.apply(draft.writes)
        crash_here("push.written")
    except ConnectorError as error:
        if error.before:
            done, draft = draft.split(len(error.before))
            connections.report_success(work.connection)
            work.store(done, error.before)
        if error.before is not None:
            work.note_unsent(draft.sent[1:])
        connections.report_failure(work.connection, error)
        _fail_chunk(work, draft.sent, error)
    except Exception as error:
        logger.error("connection %s: the adapter failed over %d records: %s", work.connection.slug, len(draft.sent), trail(error))
        _fail_chunk(work, draft.sent, Rejected(f"The connector failed: {type(error).__name__}"))
    else:
        connections.report_success(work.connection)
        work.store(draft, outcomes)
        crash_here("push.stored")
        return True
    work.store(draft.without_writes(), [])
    return False


def _fail_chunk(work: Round, sent: Sequence[Push], error: ConnectorError) -> None:
    """A call failed as a whole. Where a record may be the reason, each goes by itself from now on, and only then does a failure count.

    Where the call says how far it came, only the record at which it failed can be the reason.
    """
    suspect = _may_be_a_record(error)
    wait = min(max(error.after, PAUSE), LONGEST_PAUSE) if isinstance(error, TryLater) else PAUSE
    guilty = suspect and len(sent) == 1 and _is_callable(work.connection)
    alone = sent if suspect and len(sent) > 1 else []
    alone = alone[:1] if error.before is not None else alone
    _settle([Settled(push, reason=str(error), refund=not guilty, wait=wait, alone=True if push in alone else None) for push in sent])
    work.open.difference_update(push.pk for push in sent)


def _may_be_a_record(error: ConnectorError) -> bool:
    """A refused request, or a server that breaks over what it was given; not a refused connection, limit or login."""
    if isinstance(error, TryLater):
        return error.code.startswith("HTTP 5")
    return isinstance(error, OutcomeUnknown | Rejected)


def _is_callable(connection: Connection) -> bool:
    return Connection.objects.filter(connections.callable_q(clock.now()), pk=connection.pk).exists()


def _give_back(pushes: Sequence[Push]) -> None:
    _settle([Settled(push, reason=push.last_error, refund=True) for push in pushes])


def _settle(results: Sequence[Settled]) -> None:
    with transaction.atomic():
        queue.settle(queue.lock(result.push for result in results), results)
