"""Numbers that could not be read: settled by evidence where it is enough, else by a person; on record, and taken back at any time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from rapidfuzz import fuzz

from scrm.contacts import events, phone
from scrm.contacts.models import Contact, Event, Identity, NumberSettlement
from scrm.contacts.search import reindex
from scrm.contacts.settling import Known, Verdict, settle
from scrm.core import clock
from scrm.core.folding import fold

BATCH = 200
SWEPT = 2_000
LEAST_ALIKE = 80.0
COUNTED = 2_000
TELLING = frozenset({"name", "country", "language", "address", "city", "state", Identity.Kind.PHONE.value})


class CannotSettle(Exception):
    """The number is read already, or is not one; the text says which."""


def ambiguous(contact_ids: Iterable[int]) -> list[Identity]:
    rows = Identity.objects.filter(contact_id__in=list(contact_ids), needs_repair=phone.SEVERAL_REGIONS, valid_to=None)
    return list(rows.select_related("contact", "home"))


def settle_by_evidence(identities: Sequence[Identity]) -> int:
    """Settle what the evidence is enough for; how many. What a person took back is left to people."""
    taken_back = set(
        NumberSettlement.objects.filter(identity__in=[row.pk for row in identities])
        .exclude(undone_by="")
        .values_list("identity", flat=True)
    )
    open_ = [row for row in identities if _numbers(row) and row.pk not in taken_back]
    done = 0
    for row, verdict in zip(open_, _verdicts(open_), strict=True):
        if verdict.chosen:
            done += _record(row, verdict.chosen, [piece.as_json() for piece in verdict.evidence], by="") is not None
    return done


def consider(identity: Identity) -> Verdict:
    """What is known of one ambiguous number, for the page that asks."""
    return _verdicts([identity])[0]


def settle_number(identity: Identity, number: str, *, by: str) -> NumberSettlement:
    """A person says which number it is: one of its candidates, or another in full. Raises `CannotSettle`."""
    read = phone.parse(number)
    if not isinstance(read, phone.Number):
        raise CannotSettle(_("Enter the whole number with its country code."))
    verdict = consider(identity) if read.e164 in _numbers(identity) else Verdict("")
    made = _record(identity, read.e164, [piece.as_json() for piece in verdict.evidence], by=by)
    if made is None:
        raise CannotSettle(_("Somebody has settled this number already."))
    return made


def settle_as(identity: Identity, number: str, *, by: str) -> NumberSettlement | None:
    """A number that a later file states with its country. None when it was settled meanwhile."""
    return _record(identity, number, [], by=by)


def undo(settlement: NumberSettlement, *, by: str) -> bool:
    """Back to the number as it came, to be asked again; safe to press twice."""
    with transaction.atomic():
        if not NumberSettlement.objects.filter(pk=settlement.pk, undone_at=None).update(undone_at=clock.now(), undone_by=by):
            return False
        identity = Identity.objects.get(pk=settlement.identity_id)
        Identity.objects.filter(pk=identity.pk).update(
            value=settlement.raw, typed="", e164="", needs_repair=settlement.reason, scope=_own_scope(identity)
        )
        _tell(identity, "identity.unsettled", {"number": settlement.chosen, "by": by})
    return True


def _own_scope(identity: Identity) -> str:
    return f"contact:{identity.home_id or identity.contact_id}"


def _numbers(identity: Identity) -> list[str]:
    return list((identity.candidates or {}).get("numbers", ()))


def _record(identity: Identity, number: str, evidence: list[dict[str, object]], *, by: str) -> NumberSettlement | None:
    """Write the number and how it was found; None when another worker or person was first."""
    with transaction.atomic():
        taken = Identity.objects.filter(kind=identity.kind, scope="", value=number, valid_to=None).exclude(pk=identity.pk).exists()
        scope = _own_scope(identity) if taken else ""
        open_ = Identity.objects.filter(pk=identity.pk, e164="").exclude(needs_repair="")
        if not open_.update(value=number, typed=identity.value, e164=number, needs_repair="", scope=scope):
            return None
        made = NumberSettlement.objects.create(
            identity=identity,
            raw=identity.value,
            reason=identity.needs_repair,
            candidates=_numbers(identity),
            chosen=number,
            evidence=evidence,
            by=by,
            settled_at=clock.now(),
        )
        _tell(identity, "identity.settled", {"number": number, "raw": made.raw, "settlement": made.pk, "by": by})
    return made


def _tell(identity: Identity, kind: str, data: dict[str, object]) -> None:
    reindex([identity.contact_id])
    now = clock.now()
    changed = {"fields": [identity.kind], "by": data.get("by", "")}
    events.record(
        [
            Event(contact_id=identity.contact_id, identity=identity, kind=kind, occurred_at=now, data=data),
            Event(contact_id=identity.contact_id, identity=identity, kind="contact.changed", occurred_at=now, data=changed),
        ]
    )


# --- what is known ----------------------------------------------------------------------------------------------------


def _verdicts(rows: Sequence[Identity]) -> list[Verdict]:
    """A fixed number of queries for any number of rows."""
    candidates = {number for row in rows for number in _numbers(row)}
    holders: dict[str, list[Identity]] = {}
    for holder in Identity.objects.filter(e164__in=candidates, kind=Identity.Kind.WHATSAPP, valid_to=None).select_related("contact"):
        holders.setdefault(holder.e164, []).append(holder)
    delivered = _delivered([holder for each in holders.values() for holder in each])
    origins = _origins({row.origin for row in rows})
    return [settle(_numbers(row), _known(row, holders, delivered, origins)) for row in rows]


def _known(row: Identity, holders: dict[str, list[Identity]], delivered: set[int], origins: dict[str, Counter[str]]) -> Known:
    person: Contact = row.home or row.contact
    said = row.candidates or {}
    beside = {number: holders.get(number, []) for number in _numbers(row)}
    return Known(
        name=person.name,
        country=person.country,
        language=person.language,
        address=" ".join(part for part in (person.address, person.city, person.state) if part),
        connection=str(said.get("country", "")),
        origin=origins.get(row.origin, Counter()),
        replied=frozenset(n for n, rows in beside.items() if any(_wrote(h) and h.contact_id == row.contact_id for h in rows)),
        alike=frozenset(n for n, rows in beside.items() if any(_wrote(h) and _alike(h.contact, person) for h in rows)),
        delivered=frozenset(n for n, rows in beside.items() if any(h.pk in delivered and h.contact_id == row.contact_id for h in rows)),
    )


def _wrote(identity: Identity) -> bool:
    return identity.verified == Identity.Verified.INBOUND and identity.shared_since is None


def _alike(one: Contact, other: Contact) -> bool:
    """The same name in full, not two nicknames that happen to agree."""
    first, second = fold(one.name), fold(other.name)
    enough = min(len(first), len(second)) >= (5 if first.isascii() else 3)
    return enough and fuzz.ratio(first, second) >= LEAST_ALIKE


def _delivered(holders: Sequence[Identity]) -> set[int]:
    """Those of the identities at which a message of ours arrived."""
    if not holders:
        return set()
    people, ids = {holder.contact_id for holder in holders}, [holder.pk for holder in holders]
    rows = Event.objects.filter(contact_id__in=people, identity_id__in=ids, kind__in=["message.delivered", "message.read"])
    return {pk for pk in rows.values_list("identity_id", flat=True).distinct() if pk is not None}


def _origins(names: set[str]) -> dict[str, Counter[str]]:
    """Countries of the numbers that came with their country code, of each import or CRM; at most `COUNTED` of each are looked at."""
    found: dict[str, Counter[str]] = {}
    for name in filter(None, names):
        rows = Identity.objects.filter(origin=name).exclude(e164="").order_by("-pk")
        found[name] = Counter(filter(None, (phone.region_of(number) for number in rows.values_list("e164", flat=True)[:COUNTED])))
    return found


# --- in the background --------------------------------------------------------------------------------------------------


def _telling(event: Event) -> timedelta | None:
    """Only what may tell where a number belongs is looked at."""
    fields = event.data.get("fields") if isinstance(event.data, dict) else None
    return timedelta(0) if isinstance(fields, list) and TELLING & set(fields) else None


@events.consumer("numbers", kinds=("contact.changed",), delay=_telling)
def settle_of_changed(batch: list[Event]) -> None:
    """A name, an address, a country came: it may tell where a number belongs."""
    settle_by_evidence(ambiguous({event.contact_id for event in batch}))


def sweep(limit: int = SWEPT) -> int:
    """Look again at numbers that wait, from a place drawn at random: somebody may have written from one of their readings."""
    waiting = Identity.objects.filter(needs_repair=phone.SEVERAL_REGIONS, valid_to=None).order_by("pk")
    first, last = waiting.first(), waiting.last()
    if first is None or last is None:
        return 0
    start, done, seen = random.randint(first.pk, last.pk), 0, 0
    for rows in (waiting.filter(pk__gte=start), waiting.filter(pk__lt=start)):
        after = 0
        while seen < limit and (batch := list(rows.filter(pk__gt=after).select_related("contact", "home")[:BATCH])):
            done += settle_by_evidence(batch)
            seen, after = seen + len(batch), batch[-1].pk
    return done
