"""Subscribing, unsubscribing, secrets, tests and replays. Deliveries are made by `note`, sent by `delivery`."""

from __future__ import annotations

import secrets as random_words
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from connectors import guard
from connectors.standard_webhooks import check_header, new_secret
from scrm.connections.alerts import close_alert
from scrm.contacts.models import Event
from scrm.core import audit, clock, jobs
from scrm.core.audit_actor import actor
from scrm.core.rows import insert_or
from scrm.hooks import kinds
from scrm.hooks.bodies import Body, bodies_of
from scrm.hooks.models import Delivery, Endpoint

DRAIN = "hooks"
MOST_ENDPOINTS_A_TOKEN = 200

_wanted: tuple[float, frozenset[str]] = (0.0, frozenset())


def alert_key(endpoint_id: int) -> str:
    return f"hook:{endpoint_id}"


# --- endpoints ------------------------------------------------------------------------------------------------------


def subscribe(
    url: str,
    events: Sequence[str],
    *,
    label: str = "",
    token_id: int | None = None,
    owner: str = "",
    header: tuple[str, str] | None = None,
) -> tuple[Endpoint, bool]:
    """A receiver for these events, and whether it is new: a token that repeats address and events gets the one it has.

    Looks the address up. Raises `Misconfigured` or `Unreachable` for one that may not be called, ValueError for unknown events.
    """
    wanted = sorted(set(events))
    if not wanted or (unknown := [event for event in wanted if event not in kinds.EVENTS]):
        raise ValueError(", ".join(unknown) if wanted else "")
    url = url.strip()
    guard.check(url)
    if header:
        check_header(*header)
    made: Any = {"signing": [new_secret()], **({"header": header[1]} if header else {})}
    with transaction.atomic():
        same = Endpoint.objects.filter(url=url, token_id=token_id) if token_id is not None else Endpoint.objects.none()
        for row in same.select_for_update():
            if row.events == wanted:
                _again(row)
                return row, False
        row = Endpoint.objects.create(
            label=(label or guard.check_form(url).host)[:80],
            url=url,
            events=wanted,
            secrets=made,
            header_name=header[0] if header else "",
            token_id=token_id,
            owner=owner[:150],
            created_at=clock.now(),
        )
        audit.record("hooks.subscribed", by=actor(), subject=row, after={"url": _host(url), "events": wanted, "owner": owner})
    forget()
    return row, True


def _again(row: Endpoint) -> None:
    if row.state == Endpoint.State.OFF:
        resume(row)


def _host(url: str) -> str:
    """Of an address only the host is told: the rest of a hook's address is a secret."""
    return guard.check_form(url).host


def unsubscribe(rows: QuerySet[Endpoint]) -> int:
    """The receivers and what was to be sent to them are gone. Returns how many."""
    count = 0
    for row in rows:
        with transaction.atomic():
            audit.record("hooks.unsubscribed", by=actor(), subject=row, before={"url": _host(row.url), "events": row.events})
            count += 1
            row.delete()
        close_alert(alert_key(row.pk or 0))
    forget()
    return count


def end_of_token(token_id: int) -> None:
    """A revoked token takes its subscriptions along."""
    unsubscribe(Endpoint.objects.filter(token_id=token_id))


def pause(row: Endpoint, *, by: str) -> None:
    Endpoint.objects.filter(pk=row.pk).update(state=Endpoint.State.PAUSED, state_reason=f"Paused by {by}"[:500])


def resume(row: Endpoint) -> None:
    """From now on it is called again; what waited goes out."""
    Endpoint.objects.filter(pk=row.pk).update(state=Endpoint.State.ACTIVE, state_reason="", failures=0, resume_at=None)
    close_alert(alert_key(row.pk))
    wake()


def rotate(row: Endpoint) -> str:
    """A new signing secret; the one before it signs as well until the next rotation. Returns the new one, to be shown once."""
    made = new_secret()
    with transaction.atomic():
        fresh = Endpoint.objects.select_for_update().get(pk=row.pk)
        fresh.secrets = {**fresh.secrets, "signing": [made, *fresh.secrets.get("signing", [])][:2]}
        fresh.save(update_fields=["secrets"])
        audit.record("hooks.secret_rotated", by=actor(), subject=fresh)
    return made


def drop_old_secret(row: Endpoint) -> None:
    with transaction.atomic():
        fresh = Endpoint.objects.select_for_update().get(pk=row.pk)
        fresh.secrets = {**fresh.secrets, "signing": fresh.secrets.get("signing", [])[:1]}
        fresh.save(update_fields=["secrets"])


# --- deliveries -----------------------------------------------------------------------------------------------------


def forget() -> None:
    """Ask the database again which events are wanted."""
    global _wanted
    _wanted = (0.0, frozenset())


def wanted_events() -> frozenset[str]:
    """The events that anybody asked for; known for a second, so that nothing is asked for each event of a busy hour."""
    global _wanted
    if time.monotonic() - _wanted[0] >= settings.RULES_RECHECK_SECONDS or not _wanted[0]:
        lists = Endpoint.objects.exclude(state=Endpoint.State.OFF).values_list("events", flat=True)
        _wanted = (time.monotonic(), frozenset(event for events in lists for event in events))
    return _wanted[1]


def note(events: Sequence[Event]) -> None:
    """The consumer of events: a delivery for each receiver that asked. Repeating makes no second one."""
    endpoints = [(row.pk, frozenset(row.events)) for row in Endpoint.objects.exclude(state=Endpoint.State.OFF)]
    asked = [event for event in events if any(event.kind in wanted for _pk, wanted in endpoints)]
    if not asked:
        return
    bodies, now = bodies_of(asked), clock.now()
    rows = [
        _delivery(pk, event.kind, bodies[event.pk], f"evt_{event.pk}", now)
        for event in asked
        if event.pk in bodies
        for pk, wanted in endpoints
        if event.kind in wanted
    ]
    insert_or(Delivery, rows, "ON CONFLICT DO NOTHING")
    jobs.wake_on_commit(DRAIN)


def _delivery(endpoint_id: int, event: str, body: Body, message_id: str, now: datetime) -> Delivery:
    return Delivery(
        endpoint_id=endpoint_id,
        event=event,
        contact=body.get("contact_id"),
        version=body.get("version") or 0,
        message_id=message_id,
        body=body,
        due_at=now,
        created_at=now,
    )


def send_test(row: Endpoint) -> Delivery:
    """A delivery that says so, due now, also for a receiver that is paused by its breaker."""
    now = clock.now()
    body = {"id": f"test:{random_words.token_hex(4)}", "type": kinds.TEST, "timestamp": now.isoformat(timespec="milliseconds")}
    made = _delivery(
        row.pk, kinds.TEST, {**body, "data": {"message": "Social CRM is connected."}}, f"tst_{random_words.token_hex(12)}", now
    )
    with transaction.atomic():
        made.save()
        Endpoint.objects.filter(pk=row.pk).update(resume_at=None)
        jobs.wake_on_commit(DRAIN)
        jobs.wake_on_commit(f"{DRAIN}.slow")
    return made


def replay(rows: QuerySet[Delivery]) -> int:
    """Give failed and discarded deliveries four new tries, now, with the same body and id. Pressing twice changes nothing more."""
    now = clock.now()
    stuck = rows.filter(state__in=[Delivery.State.FAILED, Delivery.State.DISCARDED])
    count = Delivery.objects.filter(pk__in=stuck.values("pk")).update(state=Delivery.State.DUE, due_at=now, created_at=now, attempts=0)
    if count:
        wake()
    return count


def discard(rows: QuerySet[Delivery], *, by: str) -> int:
    stuck = rows.filter(state=Delivery.State.FAILED)
    return Delivery.objects.filter(pk__in=stuck.values("pk")).update(state=Delivery.State.DISCARDED, reason=f"Discarded by {by}"[:500])


def wake() -> None:
    jobs.wake_on_commit(DRAIN)
    jobs.wake_on_commit(f"{DRAIN}.slow")


def events_in_words(events: Iterable[str]) -> str:
    return ", ".join(str(kinds.EVENTS.get(event, event)) for event in events)
