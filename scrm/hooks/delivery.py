"""Sends what is due. Each receiver has a thread of its own, so a dead one holds up nobody.

A step claims a few deliveries of several receivers, sends them in threads that know no database, and settles what came back while the
others are still waiting. Receivers whose last call failed are served by a drain of their own. A receiver that fails five times in a row
rests for 30 s, then for twice as long up to 10 minutes; meanwhile its deliveries wait and lose no attempt, for a day at most.
A delivery that fails is tried again every SYNC_RETRY_MINUTES, SYNC_RETRIES times, and then shown as failed with its reason.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections as databases
from django.db import router, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop

from connectors.errors import ConnectorError, OutcomeUnknown
from connectors.http import retry_after
from connectors.standard_webhooks import Poster
from scrm.connections.alerts import close_alert, raise_alert
from scrm.core import clock
from scrm.hooks.models import Delivery, Endpoint
from scrm.hooks.services import alert_key

PARALLEL = 16
EACH = 5
CLAIM_SECONDS = 8.0
# Longer than the 15 s that a call may take; after it the thread is left to itself.
CALL_SECONDS = 20.0
LEASE = timedelta(minutes=2)
FAILURES_TO_OPEN = 5
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
WAITS_AT_MOST = timedelta(days=1)
JITTER = 0.1
_FIELDS = ["state", "due_at", "attempts", "lease_until", "status", "answer", "reason", "milliseconds", "done_at"]

RESTS = gettext_noop("An outgoing webhook fails again and again; what is to be sent waits.")
LOOK = gettext_noop("Look at the reason on the page of outgoing webhooks, correct the address or tell the receiver's owner.")
GONE = gettext_noop("The receiver says that this webhook is gone (410).")


@dataclass(frozen=True, slots=True)
class Sent:
    """What came back: a status, or an error. `None` in both: not tried, because the one before it failed."""

    delivery: Delivery
    status: int | None = None
    answer: str = ""
    after: timedelta | None = None
    error: ConnectorError | None = None
    elapsed: timedelta = timedelta(0)

    @property
    def tried(self) -> bool:
        return self.status is not None or self.error is not None

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def patience(self) -> bool:
        """The receiver asked to slow down."""
        return self.status == 429 or (self.status == 503 and self.after is not None)

    @property
    def broken(self) -> bool:
        """The receiver, not the message, is the trouble."""
        return self.error is not None or (self.status is not None and self.status >= 500)


def deliver_due(*, slow: bool = False) -> int:
    """One step for the receivers that work, or with `slow` for those whose last call failed. Returns how many were tried."""
    began, count = time.monotonic(), 0
    flying: dict[Future[list[Sent]], tuple[Endpoint, list[Delivery], float]] = {}
    pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="hooks")
    try:
        while True:
            if time.monotonic() - began < CLAIM_SECONDS:
                for endpoint, rows in claim(PARALLEL - len(flying), {e.pk for e, _rows, _t in flying.values()}, slow=slow):
                    posts = [(row, json.dumps(row.body, ensure_ascii=False).encode()) for row in rows]
                    flying[pool.submit(_send, endpoint, posts)] = (endpoint, rows, time.monotonic())
            if not flying:
                return count
            done, _open = wait(flying, timeout=0.1, return_when=FIRST_COMPLETED)
            for future in [
                *done,
                *(f for f, (_e, rows, at) in flying.items() if f not in done and time.monotonic() - at > CALL_SECONDS * len(rows)),
            ]:
                endpoint, rows, _at = flying.pop(future)
                results = _results(future, rows)
                settle(endpoint, results)
                count += sum(each.tried for each in results)
    finally:
        pool.shutdown(wait=False)


def _results(future: Future[list[Sent]], rows: Sequence[Delivery]) -> list[Sent]:
    error: BaseException | None = None
    if future.done():
        error = future.exception()
        if error is None:
            return future.result()
    reason = f"Sending failed: {type(error).__name__}" if error else "The receiver did not answer in time"
    return [Sent(row, error=OutcomeUnknown(reason)) for row in rows[:1]] + [Sent(row) for row in rows[1:]]


def _send(endpoint: Endpoint, posts: Sequence[tuple[Delivery, bytes]]) -> list[Sent]:
    """In a thread, without the database. After a failure of the receiver the rest is not tried."""
    header = (endpoint.header_name, endpoint.secrets["header"]) if endpoint.header_name and endpoint.secrets.get("header") else None
    results: list[Sent] = []
    poster: Poster | None = None
    try:
        for row, body in posts:
            if any(each.broken or each.patience or each.status == 410 for each in results):
                results.append(Sent(row))
                continue
            began = time.monotonic()
            try:
                poster = poster or Poster(endpoint.url, secrets=endpoint.secrets.get("signing", []), header=header)
                reply = poster.post(body, row.message_id, clock.now())
            except ConnectorError as error:
                results.append(Sent(row, error=error, elapsed=timedelta(seconds=time.monotonic() - began)))
            else:
                words = reply.body[:1000].decode("utf-8", "replace").replace("\x00", "")
                results.append(Sent(row, reply.status, words, retry_after(reply.headers.get("retry-after", "")), elapsed=reply.elapsed))
    finally:
        if poster is not None:
            poster.close()
    return results


# --- the queue ------------------------------------------------------------------------------------------------------


def due(now: datetime) -> Q:
    return Q(state=Delivery.State.DUE, due_at__lte=now) & (Q(lease_until=None) | Q(lease_until__lte=now))


def hurry_along() -> int:
    """What was to be sent at once and is due only later by our clock: the clock of who wrote it is ahead, or ours was put back."""
    now = clock.now()
    ahead = Delivery.objects.filter(state=Delivery.State.DUE, due_at__gt=now + clock.MOST_SKEW, due_at=F("created_at"))
    return ahead.update(due_at=now) if ahead.exists() else 0


def claim(limit: int, busy: set[int], *, slow: bool) -> list[tuple[Endpoint, list[Delivery]]]:
    """Leased deliveries of at most `limit` receivers that are not being called here. Of one that failed, one: the probe."""
    now = clock.now()
    waiting = Delivery.objects.filter(due(now), endpoint=OuterRef("pk"))
    rows = Endpoint.objects.filter(Exists(waiting), state=Endpoint.State.ACTIVE).exclude(pk__in=busy)
    rows = (
        rows.filter(Q(resume_at=None) | Q(resume_at__lte=now)).filter(failures__gt=0)
        if slow
        else rows.filter(Q(resume_at=None) | Q(resume_at__lte=now), failures=0)
    )
    claimed = []
    for endpoint in rows.order_by("pk")[: max(limit, 0)]:
        taken = _take(Delivery.objects.filter(due(now), endpoint=endpoint).order_by("due_at", "id"), 1 if slow else EACH, now)
        if taken:
            claimed.append((endpoint, taken))
    return claimed


def _take(rows: QuerySet[Delivery], limit: int, now: datetime) -> list[Delivery]:
    """The attempt is counted before the work, so that a delivery which kills its worker ends as failed."""
    with transaction.atomic():
        if databases[router.db_for_write(Delivery)].features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        taken = list(rows[:limit])
        dead = [row.pk for row in taken if row.attempts > settings.SYNC_RETRIES]
        if dead:
            reason = "The process ended in the middle of this delivery each time."
            Delivery.objects.filter(pk__in=dead).update(state=Delivery.State.FAILED, reason=reason, lease_until=None, done_at=now)
        taken = [row for row in taken if row.pk not in dead]
        Delivery.objects.filter(pk__in=[row.pk for row in taken]).update(
            lease_until=now + LEASE, fence=F("fence") + 1, attempts=F("attempts") + 1
        )
    for row in taken:
        row.fence, row.attempts = row.fence + 1, row.attempts + 1
    return taken


def settle(endpoint: Endpoint, results: Sequence[Sent]) -> None:
    """Write down what became of claimed deliveries that are still ours, and what it says about the receiver."""
    now = clock.now()
    with transaction.atomic():
        fresh = Endpoint.objects.select_for_update(of=("self",)).filter(pk=endpoint.pk).first()
        if fresh is None:
            return
        mine = {each.delivery.pk: each for each in results}
        rows = Delivery.objects.select_for_update(of=("self",)).filter(pk__in=mine).order_by("pk")
        for each in results:
            if each.tried:
                _note_receiver(fresh, each, now)
        fresh.save(update_fields=["state", "state_reason", "failures", "resume_at", "last_success_at", "last_failure_at", "last_error"])
        for row in rows:
            if row.fence == mine[row.pk].delivery.fence:
                _note_delivery(row, mine[row.pk], fresh, now)
                row.save(update_fields=_FIELDS)
        if fresh.state == Endpoint.State.OFF:
            left = Delivery.objects.filter(endpoint=fresh, state=Delivery.State.DUE)
            left.update(state=Delivery.State.DISCARDED, reason=str(GONE), done_at=now)
    _tell(fresh)


def _note_receiver(row: Endpoint, sent: Sent, now: datetime) -> None:
    if sent.taken:
        row.failures, row.resume_at, row.last_success_at, row.last_error = 0, None, now, ""
        return
    row.last_failure_at, row.last_error = now, reason_of(sent)
    if sent.status == 410:
        row.state, row.state_reason = Endpoint.State.OFF, str(GONE)
    elif sent.patience:
        row.resume_at = now + (sent.after or FIRST_PAUSE)
    elif sent.broken:
        row.failures += 1
        if row.failures >= FAILURES_TO_OPEN:
            row.resume_at = now + pause_after(row.failures)
    else:
        row.failures = 0


def pause_after(failures: int) -> timedelta:
    return min(FIRST_PAUSE * (1 << min(max(failures - FAILURES_TO_OPEN, 0), 10)), LONGEST_PAUSE)


def _note_delivery(row: Delivery, sent: Sent, endpoint: Endpoint, now: datetime) -> None:
    row.lease_until = None
    if not sent.tried:
        row.attempts = max(row.attempts - 1, 0)
        return
    row.status, row.answer, row.reason = sent.status, sent.answer, "" if sent.taken else reason_of(sent)
    row.milliseconds = int(sent.elapsed / timedelta(milliseconds=1))
    if sent.taken:
        row.state, row.done_at = Delivery.State.DONE, now
    elif sent.status == 410:
        row.state, row.done_at = Delivery.State.FAILED, now
    elif (sent.patience or endpoint.failures > FAILURES_TO_OPEN) and now - row.created_at < WAITS_AT_MOST:
        # The receiver rests, or this was the probe of one that is broken: no attempt of this delivery is used up.
        row.attempts, row.due_at = max(row.attempts - 1, 0), max(endpoint.resume_at or now, now)
    elif row.attempts > settings.SYNC_RETRIES:
        row.state, row.done_at = Delivery.State.FAILED, now
    else:
        row.due_at = now + timedelta(minutes=settings.SYNC_RETRY_MINUTES) * random.uniform(1 - JITTER, 1 + JITTER)


def reason_of(sent: Sent) -> str:
    return str(sent.error)[:500] if sent.error else f"The receiver answered {sent.status}"


def _tell(row: Endpoint) -> None:
    if row.failures == FAILURES_TO_OPEN or row.state == Endpoint.State.OFF:
        raise_alert(alert_key(row.pk), text=RESTS if row.state != Endpoint.State.OFF else GONE, advice=LOOK)
    elif not row.failures:
        close_alert(alert_key(row.pk))
