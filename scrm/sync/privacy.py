"""What stands of a person in a CRM, and what is still to be written there. The records at the CRM are erased there, by its own means."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q, QuerySet

from scrm.commerce.models import Order
from scrm.contacts.privacy import registry
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import in_chunks
from scrm.contacts.privacy.writing import dump
from scrm.conversations.models import Conversation
from scrm.sync.models import AwaitedPerson, ExternalRecord, Kind, PostalCompletion, Pull, Push, SaleState, SyncConflict, VerifiedRecord
from scrm.sync.person_ids import CRM, erased_name


def _of(whom: Person) -> Q:
    """Keys as `sync.services.Wanted`: a contact's or order's number, "conversation:<number>", "order:<number>", "<number>:<day>"."""
    wanted = Q(kind=Kind.CONTACT, key__in=[str(pk) for pk in whom.contacts])
    orders = list(Order.objects.filter(contact__in=whom.contacts).values_list("pk", flat=True))
    wanted |= Q(kind=Kind.ORDER, key__in=[str(pk) for pk in orders]) | Q(kind=Kind.DEAL, key__in=[f"order:{pk}" for pk in orders])
    for pk in Conversation.objects.filter(identity__in=whom.identities).values_list("pk", flat=True):
        wanted |= Q(kind__in=(Kind.DEAL, Kind.CASE), key=f"conversation:{pk}") | Q(
            kind=Kind.COMMUNICATION, key__gte=f"{pk}:", key__lt=f"{pk};"
        )
    for connection, kind, key in SaleState.objects.filter(contact__in=whom.contacts).values_list("connection", "kind", "key"):
        wanted |= Q(connection=connection, kind=kind, key=key)
    return wanted


def _reads(whom: Person) -> QuerySet[Pull]:
    """What is to be read again of these people's records."""
    mine = ExternalRecord.objects.filter(_of(whom), connection=OuterRef("connection"), kind=OuterRef("kind"))
    return Pull.objects.filter(Exists(mine.filter(external_id=OuterRef("external_id"))))


def _awaited(whom: Person) -> QuerySet[AwaitedPerson]:
    """What still names these people's records as those whom something waits for."""
    mine = ExternalRecord.objects.filter(_of(whom), connection=OuterRef("pull__connection"), kind=Kind.CONTACT)
    return AwaitedPerson.objects.filter(Exists(mine.filter(external_id=OuterRef("person"))))


def _compared(whom: Person) -> QuerySet[VerifiedRecord]:
    """What samples kept of these people's records."""
    mine = ExternalRecord.objects.filter(_of(whom))
    return VerifiedRecord.objects.filter(external_id__in=mine.values("external_id"), key__in=mine.values("key"))


def _erase(whom: Person) -> Iterator[int]:
    yield from in_chunks(Push.objects.filter(_of(whom)))
    yield from in_chunks(_awaited(whom))
    yield from in_chunks(_reads(whom))
    yield from in_chunks(SyncConflict.objects.filter(record__in=ExternalRecord.objects.filter(_of(whom))))
    yield from in_chunks(_compared(whom))
    yield from in_chunks(ExternalRecord.objects.filter(_of(whom)))
    # Last: what was begun over there is found by these.
    yield from in_chunks(SaleState.objects.filter(contact__in=whom.contacts))
    yield from in_chunks(PostalCompletion.objects.filter(contact__in=whom.contacts))


def _export(whom: Person, box: Box) -> None:
    box.rows("crm_records", dump(ExternalRecord.objects.filter(_of(whom))))
    box.rows("deals_and_cases", dump(SaleState.objects.filter(contact__in=whom.contacts)))
    box.rows("postal_codes", dump(PostalCompletion.objects.filter(contact__in=whom.contacts)))
    box.rows("crm_differences", dump(SyncConflict.objects.filter(record__in=ExternalRecord.objects.filter(_of(whom)))))
    box.rows("crm_comparisons", dump(_compared(whom)))
    box.rows("crm_reads", dump(_reads(whom), leave=("lease_until", "fence")))
    box.rows("crm_writes", dump(Push.objects.filter(_of(whom)), leave=("lease_until", "fence")))


def _remember(whom: Person) -> list[tuple[str, str]]:
    """A later pull of the same record must not bring the person back."""
    rows = ExternalRecord.objects.filter(_of(whom)).exclude(kind=Kind.COMMUNICATION).select_related("connection")
    return [(CRM, erased_name(row.connection, row.kind, row.external_id)) for row in rows]


def register() -> None:
    models = (ExternalRecord, Push, Pull, AwaitedPerson, SyncConflict, VerifiedRecord, PostalCompletion, SaleState)
    covers = [model._meta.label_lower for model in models]
    registry.register("CRM links", rank=20, covers=covers, erase=_erase, export=_export, remember=_remember)
