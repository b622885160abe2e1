"""Missing postal codes, completed in the background: by a table where a country has one, else by a geocoder that is connected.

Here, because it writes contacts from what an outside service says, as all of this app does, and neither contacts nor connections may
know the other. Places without codes are left alone. A code is offered as source `geocoder`, so that whatever a person, a CRM or a chat
says of the field goes before it. It is written only while the address is still the one that was looked up.

A paused connection is not asked; one row waits alone when its call fails, all wait when the service asks for patience.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Max

from connectors.errors import ConnectorError, Rejected, TryLater
from connectors.geocoding.contract import NO_CODES, Found, Geocoder, Place
from scrm.connections import breaker, services
from scrm.connections.models import Connection
from scrm.contacts import fields
from scrm.contacts.models import Contact, Event
from scrm.core import clock, jobs
from scrm.core.rows import insert_new
from scrm.sync.models import PostalCompletion

SOURCE = "geocoder"
TABLES = ("japan_table",)
TELLING = frozenset({"address", "city", "state", "country", "postal_code"})
BATCH = 20
WINDOW = 5_000
SWEEP_SECONDS = 300
MOST_ATTEMPTS = 5
AGAIN = timedelta(minutes=10)

State = PostalCompletion.State


def wanted(event: Event) -> timedelta | None:
    """Only a change of the address is looked at."""
    names = event.data.get("fields") if isinstance(event.data, dict) else None
    return timedelta(0) if isinstance(names, list) and TELLING & set(names) else None


def note_changes(batch: list[Event]) -> None:
    ask_for({event.contact_id for event in batch})


def ask_for(contact_ids: Iterable[int]) -> int:
    """Queue the contacts that have an address and no code; what was answered for the same address is not asked again."""
    rows = Contact.objects.filter(pk__in=list(contact_ids), postal_code="", merged_into=None).exclude(address="")
    people = [contact for contact in rows if contact.country not in NO_CODES]
    now = clock.now()
    made = [PostalCompletion(contact=contact, address=fingerprint(contact), due_at=now) for contact in people]
    queued = len(insert_new(PostalCompletion, made, key="contact"))
    for contact in people:
        other = PostalCompletion.objects.filter(contact=contact, state__in=[State.NONE, State.DONE]).exclude(address=fingerprint(contact))
        queued += other.update(state=State.WAITING, address=fingerprint(contact), due_at=now, attempts=0)
    if queued:
        jobs.wake_on_commit("postal")
    return queued


def sweep() -> int:
    """Look at the next window of contacts, one after another around the whole table: imports and merges tell no single change."""
    last = Contact.objects.aggregate(last=Max("pk"))["last"] or 0
    windows = last // WINDOW + 1
    first = (int(clock.now().timestamp()) // SWEEP_SECONDS % windows) * WINDOW
    rows = Contact.objects.filter(pk__gt=first, pk__lte=first + WINDOW, postal_code="", postal_completion=None).exclude(address="")
    with transaction.atomic():
        return ask_for(rows.values_list("pk", flat=True))


def fingerprint(contact: Contact) -> str:
    parts = (contact.country, contact.state, contact.city, contact.address)
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def complete_due() -> int:
    """Look up one batch of due addresses; how many were settled. Calls are made outside of any transaction."""
    due = PostalCompletion.objects.filter(state=State.WAITING, due_at__lte=clock.now()).order_by("due_at", "id")
    done = 0
    for row in list(due.select_related("contact")[:BATCH]):
        # Taken before the call, so that two workers do not ask for one address, and a row that kills its worker is given up.
        taken = PostalCompletion.objects.filter(pk=row.pk, state=State.WAITING, attempts=row.attempts, due_at=row.due_at)
        if not taken.update(attempts=row.attempts + 1, due_at=clock.now() + AGAIN):
            continue
        row.attempts += 1
        done += _complete(row)
    return done


def _complete(row: PostalCompletion) -> int:
    person = row.contact
    place = Place(person.address, person.city, person.state, person.country)
    asked = [(slug, services.geocoding_table(slug), None) for slug in TABLES]
    asked += [(each.adapter, None, each) for each in _connected()]  # type: ignore[misc]
    for slug, table, connection in asked:
        try:
            found = _ask(table, connection, place)
        except TryLater as wait:
            _put_off(row, max(wait.after, AGAIN))
            return 0
        except ConnectorError:
            _put_off(row, AGAIN)
            return 0
        if found is not None:
            return _write(row, slug, found)
    return PostalCompletion.objects.filter(pk=row.pk, state=State.WAITING).update(state=State.NONE)


def _connected() -> Sequence[Connection]:
    rows = Connection.objects.filter(kind=Connection.Kind.GEOCODER, state=Connection.State.ACTIVE)
    return [row for row in rows if breaker.is_callable_now(row)]


def _ask(table: Geocoder | None, connection: Connection | None, place: Place) -> Found | None:
    if connection is None:
        return table.postal_code(place) if table is not None and table.serves(place.country) else None
    try:
        geocoder = services.geocoder_of(connection)
        found = geocoder.postal_code(place) if geocoder.serves(place.country) else None
    except Rejected:
        return None
    except ConnectorError as error:
        breaker.report_failure(connection, error)
        raise
    breaker.report_success(connection)
    return found


def _put_off(row: PostalCompletion, wait: timedelta) -> None:
    state = State.NONE if row.attempts >= MOST_ATTEMPTS else State.WAITING
    PostalCompletion.objects.filter(pk=row.pk, state=State.WAITING).update(due_at=clock.now() + wait, state=state)


def _write(row: PostalCompletion, slug: str, found: Found) -> int:
    """Offer the code, if the person still has this address and none."""
    now = clock.now()
    with transaction.atomic():
        fresh = Contact.objects.get(pk=row.contact_id)
        if fingerprint(fresh) != row.address or fresh.postal_code:
            return PostalCompletion.objects.filter(pk=row.pk, state=State.WAITING).update(state=State.NONE)
        waiting = PostalCompletion.objects.filter(pk=row.pk, state=State.WAITING)
        values = {"state": State.DONE, "postal_code": found.postal_code, "source": slug, "confidence": found.confidence, "found_at": now}
        if not waiting.update(**values):
            return 0
        fields.offer([fields.Offer(fresh.pk, {"postal_code": found.postal_code}, SOURCE, now)])
    return 1


def revert(row: PostalCompletion, *, by: str) -> bool:
    """Take a completed code away again, for good; one that somebody has changed since is left. False when it was taken back before."""
    now = clock.now()
    with transaction.atomic():
        done = PostalCompletion.objects.filter(pk=row.pk, state=State.DONE)
        if not done.update(state=State.REVERTED, reverted_by=by, reverted_at=now):
            return False
        contact = Contact.objects.get(pk=row.contact_id)
        if contact.postal_code == row.postal_code:
            fields.offer([fields.Offer(contact.pk, {"postal_code": ""}, "person", now, by=by, blanks_count=True)])
    return True
