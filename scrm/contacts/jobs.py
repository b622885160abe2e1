"""What runs in the background for this app."""

from __future__ import annotations

from scrm.contacts import repairs
from scrm.core import jobs


@jobs.periodic("contacts.numbers", every=600)
def settle_numbers() -> None:
    """Numbers that fit several countries are looked at again: in the meantime somebody may have written from one of them."""
    repairs.sweep()
