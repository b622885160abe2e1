"""What merges and their undoing mean for pairs and cases, wherever they were made: in a case, on a page, by an import or by a program.

Of a person only the survivor is compared and shown. A pair that was kept apart stands for the whole of both people: it is looked up by
the records behind each of them, so that it follows every merge, and every undoing, without being written again.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from scrm.contacts.matching import casework, store, ties
from scrm.contacts.models import Contact, DuplicateCandidate
from scrm.core import clock

Pair = DuplicateCandidate


def joined(family: Collection[int], *, by: str = "") -> None:
    """These records are one person now. Their pairs are settled; what was open with others is looked for by the survivor anew."""
    casework.take_turn()
    inside = Pair.objects.filter(first_id__in=family, second_id__in=family, state=Pair.State.OPEN)
    inside.update(state=Pair.State.MERGED, decided_by=by[:150], decided_at=clock.now())
    merged = list(Contact.objects.filter(pk__in=family).exclude(merged_into=None).values_list("pk", flat=True))
    store.forget(merged)
    ties.forget(merged)
    casework.regroup(family)


def separated(
    leaving: Collection[int], staying: Collection[int], *, keep_apart: tuple[int, int] | None = None, by: str = "", reason: str = ""
) -> None:
    """A merge was taken back. Pairs between the two sides stand open again; `keep_apart`: these two are remembered as different people."""
    casework.take_turn()
    across = Q(first_id__in=leaving, second_id__in=staying) | Q(first_id__in=staying, second_id__in=leaving)
    Pair.objects.filter(across, state=Pair.State.MERGED).update(state=Pair.State.OPEN, reason="", decided_by="", decided_at=None, case=None)
    if keep_apart is not None:
        _remember(keep_apart, by, reason)
    casework.regroup({*leaving, *staying})


def _remember(two: tuple[int, int], by: str, reason: str) -> None:
    first, second = sorted(two)
    now = clock.now()
    decision = {"state": Pair.State.APART, "reason": reason[:300], "decided_by": by[:150], "decided_at": now}
    fresh = {"score": 0.0, "found_at": now}
    Pair.objects.update_or_create(first_id=first, second_id=second, defaults=decision, create_defaults={**fresh, **decision})
