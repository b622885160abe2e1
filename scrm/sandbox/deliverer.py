"""Posts webhooks: packs what is due, claims bodies with a lease, repeats with growing gaps until the answer is 200.

Any number of deliverers may run. A row is claimed by one conditional update; a deliverer that dies leaves its lease to
expire, and the body goes out again: the platform repeats too.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx2
from django.db import OperationalError, close_old_connections, connections, transaction
from django.db.models import F

from scrm.sandbox import history, rows
from scrm.sandbox.models import Chat, Message, WebhookDelivery
from scrm.sandbox.router import ALIAS
from scrm.sandbox.updates import pack_due

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
LEASE_SECONDS = 30.0
FIRST_GAP_SECONDS, LONGEST_GAP_SECONDS = 0.5, 30.0
GIVE_UP_SECONDS = 7 * 24 * 3600.0
KEEP_SECONDS = 3 * 24 * 3600.0
# 16 bodies by 8 posters end within two time-outs, well before the lease does.
CLAIM_AT_ONCE = 16
POSTERS = 8
IDLE_SECONDS = 0.05


@dataclass(frozen=True)
class Answer:
    """`status` 0: no answer."""

    status: int
    reason: str


class Deliverer:
    def __init__(self, client: httpx2.Client | None = None) -> None:
        limits = httpx2.Limits(max_connections=POSTERS, max_keepalive_connections=POSTERS, keepalive_expiry=2.0)
        self.client = client or httpx2.Client(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False, limits=limits)
        self.stopping = threading.Event()
        self.pool = ThreadPoolExecutor(max_workers=POSTERS, thread_name_prefix="sandbox-post")

    def run(self) -> None:
        """Until `stopping` is set. A locked or missing database costs a pause, not the deliverer."""
        forget_old()
        while not self.stopping.is_set():
            try:
                done = self.step()
            except OperationalError as error:
                log.warning("sandbox database: %s", error)
                connections[ALIAS].close()
                done = 0
            if not done:
                self.stopping.wait(IDLE_SECONDS)

    def step(self) -> int:
        """Pack, claim, post, record; returns how many bodies were posted."""
        pack_due()
        claimed = claim_due()
        if not claimed:
            return 0
        answers = list(self.pool.map(self.post, claimed))
        record(list(zip(claimed, answers, strict=True)))
        return len(claimed)

    def post(self, delivery: WebhookDelivery) -> Answer:
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": delivery.signature, "User-Agent": "sandbox-webhooks/1.0"}
        try:
            answer = self.client.post(delivery.url, content=bytes(delivery.body), headers=headers)
        except httpx2.HTTPError as error:
            return Answer(0, type(error).__name__)
        return Answer(answer.status_code, "")


def claim_due(*, now: float | None = None) -> list[WebhookDelivery]:
    moment = time.time() if now is None else now
    claimable = WebhookDelivery.objects.filter(state="waiting", due_at__lte=moment, lease_until__lt=moment)
    if not claimable.exists():
        return []
    claim = secrets.token_hex(8)
    chosen = claimable.order_by("due_at", "id").values("pk")[:CLAIM_AT_ONCE]
    # One statement: who comes second finds the lease taken.
    WebhookDelivery.objects.filter(pk__in=chosen, lease_until__lt=moment).update(
        claim=claim, lease_until=moment + LEASE_SECONDS, attempts=F("attempts") + 1
    )
    return list(WebhookDelivery.objects.filter(claim=claim).select_related("number").order_by("due_at", "id"))


def gap_after(attempts: int) -> float:
    """0.5, 1, 2, 4, ... 30, 30 seconds."""
    return float(min(FIRST_GAP_SECONDS * 2 ** min(attempts - 1, 10), LONGEST_GAP_SECONDS))


SETTLE = "UPDATE sandbox_webhookdelivery SET state = %s, due_at = %s, last_answer = %s, claim = '', lease_until = 0 WHERE id = %s"


def record(results: list[tuple[WebhookDelivery, Answer]]) -> None:
    """States, ticks and history of a round in one transaction."""
    now = time.time()
    with transaction.atomic(using=ALIAS):
        for delivery, answer in results:
            _settle(delivery, answer, now)
        for delivery, _ in results:
            rows.execute(SETTLE, [delivery.state, delivery.due_at, delivery.last_answer, delivery.pk])
        rows.insert([history.posted_entry(d, a.status, a.reason) for d, a in results])
        acknowledged = [item[0] for d, a in results if a.status == 200 for item in d.about if item[1] == "message"]
        _tick(acknowledged)


def _settle(delivery: WebhookDelivery, answer: Answer, now: float) -> None:
    """Only 200 is success; any other 2xx counts as failure."""
    delivery.last_answer = f"{answer.status} {answer.reason}".strip()[:200]
    if answer.status == 200:
        delivery.state = WebhookDelivery.State.DELIVERED
    elif now - delivery.created_at > GIVE_UP_SECONDS:
        delivery.state = WebhookDelivery.State.GIVEN_UP
    else:
        delivery.due_at = now + gap_after(delivery.attempts)


def _tick(wamids: list[str]) -> None:
    for start in range(0, len(wamids), 500):
        messages = Message.objects.filter(wamid__in=wamids[start : start + 500], state="posted")
        pairs = set(messages.values_list("number_id", "person_id"))
        messages.update(state="acknowledged")
        for number_id, person_id in pairs:
            Chat.objects.filter(number_id=number_id, person_id=person_id).update(revision=F("revision") + 1)


def forget_old(*, now: float | None = None) -> int:
    """Delivered bodies older than three days go; the history stays."""
    moment = time.time() if now is None else now
    gone, _ = WebhookDelivery.objects.filter(state="delivered", created_at__lt=moment - KEEP_SECONDS).delete()
    return gone


def start() -> Deliverer:
    """A deliverer in a daemon thread of this process; it ends with the process."""
    deliverer = Deliverer()

    def loop() -> None:
        close_old_connections()
        deliverer.run()

    threading.Thread(target=loop, name="sandbox-deliverer", daemon=True).start()
    return deliverer
