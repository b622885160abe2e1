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
KINDS = ("contact.created", "contact.changed", "identity.changed", "contact.merged", "contact.unmerged")


@jobs.periodic("contacts.numbers", every=600)
def settle_numbers() -> None:
    """Numbers that fit several countries are looked at again: in the meantime somebody may have written from one of them."""
    repairs.sweep()


@events.consumer("matching", kinds=KINDS, delay=_AFTER, batch=50)
def match(batch: list[Event]) -> None:
    """Compare each new or changed contact with all others, by what is stored of them."""
    finding.consume(event.contact_id for event in batch)


@jobs.periodic("contacts.import_files", every=900)
def remove_import_files() -> None:
    """Files of imports that ended, or that nobody started, are personal data that nobody needs."""
    uploading.remove_old()
