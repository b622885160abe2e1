"""What runs in the background for this app."""

from __future__ import annotations

from datetime import timedelta

from scrm.contacts import events, repairs
from scrm.contacts.importing import running, uploading  # noqa: F401 - running registers its drain
from scrm.contacts.matching import finding
from scrm.contacts.models import Event
from scrm.core import jobs

# Whatever else a webhook brings of a new person (a name, a second address) is there by then, and one look serves it all.
_AFTER = timedelta(seconds=2)
KINDS = (
    "contact.created", "contact.changed", "contact.merged", "contact.unmerged", "identity.changed", "identity.shared",
    "identity.answered", "order.placed", "order.changed",
)  # fmt: skip
# What of an order says who bought what when; its shipment and its total do not.
_PURCHASE = frozenset({"contact", "lines", "placed_at", "status"})


@jobs.periodic("events.hurry", every=10)
def hurry_along() -> None:
    events.hurry_along()


@jobs.periodic("contacts.numbers", every=600)
def settle_numbers() -> None:
    """Numbers that fit several countries are looked at again: in the meantime somebody may have written from one of them."""
    repairs.sweep()


def _wait(event: Event) -> timedelta | None:
    return None if event.kind == "order.changed" and _PURCHASE.isdisjoint(event.data.get("changed", ())) else _AFTER


@events.consumer("matching", kinds=KINDS, delay=_wait, batch=50, longest=lambda: _AFTER)
def match(batch: list[Event]) -> None:
    """Compare each contact of whom something new is known with all others, by what is stored of them."""
    concerned = {event.contact_id for event in batch}
    # The record that became part of another has no keys of its own any more; an order may have been somebody else's before.
    concerned |= {event.data["other"] for event in batch if event.kind == "contact.merged"}
    concerned |= {event.data["contact_before"] for event in batch if event.data.get("contact_before")}
    numbers = {event.contact_id for event in batch if event.kind in {"identity.shared", "identity.answered"}}
    finding.consume(concerned | finding.with_their_numbers(numbers))


@jobs.periodic("contacts.import_files", every=900)
def remove_import_files() -> None:
    """Files of imports that ended, or that nobody started, are personal data that nobody needs."""
    uploading.remove_old()
