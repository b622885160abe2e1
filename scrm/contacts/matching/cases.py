"""What supervisors do with cases: take the next one, decide it, take the decision back. Whoever comes second is told.

Pairs that are kept apart or linked are remembered and never proposed again; the rest of a cluster goes on as a case of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from scrm.contacts.locking import lock_people
from scrm.contacts.matching import casework, families, finding, joining
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, Merge
from scrm.core import audit, clock

CLAIMED_FOR = timedelta(minutes=10)
LATER_BY = timedelta(days=1)
Case, Pair = DuplicateCase, DuplicateCandidate


@dataclass(frozen=True, slots=True)
class Decision:
    case: DuplicateCase
    merges: list[Merge] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Progress:
    """`decided`: by this person on that day. `waiting`: cases for anybody now."""

    decided: int
    waiting: int


def next_case(user: AbstractUser, *, skip: Collection[int] = (), among: QuerySet[DuplicateCase] | None = None) -> DuplicateCase | None:
    """The surest case that nobody else has before them; it is kept for this person for some minutes. `among`: those they may see."""
    now = clock.now()
    with transaction.atomic():
        mine = Q(claimed_until=None) | Q(claimed_until__lte=now) | Q(claimed_by_id=user.pk)
        rows = _waiting(now, among).filter(mine).exclude(pk__in=list(skip)).order_by("-score", "pk")
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        case = rows.first()
        if case is None:
            return None
        case.claimed_by_id, case.claimed_until = user.pk, now + CLAIMED_FOR
        case.save(update_fields=["claimed_by", "claimed_until"])
    return case


def _waiting(now: datetime, among: QuerySet[DuplicateCase] | None = None) -> QuerySet[DuplicateCase]:
    return (Case.objects.all() if among is None else among).filter(
        Q(state=Case.State.OPEN) | Q(state=Case.State.LATER, later_until__lte=now)
    )


def decide(
    case: DuplicateCase,
    *,
    by: AbstractUser,
    verdict: str = "merge",
    survivor: int | None = None,
    members: Sequence[int] | None = None,
    choices: Mapping[int, Mapping[str, Any]] | None = None,
    reason: str = "",
) -> Decision:
    """Answer a case for `members` (all of its contacts when not given). Raises ValidationError, worded, when it cannot be done.

    merge: they are one person. apart: they are different people. link: they are to be seen as related, and stay two. later: tomorrow.
    """
    with transaction.atomic():
        _hold(case, people=verdict == "merge")
        row = Case.objects.select_for_update(of=("self",)).get(pk=case.pk)
        _still_to_decide(row, by)
        if verdict == "later":
            row.state, row.later_until, row.claimed_by, row.claimed_until = Case.State.LATER, clock.now() + LATER_BY, None, None
            row.save(update_fields=["state", "later_until", "claimed_by", "claimed_until"])
            return Decision(row)
        pairs = list(Pair.objects.select_for_update(of=("self",)).filter(case=row, state=Pair.State.OPEN))
        people = {pk for pair in pairs for pk in (pair.first_id, pair.second_id)}
        chosen = people if members is None else people & set(members)
        if len(chosen) < 2:
            raise ValidationError(_("These records are no case any more: they were changed or decided meanwhile."))
        merges: list[Merge] = []
        if verdict == "merge":
            merges = joining.merge(chosen, survivor, by=by, choices=choices or {}, reason=reason)
        _remember(row, pairs, chosen, verdict, by, reason)
        _close(row, verdict, by)
        if merges:
            # Records that had been merged into one of these before are theirs as well, and stand in no case.
            families.joined(_family(chosen), by=by.get_username())
        # What is left of the cluster goes on: also the pairs of the decided with the others.
        Pair.objects.filter(case=row, state=Pair.State.OPEN).update(case=None)
        casework.regroup(people)
        if verdict != "merge":
            finding.judge_again(people)
    return Decision(row, merges)


def _family(people: Collection[int]) -> list[int]:
    """All records of the persons to whom these belong."""
    tops = [merged_into or pk for pk, merged_into in Contact.objects.filter(pk__in=people).values_list("pk", "merged_into")]
    return list(Contact.objects.filter(Q(pk__in=tops) | Q(merged_into__in=tops)).values_list("pk", flat=True))


def _hold(case: DuplicateCase, *, people: bool) -> None:
    """People are locked before pairs and cases, as merging does it, so that nobody waits for one another."""
    if people:
        pairs = Pair.objects.filter(case=case).values_list("first_id", "second_id")
        lock_people({pk for pair in pairs for pk in pair})
    casework.take_turn()


def _still_to_decide(case: DuplicateCase, by: AbstractUser) -> None:
    if case.state in {Case.State.DONE, Case.State.GONE}:
        raise ValidationError(_("Somebody has decided this case already."))
    if case.claimed_by_id not in {None, by.pk} and case.claimed_until is not None and case.claimed_until > clock.now():
        raise ValidationError(_("Somebody else has this case before them."))


_STATES = {"merge": Pair.State.MERGED, "apart": Pair.State.APART, "link": Pair.State.LINKED}


def _remember(
    case: DuplicateCase, pairs: Sequence[DuplicateCandidate], chosen: set[int], verdict: str, by: AbstractUser, reason: str
) -> None:
    """Every pair of the chosen is decided, those too that were never compared."""
    state, now, who = _STATES[verdict], clock.now(), by.get_username()[:150]
    known = {(pair.first_id, pair.second_id) for pair in pairs}
    decided = [pair.pk for pair in pairs if pair.first_id in chosen and pair.second_id in chosen]
    Pair.objects.filter(pk__in=decided).update(state=state, reason=reason[:300], decided_by=who, decided_at=now)
    ordered = sorted(chosen)
    if verdict == "merge":
        return
    about = [f"contacts.contact:{pk}" for pk in ordered]
    audit.record("contacts.kept_apart", by=by, subject=about[0], about=about, after={"case": case.pk, "verdict": verdict}, reason=reason)
    rest = [(one, other) for place, one in enumerate(ordered) for other in ordered[place + 1 :] if (one, other) not in known]
    decision = {"state": state, "reason": reason[:300], "decided_by": who, "decided_at": now}
    further = [Pair(first_id=one, second_id=other, case=case, score=0.0, found_at=now, **decision) for one, other in rest]
    Pair.objects.bulk_create(
        further, update_conflicts=True, unique_fields=["first", "second"], update_fields=["state", "reason", "decided_by", "decided_at"]
    )


def _close(case: DuplicateCase, verdict: str, by: AbstractUser) -> None:
    case.state, case.decision, case.decided_by_id, case.decided_at = Case.State.DONE, verdict, by.pk, clock.now()
    case.claimed_by, case.claimed_until = None, None
    case.save(update_fields=["state", "decision", "decided_by", "decided_at", "claimed_by", "claimed_until"])


def reopen(case: DuplicateCase, *, by: AbstractUser) -> DuplicateCase:
    """Take a decision back: its merges are undone, its pairs stand open again, and it waits for an answer as before."""
    with transaction.atomic():
        _hold(case, people=True)
        row = Case.objects.select_for_update(of=("self",)).get(pk=case.pk)
        if row.state == Case.State.LATER:
            row.state, row.later_until = Case.State.OPEN, None
            row.save(update_fields=["state", "later_until"])
            return row
        if row.state != Case.State.DONE:
            raise ValidationError(_("This case has not been decided."))
        pairs = list(Pair.objects.filter(case=row).exclude(state__in=[Pair.State.OPEN, Pair.State.GONE]))
        if not pairs:
            # Its merges were undone elsewhere, and what stood open again has cases of its own.
            raise ValidationError(_("These records are no case any more: they were changed or decided meanwhile."))
        people = {pk for pair in pairs for pk in (pair.first_id, pair.second_id)}
        if row.decision == "merge":
            joining.undo_among(people, by=by, since=row.decided_at)
        decision = row.decision
        # Pairs that were remembered without having been found alike are forgotten again.
        Pair.objects.filter(pk__in=[pair.pk for pair in pairs if not pair.evidence]).delete()
        Pair.objects.filter(pk__in=[pair.pk for pair in pairs]).update(state=Pair.State.OPEN, reason="", decided_by="", decided_at=None)
        row.state, row.decision, row.decided_by, row.decided_at = Case.State.OPEN, "", None, None
        row.save(update_fields=["state", "decision", "decided_by", "decided_at"])
        casework.regroup(people)
        if decision != "merge":
            finding.judge_again(people)
    row.refresh_from_db()
    return row


def progress_of(user: AbstractUser, day: date) -> Progress:
    """`day` in the current time zone."""
    begin = timezone.make_aware(datetime.combine(day, datetime.min.time()))
    decided = Case.objects.filter(decided_by_id=user.pk, decided_at__gte=begin, decided_at__lt=begin + timedelta(days=1)).count()
    return Progress(decided, _waiting(clock.now()).count())


def members_of(case: DuplicateCase) -> list[Contact]:
    pairs = Pair.objects.filter(case=case).values_list("first_id", "second_id")
    return list(Contact.objects.filter(pk__in={pk for pair in pairs for pk in pair}).order_by("pk"))
