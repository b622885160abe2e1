"""What this app and the machinery below it keep of a person."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q

from scrm.contacts.match_key_models import MatchKey, MatchProfile, MatchTie
from scrm.contacts.models import (
    Consent,
    Contact,
    DuplicateCandidate,
    DuplicateCase,
    Event,
    FieldConflict,
    Identity,
    IdentityCase,
    Merge,
    NumberSettlement,
)
from scrm.contacts.privacy import exports, registry
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import forget_log_entries, in_chunks, pattern
from scrm.contacts.privacy.writing import dump
from scrm.contacts.privacy_models import LegalHold, PersonExport
from scrm.contacts.search import contact_index
from scrm.core import audit, jobs

NAMING = ("identity.conflict", "identity.changed", "contact.merged", "contact.unmerged")


def _forget_jobs(whom: Person) -> Iterator[int]:
    with transaction.atomic():
        count = jobs.forget_naming(pattern(whom.markers))
    if count:
        yield count


def _of_pairs(whom: Person) -> Q:
    return Q(first__in=whom.contacts) | Q(second__in=whom.contacts)


def _of_merges(whom: Person) -> Q:
    return Q(survivor__in=whom.contacts) | Q(duplicate__in=whom.contacts)


def _erase(whom: Person) -> Iterator[int]:
    yield from in_chunks(PersonExport.objects.filter(contact__in=whom.contacts), exports.remove_files)
    yield from in_chunks(Event.objects.filter(contact__in=whom.contacts))
    yield from _forget_namings(whom)
    yield from in_chunks(Consent.objects.filter(identity__in=whom.identities))
    yield from in_chunks(FieldConflict.objects.filter(contact__in=whom.contacts))
    cases = set(DuplicateCandidate.objects.filter(_of_pairs(whom)).exclude(case=None).values_list("case", flat=True))
    yield from in_chunks(DuplicateCandidate.objects.filter(_of_pairs(whom)))
    DuplicateCase.objects.filter(pk__in=cases, candidates=None).update(state=DuplicateCase.State.GONE)
    yield from in_chunks(IdentityCase.objects.filter(Q(contact__in=whom.contacts) | Q(other__in=whom.contacts)))
    yield from in_chunks(NumberSettlement.objects.filter(identity__in=whom.identities))
    yield from in_chunks(Merge.objects.filter(_of_merges(whom)))
    yield from in_chunks(LegalHold.objects.filter(contact__in=whom.contacts))
    if gone := _erase_rows(whom):
        yield gone


def _forget_namings(whom: Person) -> Iterator[int]:
    """Other people's events that quote one of these addresses: two claimed it, or it changed hands."""
    wanted = pattern(whom.markers)
    if wanted is None:
        return
    with transaction.atomic():
        rows = Event.objects.filter(kind__in=NAMING).exclude(contact__in=whom.contacts).only("pk", "data")
        naming = [row.pk for row in rows.iterator(chunk_size=1000) if wanted.search(str(row.data))]
        Event.objects.filter(pk__in=naming).update(data={})
    if naming:
        yield len(naming)


def _erase_rows(whom: Person) -> int:
    with transaction.atomic():
        MatchKey.objects.filter(contact__in=whom.contacts).delete()
        MatchProfile.objects.filter(contact__in=whom.contacts).delete()
        MatchTie.objects.filter(_of_pairs(whom)).delete()
        forget_log_entries(Contact, whom.contacts)
        forget_log_entries(Identity, whom.identities)
        contact_index.remove(list(whom.contacts))
        Contact.objects.filter(pk__in=whom.contacts).update(merged_into=None)
        gone = Identity.objects.filter(Q(contact__in=whom.contacts) | Q(pk__in=whom.identities)).delete()[0]
        return gone + Contact.objects.filter(pk__in=whom.contacts).delete()[0]


def _export(whom: Person, box: Box) -> None:
    ids = whom.contacts
    box.rows("contacts", dump(Contact.objects.filter(pk__in=ids)))
    box.rows("identities", dump(Identity.objects.filter(pk__in=whom.identities)))
    box.rows("consents", dump(Consent.objects.filter(identity__in=whom.identities)))
    box.rows("events", _events(whom))
    box.rows("merges", _merges(whom))
    box.rows("field_differences", dump(FieldConflict.objects.filter(contact__in=ids)))
    # Of pairs and claims only that they exist: their evidence speaks of the other person as well.
    box.rows("possible_duplicates", dump(DuplicateCandidate.objects.filter(_of_pairs(whom)), only=("id", "score", "state", "found_at")))
    claims = IdentityCase.objects.filter(Q(contact__in=ids) | Q(other__in=ids))
    box.rows("address_questions", dump(claims, only=("id", "kind", "state", "found_at", "decided_at")))
    box.rows("settled_numbers", dump(NumberSettlement.objects.filter(identity__in=whom.identities)))
    box.rows("legal_holds", dump(LegalHold.objects.filter(contact__in=ids)))
    box.rows("exports", dump(PersonExport.objects.filter(contact__in=ids), leave=("file", "lease_until", "last_error")))
    box.rows("audit", _audit(whom))
    box.rows("admin_log", _log(whom))


def _events(whom: Person) -> Iterator[dict[str, object]]:
    for row in dump(Event.objects.filter(contact__in=whom.contacts)):
        if row["kind"] == "identity.conflict":
            row["data"] = {}
        yield row


def _merges(whom: Person) -> Iterator[dict[str, object]]:
    """A merge with somebody who is no longer counted as this person is told without the other's values."""
    family = set(whom.contacts)
    for row in dump(Merge.objects.filter(_of_merges(whom))):
        if not {row["survivor_id"], row["duplicate_id"]} <= family:
            row = {name: row[name] for name in ("id", "merged_at", "undone_at")}
        yield row


def _audit(whom: Person) -> Iterator[dict[str, object]]:
    """Values only of entries that concern nobody else."""
    own = set(whom.subjects)
    for entry in audit.entries_about(whom.subjects).select_related("detail").prefetch_related("mentions").iterator(chunk_size=500):
        row: dict[str, object] = {"id": entry.pk, "at": entry.at.isoformat(), "action": entry.action, "by": entry.by}
        concerned = {entry.subject, *(mention.subject for mention in entry.mentions.all())}
        if concerned <= own and isinstance(entry.detail.body, dict):
            row |= {name: entry.detail.body.get(name) for name in ("before", "after", "reason")}
        yield row


def _log(whom: Person) -> Iterator[dict[str, object]]:
    for model, ids in ((Contact, whom.contacts), (Identity, whom.identities)):
        kind = ContentType.objects.get_for_model(model)
        rows = LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in ids])
        yield from dump(rows, only=("id", "action_time", "object_repr", "change_message"))


def register() -> None:
    registry.register("queued jobs", rank=5, erase=_forget_jobs)
    covers = [Contact, Identity, Consent, Event, Merge, FieldConflict, DuplicateCandidate, DuplicateCase, IdentityCase, NumberSettlement]
    labels = [model._meta.label_lower for model in [*covers, LegalHold, PersonExport]]
    labels += ["contacts.eventdelivery", "contacts.matchprofile", "contacts.matchkey", "contacts.matchtie"]
    registry.register("person", rank=90, covers=labels, erase=_erase, export=_export)
