"""Erasing a person everywhere: begun once, done in small steps, resumable after any death, repeatable after a restore.

    begin   the digests are remembered, the ledger line is on the disk, the addresses lead to nobody any more
    steps   each registered part removes its rows in chunks; `Erasure.step` says where to go on
    end     the contacts themselves; the row of the erasure stays, without personal data

From `begin` on, a new message of the person begins a new contact, and whatever was said before counts as old (`digests.replayed`).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Q

from scrm.contacts.models import Contact, Identity
from scrm.contacts.privacy import digests, ledger
from scrm.contacts.privacy.people import family_of, person
from scrm.contacts.privacy.registry import Person, parts
from scrm.contacts.privacy.removing import only_trying
from scrm.contacts.privacy_models import Erasure, LegalHold
from scrm.contacts.search import contact_index
from scrm.core import audit, clock, jobs
from scrm.core.crashpoints import crash_here

DRAIN = "privacy.erasures"
STEP_SECONDS = 10.0

Progress = Callable[[str, int], None]


class CannotErase(Exception):
    """Why nothing was erased, in words."""


@dataclass(slots=True)
class Outcome:
    """`counts`: rows removed by part."""

    contact_id: int
    state: str
    counts: dict[str, int] = field(default_factory=dict)


def begin(contact_id: int, *, by: str, reason: str, at: datetime | None = None) -> Erasure:
    """Ask for a person's erasure. Asked again while one is open, it is that one. Under a legal hold it waits for the hold's end."""
    if not reason.strip():
        raise CannotErase("say why: the reason stays on record")
    with transaction.atomic():
        family = family_of(contact_id)
        list(Contact.objects.select_for_update().filter(pk__in=family).order_by("pk").values_list("pk", flat=True))
        family = family_of(contact_id)
        open_ = Erasure.objects.filter(contact_id=family[0] if family else contact_id).exclude(state="done").first()
        if open_ is not None:
            return open_ if open_.state == Erasure.State.RUNNING or is_held(family) else _start(open_, family)
        if not family:
            raise CannotErase(f"there is no contact {contact_id}; it may have been erased before")
        now = at or clock.now()
        erasure = Erasure(code=uuid.uuid4().hex, contact_id=family[0], by=by[:150], reason=reason[:300], asked_at=now)
        erasure.state = Erasure.State.HELD
        erasure.people = _people(family)
        erasure.save()
        audit.record("contacts.erase_asked", by=by, subject=f"contacts.contact:{family[0]}", reason=reason)
        return erasure if is_held(family) else _start(erasure, family)


def is_held(contact_ids: Iterable[int]) -> bool:
    return LegalHold.objects.filter(contact__in=list(contact_ids), lifted_at=None).exists()


def _people(family: Iterable[int]) -> list[list[object]]:
    rows = Contact.objects.filter(pk__in=list(family)).order_by("pk").values_list("pk", "created_at")
    return [[pk, digests.made_digest(pk, created)] for pk, created in rows]


def _start(erasure: Erasure, family: list[int]) -> Erasure:
    """In the transaction that holds the person: the ledger first, then what follows from it."""
    erasure.people, erasure.started_at, erasure.state = _people(family), clock.now(), Erasure.State.RUNNING
    whom = person(family)
    remembered = _to_remember(whom)
    erasure.digests = {digest: [int(flag) for flag in flags] for digest, flags in remembered.items()}
    if not only_trying.get():
        ledger.write(erasure)
        crash_here("erasure.ledger")
    ledger.erased_addresses(remembered, erasure.started_at)
    erasure.save()
    audit.record(
        "contacts.erased", by=erasure.by, subject=f"contacts.contact:{erasure.contact_id}", reason=erasure.reason, about=_mentions(family)
    )
    Identity.objects.filter(pk__in=whom.identities, valid_to=None).update(valid_to=erasure.started_at)
    contact_index.remove(list(whom.contacts))
    jobs.wake_on_commit(DRAIN)
    return erasure


def _mentions(family: Iterable[int]) -> list[str]:
    return [f"contacts.contact:{pk}" for pk in family]


def _to_remember(whom: Person) -> dict[str, tuple[bool, bool]]:
    """Digest -> (opted out, declined promotions); what one address declined counts for all of them."""
    rows = Identity.objects.filter(pk__in=whom.identities)
    opted_out = rows.filter(opted_out_at__isnull=False).exists()
    declined = opted_out or rows.filter(marketing_opted_out_at__isnull=False).exists()
    keys = {*whom.addresses, *(key for part in parts() if part.remember for key in part.remember(whom))}
    return {digests.digest(kind, value): (opted_out, declined) for kind, value in keys if value and kind != Identity.Kind.USERNAME}


def carry_out(erasure: Erasure, *, seconds: float | None = None, progress: Progress | None = None) -> bool:
    """Go on with an erasure; True when it is done. `seconds`: stop after about so long, at the end of a chunk."""
    if erasure.state != Erasure.State.RUNNING:
        return erasure.state == Erasure.State.DONE
    ends = None if seconds is None else time.monotonic() + seconds
    _overwrite_what_is_deleted()
    family = [int(pk) for pk, _ in erasure.people]
    names = [part.name for part in parts()]
    ahead = list(parts())[names.index(erasure.step) if erasure.step in names else 0 :]
    for part in ahead:
        erasure.step = part.name
        erasure.save(update_fields=["step"])
        for count in filter(None, part.erase(person(family)) if part.erase else ()):
            erasure.counts[part.name] = int(erasure.counts.get(part.name, 0)) + count
            erasure.save(update_fields=["counts"])
            crash_here(f"erasure.{part.name}")
            if progress:
                progress(part.name, erasure.counts[part.name])
            if ends is not None and time.monotonic() > ends:
                return False
    _finish(erasure, family)
    return True


def _finish(erasure: Erasure, family: list[int]) -> None:
    with transaction.atomic():
        crash_here("erasure.end")
        recorded = (
            audit.entries_about([f"contacts.contact:{erasure.contact_id}"])
            .filter(action__in=("contacts.erased", "contacts.erasure_replayed"))
            .last()
        )
        if recorded is not None:
            audit.erase_details([f"contacts.contact:{pk}" for pk in family], recorded_as=recorded)
        erasure.state, erasure.done_at, erasure.step = Erasure.State.DONE, clock.now(), ""
        erasure.save()
    cache.clear()
    if not only_trying.get():
        tidy_indexes()


def _overwrite_what_is_deleted() -> None:
    """SQLite leaves deleted text in its file until the place is used again, unless told otherwise; PostgreSQL's vacuum sees to it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=ON")


def tidy_indexes() -> None:
    """SQLite's word indexes only mark words as deleted; merging their segments removes them. Then the log beside the file is emptied."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        for table in ("contacts_search", "conversations_search"):
            cursor.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608 - our own tables
        if not connection.in_atomic_block:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def erase_now(contact_id: int, *, by: str, reason: str, progress: Progress | None = None) -> Outcome:
    """Begin and carry out in this process, for commands."""
    erasure = begin(contact_id, by=by, reason=reason)
    if erasure.state == Erasure.State.HELD:
        raise CannotErase(f"contact {contact_id} is under a legal hold; the erasure waits for its end")
    carry_out(erasure, progress=progress)
    return Outcome(erasure.contact_id, erasure.state, dict(erasure.counts))


def try_out(contact_id: int, *, by: str) -> Outcome:
    """What an erasure would remove: carried out and rolled back, files left alone."""
    trying = only_trying.set(True)
    try:
        with transaction.atomic():
            erasure = begin(contact_id, by=by, reason="tried without effect")
            held = erasure.state == Erasure.State.HELD
            carry_out(erasure)
            transaction.set_rollback(True)
        return Outcome(erasure.contact_id, "held" if held else "would be erased", dict(erasure.counts))
    finally:
        only_trying.reset(trying)


@jobs.drain(DRAIN)
def go_on() -> int:
    """The oldest erasure under way, for some seconds."""
    erasure = Erasure.objects.filter(state="running").order_by("id").first()
    if erasure is None:
        return 0
    carry_out(erasure, seconds=STEP_SECONDS)
    return 1


def lift_hold(contact_id: int, *, by: str) -> int:
    """End the legal holds of a person; erasures that waited for it begin. Returns how many holds ended."""
    with transaction.atomic():
        family = family_of(contact_id)
        lifted = LegalHold.objects.filter(contact__in=family, lifted_at=None).update(lifted_at=clock.now(), lifted_by=by[:150])
        if lifted:
            audit.record("contacts.hold_lifted", by=by, subject=f"contacts.contact:{family[0]}")
        for erasure in Erasure.objects.filter(state="held", contact_id__in=family).order_by("id"):
            _start(erasure, family)
    return lifted


def set_hold(contact_id: int, *, by: str, reason: str) -> LegalHold:
    with transaction.atomic():
        hold, made = LegalHold.objects.get_or_create(
            contact_id=contact_id, lifted_at=None, defaults={"reason": reason[:300], "set_by": by[:150], "set_at": clock.now()}
        )
        if made:
            audit.record("contacts.hold_set", by=by, subject=f"contacts.contact:{contact_id}", reason=reason)
    return hold


def replay(*, by: str) -> list[Outcome]:
    """Repeat what the ledger knows and the database, restored from an older copy, does not. Holds are not asked: it was erased before."""
    outcomes: list[Outcome] = []
    for line in ledger.not_in_database():
        with transaction.atomic():
            ledger.erased_addresses(line.digests, line.at)
            back = _came_back(line)
            erasure = Erasure(code=line.code, contact_id=line.contact_id, by=by[:150], reason="repeated after a restore", asked_at=line.at)
            erasure.digests = {digest: [int(flag) for flag in flags] for digest, flags in line.digests.items()}
            erasure.people, erasure.started_at, erasure.state = back, line.at, Erasure.State.RUNNING
            Erasure.objects.filter(contact_id=line.contact_id, state="held").delete()
            erasure.save()
            mentions = [f"contacts.contact:{pk}" for pk, _ in line.people]
            audit.record("contacts.erasure_replayed", by=by, subject=f"contacts.contact:{line.contact_id}", about=mentions)
            ids = [int(str(pk)) for pk, _ in back]
            Identity.objects.filter(Q(contact__in=ids) | Q(home__in=ids), valid_to=None).update(valid_to=clock.now())
            contact_index.remove(ids)
        carry_out(erasure)
        outcomes.append(Outcome(line.contact_id, erasure.state, dict(erasure.counts)))
    for row in Erasure.objects.filter(state="running").order_by("id"):
        carry_out(row)
    for row in ledger.not_in_file():
        ledger.write(row)
    return outcomes


def _came_back(line: ledger.Line) -> list[list[object]]:
    """The rows of the line that are the same people: another contact may have got the number since."""
    made = dict(line.people)
    rows = Contact.objects.filter(pk__in=list(made)).order_by("pk").values_list("pk", "created_at")
    return [[pk, made[pk]] for pk, created in rows if made[pk] in digests.made_digests(pk, created)]
