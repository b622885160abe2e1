"""The append-only record from which tests count; written by the sandbox alone, never by the system under test."""

from typing import Any

from django.db.models import Count

from scrm.sandbox import rows
from scrm.sandbox.models import HistoryEntry, Message, Number, PendingUpdate, Person, WebhookDelivery


def _append(**members: Any) -> None:
    rows.insert([HistoryEntry(**members)])


def accepted(number: Number, person: Person, wamid: str, reference: str, body: dict[str, Any]) -> None:
    recipient = person.phone or person.user_id
    _append(kind="accepted", number=number.slug, wamid=wamid, reference=reference, recipient=recipient, answer=200, content=body)


def refused(number: Number, code: int, http: int, body: Any, details: str) -> None:
    source = body if isinstance(body, dict) else {}
    _append(
        kind="refused",
        number=number.slug,
        reference=str(source.get("biz_opaque_callback_data") or "")[:512],
        recipient=str(source.get("to") or source.get("recipient") or "")[:140],
        answer=http,
        content={"code": code, "details": details},
    )


def over_tier(number: Number, person: Person, wamid: str, reference: str, reached: int, limit: int) -> None:
    """A person too many: accepted, and a broken promise of the sender's."""
    content = {"reached": reached, "limit": limit}
    recipient = person.phone or person.user_id
    _append(kind="over_tier", number=number.slug, wamid=wamid, reference=reference, recipient=recipient, answer=200, content=content)


def played(number: Number, person: Person, wamid: str, message: dict[str, Any]) -> None:
    _append(kind="inbound", number=number.slug, wamid=wamid, recipient=person.phone or person.user_id, content=message)


def posted_entry(delivery: WebhookDelivery, answer: int, reason: str) -> HistoryEntry:
    content = {"delivery": delivery.pk, "attempt": delivery.attempts, "items": delivery.about, "reason": reason}
    return HistoryEntry(kind="webhook", number=delivery.number.slug, answer=answer, content=content)


SHOWN = ("id", "at", "kind", "number", "wamid", "reference", "recipient", "answer", "content")


def page(since: int, kind: str, limit: int, number: str = "") -> list[dict[str, Any]]:
    """Entries with an id above `since`, oldest first."""
    entries = HistoryEntry.objects.filter(pk__gt=since).order_by("pk")
    if kind:
        entries = entries.filter(kind=kind)
    if number:
        entries = entries.filter(number=number)
    return [{name: getattr(entry, name) for name in SHOWN} for entry in entries[:limit]]


def summary() -> dict[str, Any]:
    """Totals of the whole history. `accepted_by_ref_duplicates` counts acceptances beyond the first of one reference."""
    accepted_rows = HistoryEntry.objects.filter(kind="accepted")
    with_reference = accepted_rows.exclude(reference="")
    repeated = with_reference.values("reference").annotate(n=Count("id")).filter(n__gt=1)
    inbound = Message.objects.filter(inbound=True)
    return {
        "accepted": accepted_rows.count(),
        "accepted_with_reference": with_reference.count(),
        "accepted_references": with_reference.values("reference").distinct().count(),
        "accepted_by_ref_duplicates": sum(row["n"] - 1 for row in repeated),
        "refused": HistoryEntry.objects.filter(kind="refused").count(),
        "over_tier": HistoryEntry.objects.filter(kind="over_tier").count(),
        "inbound_posted": inbound.count(),
        "inbound_acknowledged": inbound.exclude(state="posted").count(),
        "inbound_read": inbound.filter(state="read").count(),
        "webhooks_posted": HistoryEntry.objects.filter(kind="webhook").count(),
        "webhooks_acknowledged": HistoryEntry.objects.filter(kind="webhook", answer=200).count(),
        "webhooks_waiting": WebhookDelivery.objects.filter(state="waiting").count(),
        "updates_waiting": PendingUpdate.objects.count(),
        "people": Person.objects.count(),
        "last_id": HistoryEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0,
    }
