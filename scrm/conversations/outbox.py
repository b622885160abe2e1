"""Sending: each message once, or known not to be known.

    queued --claim--> claimed --law, slot, fence--> sending --platform--> accepted
                         |                             |
                  lease over: queued            lease over: unknown

A worker claims rows with a lease and a fence; only the holder of the current fence may write the outcome. The law is asked once more
in the transaction that sets `sending`; after its commit the HTTP call runs with a time limit below the rest of the lease. A row
that was `sending` when its worker died may have gone out: it becomes `unknown`, is never sent again by a timer, and waits for its
status (our reference travels with it) or for a person. Only where the platform itself makes a repeat harmless, it is repeated.

Who goes first: a person's answer, then service, automation, promotions; each number at its own speed. Within a conversation what is
on its way is never overtaken, and nothing overtakes what is at least as urgent.

Groups are started and settled in one transaction each; the calls in between run side by side, as many as are started.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from connectors.contracts import Address, OutboundMessage, Receipt
from connectors.errors import ConnectorError, OutcomeUnknown, Rejected, TryLater
from scrm.connections.models import Connection
from scrm.connections.services import capabilities_of, channel_of, is_callable_now, is_untroubled
from scrm.connections.work_sentences import BROKE_OFF_BEFORE, BROKE_OFF_SENDING
from scrm.contacts.models import Identity
from scrm.conversations import governor, pace
from scrm.conversations.models import Conversation, Decision, Message, Pace
from scrm.conversations.policy import Verdict
from scrm.conversations.queueing import Crowded, decision_of
from scrm.conversations.settlement import BACK_OFF, Accepted, accept, leave, settle_error
from scrm.conversations.standing import Standing, release
from scrm.conversations.statuses import client_ref
from scrm.conversations.threads import locked_many, touch
from scrm.core import clock
from scrm.core.crashpoints import crash_here
from scrm.core.leases import lease_now
from scrm.core.logs import trail
from scrm.core.rows import insert_all

logger = logging.getLogger(__name__)

# Calls at a time in one worker: at a platform's usual 0.3 s, one worker carries a number's 80 a second. Groups of this size are
# started and settled together, which costs little more than one.
THREADS = 40
# One writer at a time: more would only wait for each other.
SQLITE_THREADS = 8
LEASE = timedelta(seconds=60)
# The connectors' overall limit for one call is 15 s; nothing is sent with less than that and a margin left of the lease.
LEAST_LEASE_LEFT = timedelta(seconds=25)
# After the first answer, others are waited for so long: nobody sees the difference.
GATHER_SECONDS = 0.15
# A step ends after this, so that the job can look after its slot and beat.
STEP_SECONDS = 1.0
# A message that could not leave for this long is no longer what its sender meant.
EXPIRES_AFTER = timedelta(hours=24)
# What the platform itself put off for a day or for as long as it reviews a template.
LONG_WAITS = frozenset({"131049", "132015", "132001", "134101"})
# A token that is about to run out may be dead when it arrives.
TOKEN_MARGIN = timedelta(seconds=5)
MOST_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Claim:
    pk: int
    fence: int
    conversation_id: int
    connection_id: int


@dataclass(frozen=True, slots=True)
class Started:
    """A message that is `sending`: what is handed over, and to whom."""

    claim: Claim
    message: Message
    outbound: OutboundMessage


@dataclass(frozen=True, slots=True)
class Answered:
    started: Started
    receipt: Receipt | None = None
    error: ConnectorError | None = None
    uploaded: str = ""


def send_due() -> int:
    """Claim due messages and send them until nothing is left or `STEP_SECONDS` have passed; the drain step of the outbox."""
    if not settings.JOBS_ENABLED:
        claims = claim(THREADS)
        if claims:
            crash_here("outbox.claimed")
        for each in claims:
            send(each)
        return len(claims)
    return _send_side_by_side()


def send(claimed: Claim) -> None:
    """One claimed message: the law, the platform, the outcome."""
    for started in start([claimed]):
        settle([call(started)])


def _send_side_by_side() -> int:
    """Calls run in threads; everything that writes stays in this one, in groups of what happens to be ready."""
    begun, done, calling, more = time.monotonic(), 0, set[Future[Answered]](), True
    width = SQLITE_THREADS if connection.vendor == "sqlite" else THREADS
    while True:
        room = width - len(calling)
        if more and room * 2 >= width and time.monotonic() - begun < STEP_SECONDS:
            claims = claim(room)
            done += len(claims)
            more = len(claims) == room
            if claims:
                crash_here("outbox.claimed")
                calling |= {_pool().submit(call, each) for each in start(claims)}
        if not calling:
            return done
        ready, calling = wait(calling, return_when=FIRST_COMPLETED)
        if calling:
            # Answers come in bunches, and a bunch is written down at little more than the cost of one.
            late, calling = wait(calling, timeout=GATHER_SECONDS)
            ready |= late
        settle([future.result() for future in ready])
        # Whoever waits for a slow platform sends to the others meanwhile. When all have answered, the next step looks for more.
        more = more or bool(calling)


_pools: dict[int, ThreadPoolExecutor] = {}


def _pool() -> ThreadPoolExecutor:
    """The callers of this process; they touch no database."""
    if os.getpid() not in _pools:
        _pools.clear()
        _pools[os.getpid()] = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="outbox")
    return _pools[os.getpid()]


# --- claiming -------------------------------------------------------------------------------------------------------


def claim(limit: int) -> list[Claim]:
    """Take due messages by a conditional update, each number at its speed. Connections that cannot be called now keep theirs queued."""
    now = clock.now()
    asking = set(Message.objects.filter(state="queued", due_at__lte=now).order_by().values_list("connection_id", flat=True).distinct())
    if not asking or limit < 1:
        return []
    numbers = [
        number
        for number in Connection.objects.filter(kind="channel", pk__in=asking).order_by("pk")
        if is_untroubled(number) or (number.resume_at is not None and _has_due(number, now) and is_callable_now(number, now))
    ]
    if not numbers:
        return []
    claims, buckets = _claim_of(numbers, limit, now)
    for number in numbers:
        governor.steer_if_due(number, buckets[number.pk].looked_at, now)
    return claims


def _due(number: Connection, now: datetime) -> Any:
    ahead = Message.objects.filter(conversation=OuterRef("conversation"), pk__lt=OuterRef("pk")).filter(
        Q(state__in=["claimed", "sending"]) | Q(state="queued", due_at__lte=now, priority__lte=OuterRef("priority"))
    )
    # A later message may be more urgent, but what is on its way already is never overtaken.
    leaving = Message.objects.filter(conversation=OuterRef("conversation"), state__in=["claimed", "sending"])
    due = Message.objects.filter(state="queued", connection=number, due_at__lte=now).filter(~Exists(ahead), ~Exists(leaving))
    return due.order_by("priority", "due_at", "id")


def _has_due(number: Connection, now: datetime) -> bool:
    """Asked before the breaker is when the number has failed: after a pause its yes is the one probe."""
    return bool(_due(number, now).exists())


def _claim_of(numbers: Sequence[Connection], limit: int, now: datetime) -> tuple[list[Claim], dict[int, Pace]]:
    """The claims, and the numbers' buckets by the number's key."""
    with transaction.atomic():
        buckets = pace.locked_paces(numbers, now)
        claims: list[Claim] = []
        spent: list[tuple[Pace, int]] = []
        for place, number in enumerate(numbers):
            # What the numbers before it left of the room is shared by those that follow.
            share = -(-(limit - len(claims)) // (len(numbers) - place))
            taken = _claimable(number, buckets[number.pk], share, now)
            claims += taken
            if taken:
                spent.append((buckets[number.pk], len(taken)))
        # The rows are locked (on SQLite the whole database is), so nobody else can have taken one since it was read.
        if claims:
            Message.objects.filter(pk__in=[each.pk for each in claims], state="queued").update(
                state="claimed", fence=F("fence") + 1, lease_until=lease_now() + LEASE
            )
            pace.spend(spent)
    return claims, buckets


def _claimable(number: Connection, bucket: Pace, share: int, now: datetime) -> list[Claim]:
    """What a number may send next, at most `share` and what its bucket holds, each with the fence that it will have; rows locked."""
    granted = min(share, int(bucket.tokens))
    if granted < 1:
        return []
    due = _due(number, now)
    if not bucket.promotions or (bucket.promotions_wait_until and bucket.promotions_wait_until > now):
        due = due.exclude(category="marketing")
    if connection.features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True, of=("self",))
    first: dict[int, Claim] = {}
    for pk, fence, conversation_id, connection_id in due.values_list("pk", "fence", "conversation_id", "connection_id")[:granted]:
        # Two of one conversation may both be first in their own class: one at a time.
        first.setdefault(conversation_id, Claim(pk, fence + 1, conversation_id, connection_id))
    return list(first.values())


# --- starting -------------------------------------------------------------------------------------------------------


def held(claims: Sequence[Claim], now: datetime) -> list[tuple[Claim, Message]]:
    """Those of the claims that are still the newest of their messages and have enough of their lease left; rows locked."""
    rows = Message.objects.select_for_update(of=("self",)).filter(
        pk__in=[claimed.pk for claimed in claims], state="claimed", lease_until__gt=lease_now() + LEAST_LEASE_LEFT
    )
    found = {message.pk: message for message in rows.order_by("pk")}
    return [(each, found[each.pk]) for each in claims if each.pk in found and found[each.pk].fence == each.fence]


def start(claims: Sequence[Claim]) -> list[Started]:
    """Ask the law again, take the slots and set `sending`, in one transaction that holds the people's locks."""
    try:
        with transaction.atomic():
            return _start_group(claims)
    except Crowded:
        return [started for each in claims for started in _start_singly(each)]


def _start_singly(claimed: Claim) -> list[Started]:
    for _ in range(3):
        try:
            with transaction.atomic():
                return _start_group([claimed])
        except Crowded:
            continue
    Message.objects.filter(pk=claimed.pk, fence=claimed.fence, state="claimed").update(
        state="queued", lease_until=None, due_at=clock.now() + timedelta(seconds=5)
    )
    return []


def _start_group(claims: Sequence[Claim]) -> list[Started]:
    chats = locked_many({claimed.conversation_id for claimed in claims})
    now = clock.now()
    mine = held(claims, now)
    for claimed, message in mine:
        message.conversation = chats[claimed.conversation_id]
        message.connection = message.conversation.connection
    mine = [(claimed, message) for claimed, message in mine if not _put_back(message) and not _expired(message, now)]
    standing = Standing(chats.values(), now, [message for _, message in mine])
    verdicts: dict[int, Verdict] = {}
    for _, message in mine:
        verdicts[message.pk] = standing.judge(message, message.conversation)
        if verdicts[message.pk].allowed:
            standing.take(message, message.conversation)
    if not standing.settle():
        raise Crowded
    insert_all(Decision, [decision_of(m, m.conversation, verdicts[m.pk], moment="send", now=now) for _, m in mine])
    going = [(claimed, message) for claimed, message in mine if verdicts[message.pk].allowed]
    Message.objects.filter(pk__in=[message.pk for _, message in going]).update(state="sending", attempts=F("attempts") + 1)
    for _, message in mine:
        if not verdicts[message.pk].allowed:
            _hold_back(message, verdicts[message.pk])
    quotes = _quotes([message for _, message in going])
    return [_started(claimed, message, standing, quotes, now) for claimed, message in going]


def stopped(number: Connection) -> bool:
    """Nothing may leave: a person paused the number, or its credentials or settings are wrong."""
    return number.state in {Connection.State.PAUSED, Connection.State.NEEDS_LOGIN, Connection.State.MISCONFIGURED}


def _put_back(message: Message) -> bool:
    """The number was stopped after the message was claimed: it waits with the others."""
    if not stopped(message.connection):
        return False
    Message.objects.filter(pk=message.pk).update(state="queued", lease_until=None)
    return True


def _expired(message: Message, now: datetime) -> bool:
    if now - message.created_at <= EXPIRES_AFTER or message.error_code in LONG_WAITS or message.decisions.filter(verdict="defer").exists():
        return False
    leave(message, "expired", error_code="expired", error_title="Could not be sent within 24 hours")
    return True


def _hold_back(message: Message, verdict: Verdict) -> None:
    release(message)
    if verdict.verdict != "defer":
        leave(message, "blocked", error_code=verdict.rule, error_title=str(verdict.counters.get("reason", ""))[:500])
        return
    said = {}
    if verdict.rule == "template_paused":
        said = {"error_code": verdict.counters["code"], "error_title": str(verdict.counters["reason"])[:500]}
    Message.objects.filter(pk=message.pk).update(state="queued", lease_until=None, due_at=verdict.until, **said)
    touch([message.conversation_id])


def _quotes(messages: Sequence[Message]) -> dict[tuple[int, str], str]:
    """Some platforms quote by a token of the answered message instead of its id: {(connection, id): token}."""
    asked = {message.reply_to for message in messages if message.reply_to}
    if not asked:
        return {}
    rows = Message.objects.filter(connection__in={m.connection_id for m in messages}, external_id__in=asked)
    found = rows.values_list("connection_id", "external_id", "content__quote_token")
    return {(connection_id, external_id): token for connection_id, external_id, token in found if token}


def _started(claimed: Claim, message: Message, standing: Standing, quotes: dict[tuple[int, str], str], now: datetime) -> Started:
    message.attempts += 1
    message.state = "sending"
    token = _reply_token(message, now)
    content = dict(message.content)
    if quote := quotes.get((message.connection_id, message.reply_to)):
        content["quote_token"] = quote
    outbound = OutboundMessage(
        client_ref=client_ref(message),
        to=address_to(message.conversation.identity, standing.identities[message.conversation.identity.contact_id]),
        kind=message.kind,
        content=content,
        reply_to=message.reply_to,
        reply_token=token,
        category=message.category,
    )
    return Started(claimed, message, outbound)


def _reply_token(message: Message, now: datetime) -> str:
    """A token of the person's last message while it lives: it works once, so whoever takes it removes it."""
    chat = message.conversation
    if not chat.reply_token or chat.reply_token_until is None or chat.reply_token_until < now + TOKEN_MARGIN:
        return ""
    token, chat.reply_token = chat.reply_token, ""
    Conversation.objects.filter(pk=chat.pk).update(reply_token="", reply_token_until=None)
    # Whether the repeat of this message is harmless: with a token it is not.
    message.content = {**message.content, "by_token": True}
    Message.objects.filter(pk=message.pk).update(content=message.content)
    return token


_WHATSAPP = frozenset({Identity.Kind.WHATSAPP, Identity.Kind.WHATSAPP_USER})


def address_to(identity: Identity, others: Iterable[Identity] | None = None) -> Address:
    """Where to send: the number when the person has one on this channel, else the identity the conversation hangs on.

    An address that ended is somebody else's or nobody's: what took its place is used, the number before the user id.
    """
    ended = identity.valid_to is not None and identity.kind == Identity.Kind.WHATSAPP
    if ended or identity.kind == Identity.Kind.WHATSAPP_USER:
        known = others if others is not None else Identity.objects.filter(contact_id=identity.contact_id)
        mine = [other for other in known if other.kind in _WHATSAPP and other.valid_to is None and other.home_id == identity.home_id]
        paired = identity.stated_with_id
        identity = max(mine, key=lambda o: (o.pk == paired, o.kind == Identity.Kind.WHATSAPP, o.valid_from), default=identity)
    return Address(identity.kind, identity.value, identity.scope)  # type: ignore[arg-type]


# --- calling --------------------------------------------------------------------------------------------------------


def call(started: Started) -> Answered:
    """Hand one message over to its platform. Never raises and touches no database: runs in a thread."""
    crash_here("outbox.sending")
    uploaded, leaving = "", False
    try:
        channel = channel_of(started.message.connection)
        outbound, uploaded = _with_file(started, channel)
        leaving = True
        receipt = channel.send(outbound)
    except ConnectorError as error:
        crash_here("outbox.answered")
        return Answered(started, error=error, uploaded=uploaded)
    except Exception as error:
        logger.error("message %s: sending broke off: %s", started.message.pk, trail(error))
        return Answered(started, error=_fault(error, leaving), uploaded=uploaded)
    crash_here("outbox.answered")
    return Answered(started, receipt=receipt, uploaded=uploaded)


def _fault(error: Exception, leaving: bool) -> ConnectorError:
    """Of our own program. Between the request and its answer nobody knows whether the message left; before, it has not."""
    if leaving:
        return OutcomeUnknown(BROKE_OFF_SENDING, detail=trail(error))
    return TryLater(BROKE_OFF_BEFORE, after=BACK_OFF[0], detail=trail(error))


def _with_file(started: Started, channel: Any) -> tuple[OutboundMessage, str]:
    """The message with its file handed over first; the id is kept so that a second attempt does not upload again."""
    content = dict(started.outbound.content)
    content.pop("by_token", None)
    content.pop("coupon", None)
    file, uploaded = content.pop("file", ""), ""
    if file:
        uploaded = content.pop("uploaded", "") or _upload(channel, file, content.get("mime_type", "application/octet-stream"))
        content["id"] = uploaded
    given = started.outbound
    ready = OutboundMessage(given.client_ref, given.to, given.kind, content, given.reply_to, given.reply_token, given.category)
    return ready, uploaded


def _upload(channel: Any, file: str, mime_type: str) -> str:
    try:
        with default_storage.open(file) as handle:
            body = handle.read()
    except OSError as error:
        raise Rejected("The attached file is no longer stored here", remedy="fix_media", code="file_missing", detail=str(error)) from error
    try:
        external_id: str = channel.upload(body, mime_type, os.path.basename(file))
    except OutcomeUnknown as error:
        # Only the upload is in doubt, and nobody has seen it: the message itself has not left.
        raise TryLater(error.title, after=BACK_OFF[0], code=error.code, detail=error.detail) from error
    return external_id


def settle(answers: Sequence[Answered]) -> None:
    """Write down what the platform said: acceptances together, troubles one by one."""
    good = [Accepted(each.started.claim, each.started.message, each.receipt) for each in answers if each.receipt is not None]
    accept(good)
    for each in answers:
        if each.error is not None:
            repeatable = capabilities_of(each.started.message.connection).idempotent_send and not each.started.outbound.reply_token
            settle_error(each.started.claim, each.started.message, each.error, uploaded=each.uploaded, repeatable=repeatable)


# --- looking after --------------------------------------------------------------------------------------------------


def expire_leases() -> int:
    """What a dead worker held: a claimed row has not left and is queued again; a sending one may have, and is unknown."""
    now = clock.now()
    back = Message.objects.filter(state="claimed", lease_until__lte=lease_now()).update(state="queued", lease_until=None)
    stuck = list(Message.objects.filter(state="sending", lease_until__lte=lease_now()).select_related("connection").defer("text")[:500])
    for message in stuck:
        row = Message.objects.filter(pk=message.pk, state="sending", lease_until__lte=lease_now())
        if _may_repeat(message):
            row.update(state="queued", lease_until=None, due_at=now)
        elif not row.update(
            state="unknown",
            lease_until=None,
            error_code="interrupted",
            error_title="The worker stopped while sending; the platform's status or a person settles it",
        ):
            continue
        touch([message.conversation_id])
    return back + len(stuck)


def hurry_along() -> int:
    """What was to leave at once and, by our clock, is due only later: the clock of who queued it is ahead of ours, or ours was put back."""
    now = clock.now()
    ahead = Message.objects.filter(state="queued", due_at__gt=now + clock.MOST_SKEW, due_at=F("created_at"))
    return ahead.update(due_at=now)


def _may_repeat(message: Message) -> bool:
    """The platform knows our key and takes a repeat for what it is."""
    return capabilities_of(message.connection).idempotent_send and not message.content.get("by_token") and message.attempts <= MOST_REPEATS


def review_list(minutes: int = 15) -> Sequence[Message]:
    """Messages whose outcome has been unknown for a while: a supervisor re-sends or gives up."""
    since = clock.now() - timedelta(minutes=minutes)
    return list(
        Message.objects.filter(Q(state="unknown") & Q(created_at__lte=since)).select_related("conversation__identity__contact")[:200]
    )
