"""What a restored database needs of this app: the search index of people, and the erasures that are younger than the backup."""

from __future__ import annotations

from collections.abc import Callable

from scrm.contacts.models import Contact
from scrm.contacts.privacy import erasure, ledger
from scrm.contacts.search import reindex

AT_ONCE = 1000

Say = Callable[[str], None]


def rebuild(say: Say) -> None:
    """Whoever was merged into another is found by that one."""
    reached = 0
    while ids := list(Contact.objects.filter(pk__gt=reached, merged_into=None).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        reindex(ids)
        reached = ids[-1]
        say(f"people up to {reached:,}")


def ledger_lines() -> list[str]:
    """Kept beside the backups as well: the disk that is lost may be that of the ledger, too."""
    return ledger.raw_lines()


def add_lines(lines: list[str]) -> None:
    ledger.add(lines)


def repeat_erasures(say: Say) -> None:
    for outcome in erasure.replay(by="restore"):
        say(f"contact {outcome.contact_id}: erased again")
