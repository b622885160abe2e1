"""Sending: each message once, or known not to be known.

    queued --claim--> claimed --law, slot, fence--> sending --platform--> accepted
                         |                             |
                  lease over: queued            lease over: unknown

A worker claims rows with a lease and a fence; only the holder of the current fence may write the outcome. The law is asked once more
in the transaction that sets `sending`; after its commit the HTTP call runs with a time limit below the rest of the lease. A row
that was `sending` when its worker died may have gone out: it becomes `unknown`, is never sent again by a timer, and waits for its
status (our reference travels with it) or for a person.

One conversation sends in order: only its oldest open message is claimed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import close_old_connections, connection, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from connectors.contracts import Address, OutboundMessage, Receipt
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater, Unreachable
from scrm.connections.models import Connection
from scrm.connections.services import channel_of, is_callable_now, report_failure, report_success
from scrm.contacts import events
from scrm.contacts.models import Event, Identity
from scrm.contacts.services import record_consent
from scrm.conversations.models import Conversation, Message, MessageTemplate
from scrm.conversations.policy import decide
from scrm.conversations.services import lock_person_behind, locked, touch, write_decision
from scrm.conversations.standing import candidate_of, facts_of, limits_of, release, reserve
from scrm.conversations.statuses import client_ref, join_orphans
from scrm.core import clock
from scrm.core.crashpoints import crash_here
from scrm.core.logs import trail

logger = logging.getLogger(__name__)

BATCH = 24
THREADS = 6
# One writer at a time: more threads would only wait for each other.
SQLITE_THREADS = 2
LEASE = timedelta(seconds=60)
# The connectors' overall limit for one call is 15 s; nothing is sent with less than that and a margin left of the lease.
LEAST_LEASE_LEFT = timedelta(seconds=25)
BACK_OFF = (timedelta(seconds=20), timedelta(seconds=90))
UNREACHABLE_AFTER = timedelta(seconds=15)
# A message that could not leave for this long is no longer what its sender meant.
EXPIRES_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Claim:
    pk: int
    fence: int
    conversation_id: int
    connection_id: int


def send_due() -> int:
    """Claim a batch of due messages and send each; the drain step of the outbox."""
    claims = claim(BATCH)
    if not claims:
        return 0
    crash_here("outbox.claimed")
    if len(claims) == 1 or not settings.JOBS_ENABLED:
        for each in claims:
            send(each)
        return len(claims)
    list(_pool().map(_send_in_thread, claims))
    return len(claims)


_pools: dict[int, ThreadPoolExecutor] = {}


def _pool() -> ThreadPoolExecutor:
    """The senders of this process, who keep their database connections: a new one for each message cost more than the message."""
    if os.getpid() not in _pools:
        _pools.clear()
        threads = SQLITE_THREADS if connection.vendor == "sqlite" else THREADS
        _pools[os.getpid()] = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="outbox")
    return _pools[os.getpid()]


def _send_in_thread(claim_: Claim) -> None:
    close_old_connections()
    send(claim_)


def claim(limit: int) -> list[Claim]:
    """Take due messages by a conditional update. Connections that cannot be called now keep theirs queued."""
    now = clock.now()
    asking = set(Message.objects.filter(state="queued", due_at__lte=now).order_by().values_list("connection_id", flat=True).distinct())
    if not asking:
        return []
    # Only of those with something to send: after a pause, the yes is the one probe.
    callable_ids = [c.pk for c in Connection.objects.filter(kind="channel", pk__in=asking) if is_callable_now(c, now)]
    earlier = Message.objects.filter(
        conversation=OuterRef("conversation"), state__in=["queued", "claimed", "sending"], pk__lt=OuterRef("pk")
    ).exclude(state="queued", due_at__gt=now)
    due = (
        Message.objects.filter(state="queued", due_at__lte=now, connection__in=callable_ids)
        .filter(~Exists(earlier))
        .order_by("due_at", "id")
    )
    if not callable_ids or not due.exists():
        return []
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        rows = list(due.values_list("pk", "fence", "conversation_id", "connection_id")[:limit])
        # The rows are locked (on SQLite the whole database is), so nobody else can have taken one since it was read.
        Message.objects.filter(pk__in=[row[0] for row in rows], state="queued").update(
            state="claimed", fence=F("fence") + 1, lease_until=now + LEASE
        )
    return [Claim(pk, fence + 1, conversation_id, connection_id) for pk, fence, conversation_id, connection_id in rows]


def send(claimed: Claim) -> None:
    """One claimed message: the law, the platform, the outcome."""
    message = _start(claimed)
    if message is None:
        return
    crash_here("outbox.sending")
    try:
        channel = channel_of(message.connection)
        receipt = channel.send(_outbound(message, channel))
    except ConnectorError as error:
        crash_here("outbox.answered")
        _settle_error(claimed, message, error)
    except Exception as error:
        # A fault of ours between the request and its answer: whether it left is not known.
        logger.error("message %s: sending broke off: %s", message.pk, trail(error))
        _settle_error(claimed, message, OutcomeUnknown(f"{type(error).__name__} while sending"))
    else:
        crash_here("outbox.answered")
        _accept(claimed, message, receipt)


def _mine(claimed: Claim) -> Any:
    return Message.objects.filter(pk=claimed.pk, fence=claimed.fence)


def _start(claimed: Claim) -> Message | None:
    """Ask the law again, take the slot and set `sending`, in one transaction that holds the person's lock."""
    with transaction.atomic():
        conversation = locked(claimed.conversation_id)
        now = clock.now()
        message = _mine(claimed).filter(state="claimed", lease_until__gt=now + LEAST_LEASE_LEFT).first()
        if message is None:
            return None
        message.conversation, message.connection = conversation, conversation.connection
        if now - message.created_at > EXPIRES_AFTER and not _was_deferred(message):
            _leave(message, conversation, "expired", error_code="expired", error_title="Could not be sent within 24 hours")
            return None
        limits = limits_of(conversation.connection)
        verdict = decide(candidate_of(message), facts_of(conversation, now, leaving_out=message.pk), limits, now)
        if verdict.allowed and not reserve(message, conversation, limits, now):
            verdict = decide(candidate_of(message), facts_of(conversation, now, leaving_out=message.pk), limits, now)
        if verdict.allowed and message.kind == "template" and (held := _template_hold(message)):
            _mine(claimed).update(
                state="queued", lease_until=None, due_at=now + timedelta(minutes=10), error_code="132015", error_title=held
            )
            return None
        write_decision(message, conversation, verdict, moment="send", now=now)
        if verdict.allowed:
            _mine(claimed).update(state="sending", attempts=F("attempts") + 1)
            message.attempts += 1
            return message
        release(message)
        if verdict.verdict == "defer":
            _mine(claimed).update(state="queued", lease_until=None, due_at=verdict.until)
            touch([conversation.pk])
        else:
            _leave(message, conversation, "blocked", error_code=verdict.rule, error_title="")
        return None


def _was_deferred(message: Message) -> bool:
    return message.decisions.filter(verdict="defer").exists()


def _template_hold(message: Message) -> str:
    """Why a template must wait: the platform paused it. Unknown templates are left to the platform's own answer."""
    known = MessageTemplate.objects.filter(
        connection=message.connection, name=message.content.get("name", ""), language=message.content.get("language", "")
    ).first()
    return f"The template {known.name} is paused by the platform" if known and known.status == MessageTemplate.Status.PAUSED else ""


def _leave(message: Message, conversation: Conversation, state: str, **fields: Any) -> None:
    """The message will not be sent: say so, give its slot back, tell the timeline."""
    release(message)
    at = {"failed_at": clock.now()} if state in {"failed", "expired"} else {}
    Message.objects.filter(pk=message.pk).update(state=state, lease_until=None, due_at=None, **at, **fields)
    touch([conversation.pk])
    _show_state(conversation, message, state)
    data = {"message": message.pk, "conversation": conversation.pk, "code": fields.get("error_code", "")}
    _event(conversation, f"message.{'failed' if state == 'expired' else state}", data)


def _show_state(conversation: Conversation, message: Message, state: str) -> None:
    Conversation.objects.filter(pk=conversation.pk, last_direction="out", last_message_at__lte=message.created_at).update(last_state=state)


def _event(conversation: Conversation, kind: str, data: dict[str, Any]) -> None:
    events.record(
        [
            Event(
                contact_id=conversation.identity.contact_id,
                identity_id=conversation.identity_id,
                kind=kind,
                occurred_at=clock.now(),
                data=data,
            )
        ]
    )


def _outbound(message: Message, channel: Any) -> OutboundMessage:
    content = dict(message.content)
    if file := content.pop("file", ""):
        content["id"] = content.pop("uploaded", "") or _upload(message, channel, file)
    return OutboundMessage(
        client_ref=client_ref(message),
        to=address_to(message.conversation.identity),
        kind=message.kind,
        content=content,
        reply_to=message.reply_to,
    )


def address_to(identity: Identity) -> Address:
    """Where to send: the number when the person has one on this channel, else the identity the conversation hangs on."""
    if identity.kind == Identity.Kind.WHATSAPP_USER:
        number = (
            Identity.objects.filter(contact_id=identity.contact_id, kind=Identity.Kind.WHATSAPP, valid_to=None)
            .order_by("-valid_from")
            .first()
        )
        identity = number or identity
    return Address(identity.kind, identity.value, identity.scope)  # type: ignore[arg-type]


def _upload(message: Message, channel: Any, file: str) -> str:
    """Hand the file over first; the id is kept so that a second attempt does not upload again."""
    try:
        with default_storage.open(file) as handle:
            body = handle.read()
    except OSError as error:
        raise Rejected("The attached file is no longer stored here", remedy="fix_media", code="file_missing", detail=str(error)) from error
    try:
        external_id: str = channel.upload(body, message.content.get("mime_type", "application/octet-stream"), os.path.basename(file))
    except OutcomeUnknown as error:
        # Only the upload is in doubt, and nobody has seen it: the message itself has not left.
        raise TryLater(error.title, after=BACK_OFF[0], code=error.code, detail=error.detail) from error
    Message.objects.filter(pk=message.pk).update(content={**message.content, "uploaded": external_id})
    return external_id


def _accept(claimed: Claim, message: Message, receipt: Receipt) -> None:
    conversation = message.conversation
    with transaction.atomic():
        # Of the person only the id may have changed since the start, when two were joined.
        conversation.identity.contact_id = lock_person_behind(claimed.conversation_id)
        now = clock.now()
        fields = {
            "external_id": receipt.external_id[:200],
            "accepted_at": now,
            "lease_until": None,
            "due_at": None,
            "error_code": "",
            "error_title": "",
        }
        settled = _mine(claimed).filter(state__in=["sending", "unknown"]).update(state="accepted", **fields)
        if not settled:
            # A status overtook our own bookkeeping; only what it could not know is filled in.
            Message.objects.filter(pk=message.pk, external_id="").update(external_id=receipt.external_id[:200])
        ours_is_last = When(last_direction="out", last_message_at__lte=message.created_at, then=Value("accepted"))
        touch([conversation.pk], last_state=Case(ours_is_last, default=F("last_state")))
        _event(conversation, "message.sent", {"message": message.pk, "conversation": conversation.pk, "source": message.source})
        join_orphans(conversation.connection, [receipt.external_id])
    if _had_trouble(message.connection):
        report_success(message.connection)


def _had_trouble(connection_: Connection) -> bool:
    """As the row stood when this message was started: only then is there anything for a success to clear."""
    return bool(connection_.failures or connection_.resume_at or connection_.state != Connection.State.ACTIVE)


def _settle_error(claimed: Claim, message: Message, error: ConnectorError) -> None:
    """Each error's class says what is known; see connectors/errors.py."""
    logger.info("message %s: %s %s", message.pk, type(error).__name__, error.code)
    with transaction.atomic():
        conversation = locked(claimed.conversation_id)
        row = _mine(claimed).filter(state="sending").first()
        if row is None:
            return
        row.conversation = conversation
        _settle(claimed, row, conversation, error)
    if not isinstance(error, Rejected) and not (isinstance(error, TryLater) and error.scope != "connection"):
        report_failure(message.connection, error)


def _settle(claimed: Claim, row: Message, conversation: Conversation, error: ConnectorError) -> None:
    now = clock.now()
    said = {
        "error_code": error.code[:40] or type(error).__name__.lower(),
        "error_title": ": ".join(p for p in (error.title, error.detail) if p)[:500],
    }
    if isinstance(error, OutcomeUnknown):
        _mine(claimed).update(state="unknown", lease_until=None, **said)
        touch([conversation.pk])
        _show_state(conversation, row, "unknown")
    elif isinstance(error, TryLater):
        _try_later(claimed, row, conversation, error, said, now)
    elif isinstance(error, Unreachable | NeedsLogin | Misconfigured):
        # Nothing was done and it is not this message's fault: it waits for the connection, its attempt does not count.
        release(row)
        _mine(claimed).update(state="queued", lease_until=None, due_at=now + UNREACHABLE_AFTER, attempts=F("attempts") - 1, **said)
        touch([conversation.pk])
    else:
        _obey_remedy(row, conversation, error, now)
        _leave(row, conversation, "failed", **said)


def _try_later(claimed: Claim, row: Message, conversation: Conversation, error: TryLater, said: dict[str, str], now: datetime) -> None:
    release(row)
    if error.times is not None and row.attempts > error.times:
        _leave(row, conversation, "failed", **said)
        return
    wait = max(error.after, BACK_OFF[min(row.attempts, len(BACK_OFF)) - 1]) if error.scope == "message" else error.after
    own_attempt = {} if error.scope == "message" else {"attempts": F("attempts") - 1}
    _mine(claimed).update(state="queued", lease_until=None, due_at=now + wait, **own_attempt, **said)
    touch([conversation.pk])


def _obey_remedy(row: Message, conversation: Conversation, error: ConnectorError, now: datetime) -> None:
    remedy = getattr(error, "remedy", "none")
    if remedy == "opt_out":
        record_consent(conversation.identity, purpose="marketing", allowed=False, source="platform", evidence=f"error {error.code}", at=now)


def expire_leases() -> int:
    """What a dead worker held: a claimed row has not left and is queued again; a sending one may have, and is unknown."""
    now = clock.now()
    back = Message.objects.filter(state="claimed", lease_until__lte=now).update(state="queued", lease_until=None)
    stuck = list(Message.objects.filter(state="sending", lease_until__lte=now).values_list("pk", "conversation_id")[:500])
    title = "The worker stopped while sending; the platform's status or a person settles it"
    for pk, conversation_id in stuck:
        if Message.objects.filter(pk=pk, state="sending", lease_until__lte=now).update(
            state="unknown", lease_until=None, error_code="interrupted", error_title=title
        ):
            touch([conversation_id])
    return back + len(stuck)


def review_list(minutes: int = 15) -> Sequence[Message]:
    """Messages whose outcome has been unknown for a while: a supervisor re-sends or gives up."""
    since = clock.now() - timedelta(minutes=minutes)
    return list(
        Message.objects.filter(Q(state="unknown") & Q(created_at__lte=since)).select_related("conversation__identity__contact")[:200]
    )
