"""Updates wait here one by one, and are packed into signed webhook bodies when they are due."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from django.db import transaction

from scrm.sandbox import envelopes, rows
from scrm.sandbox.faults import draw
from scrm.sandbox.models import Faults, Number, PendingUpdate, WebhookDelivery
from scrm.sandbox.numbers import callback_url
from scrm.sandbox.router import ALIAS

PACK_LIMIT = 2000
MOST_IN_A_BODY = 1000


def pending(
    number: Number,
    value: dict[str, Any],
    about: Sequence[Sequence[str]],
    *,
    field: str = "messages",
    after: float = 0.0,
    delay_ms: int = 0,
) -> PendingUpdate:
    """An unsaved update, due `after` seconds from now and the number's own delay later."""
    due_at = time.time() + after + delay_ms / 1000
    return PendingUpdate(number=number, due_at=due_at, field=field, value=value, about=[list(item) for item in about])


def pack_due(*, now: float | None = None) -> int:
    """Turn due updates into deliveries; returns how many updates were packed. One transaction, so that no update is packed twice."""
    moment = time.time() if now is None else now
    if not PendingUpdate.objects.filter(due_at__lte=moment).exists():
        return 0
    with transaction.atomic(using=ALIAS):
        due = list(
            PendingUpdate.objects.filter(due_at__lte=moment)
            .select_related("number__faults")
            .order_by("number_id", "due_at", "id")[:PACK_LIMIT]
        )
        deliveries: list[WebhookDelivery] = []
        for _, updates in groupby(due, key=lambda update: update.number_id):
            deliveries += _bodies(list(updates), moment)
        rows.insert(deliveries)
        PendingUpdate.objects.filter(pk__in=[update.pk for update in due]).delete()
    return len(due)


def _bodies(updates: list[PendingUpdate], moment: float) -> Iterable[WebhookDelivery]:
    number, faults = updates[0].number, updates[0].number.faults
    if not number.subscribed:
        return
    copies = _with_duplicates(updates, number, faults)
    if faults.shuffle:
        random.Random(f"{faults.seed}:{number.slug}:{updates[0].pk}:order").shuffle(copies)
    size = min(faults.batch_size, MOST_IN_A_BODY)
    for start in range(0, len(copies), size):
        yield _delivery(number, copies[start : start + size], moment)


def _with_duplicates(updates: list[PendingUpdate], number: Number, faults: Faults) -> list[PendingUpdate]:
    repeated = [u for u in updates if draw(faults.seed, number.slug, u.pk, "duplicate") < faults.duplicate_percent]
    return updates + repeated


def _delivery(number: Number, updates: list[PendingUpdate], moment: float) -> WebhookDelivery:
    at = None if all(update.field == "messages" for update in updates) else moment
    body = envelopes.encode(envelopes.envelope(number, [(u.field, u.value) for u in updates], at))
    return WebhookDelivery(
        number=number,
        url=callback_url(number),
        body=body,
        signature=envelopes.sign(number.app_secret, body),
        about=[item for update in updates for item in update.about],
        created_at=moment,
        due_at=moment,
    )
