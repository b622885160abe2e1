"""What a new or changed contact is found to be like: pairs with their evidence, and the cases in which people decide them.

Nothing is ever merged here. Pairs that people decided stay decided: kept apart, linked, merged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.db import transaction
from django.db.models import Q

from scrm.contacts.matching import casework, collective, store, ties, together
from scrm.contacts.matching.collective import FAINT
from scrm.contacts.matching.comparing import Likeness, likenesses
from scrm.contacts.matching.publishing import Rules, in_force
from scrm.contacts.matching.stated import STATED
from scrm.contacts.matching.together import Judged
from scrm.contacts.models import Contact, DuplicateCandidate, Identity
from scrm.core import clock
from scrm.core.rows import among, update_many

State = DuplicateCandidate.State


def match_contacts(contact_ids: Collection[int]) -> int:
    """Bring keys, pairs and cases of these contacts up to date; how many pairs stand open or were decided."""
    if not contact_ids:
        return 0
    with transaction.atomic():
        rules = in_force()
        compared = store.refresh(contact_ids)
        direct = likenesses(compared, rules, least=FAINT)
        casework.take_turn()
        twins = ties.write((each.tie for each in direct), contact_ids)
        concerned = twins | compared.keys()
        found = together.judged(concerned, ties.around(concerned), rules, {(each.first, each.second): each for each in direct})
        record(found, set(contact_ids), rules, twins=twins)
    return sum(likeness is not None for likeness in found.values())


def judge_again(contact_ids: Collection[int]) -> None:
    """What is known of these contacts, in the light of what people decided since; merging them changes them, so they are compared anew."""
    casework.take_turn()
    concerned = set(Contact.objects.filter(pk__in=contact_ids, merged_into=None).values_list("pk", flat=True))
    around = ties.around(concerned)
    concerned |= {twin for pk in concerned for twin, (_, sure) in around.get(pk, {}).items() if sure}
    record(together.judged(concerned, ties.around(concerned), in_force(), {}), (), in_force(), twins=concerned)


def record(found: Judged, compared: Collection[int], rules: Rules, *, twins: Collection[int] = (), lower_only: bool = False) -> set[int]:
    """Write what was judged, withdraw open pairs of the compared contacts that have nothing in common any more, and group what is open.

    `twins`: whose pairs were judged as well. `lower_only`: of their pairs only those with higher ids were looked for. The contacts whose
    pairs changed. The caller has the turn.
    """
    by_pair = {pair: each for pair, each in found.items() if each is not None}
    # Merged since they were compared: whoever merges has the turn as well.
    people = Contact.objects.filter(among(Contact, "id", {pk for pair in by_pair for pk in pair}))
    merged = set(people.exclude(merged_into=None).values_list("pk", flat=True))
    by_pair = {pair: each for pair, each in by_pair.items() if merged.isdisjoint(pair)}
    inside = set(compared)
    ids = sorted(inside.union(twins))
    theirs = Q(among(DuplicateCandidate, "first", ids))
    if not lower_only:
        theirs |= Q(among(DuplicateCandidate, "second", ids))
    touching = {(row.first_id, row.second_id): row for row in DuplicateCandidate.objects.filter(theirs)}
    known = {pair: row for pair, row in touching.items() if pair in found or not inside.isdisjoint(pair) or _spoken_for(row)}
    new = [_candidate(each, rules) for pair, each in sorted(by_pair.items()) if pair not in touching]
    if new:
        DuplicateCandidate.objects.bulk_create(new, ignore_conflicts=True)
    changed = [row for pair, row in known.items() if _bring_up_to_date(row, by_pair.get(pair), rules)]
    if changed:
        update_many(DuplicateCandidate, changed, ["score", "evidence", "rules_version", "state"])
    touched = {pk for row in (*new, *changed) for pk in (row.first_id, row.second_id)}
    if touched:
        casework.regroup(touched)
    return touched


def _spoken_for(row: DuplicateCandidate) -> bool:
    return any(line["code"] == collective.AGREES for line in row.evidence)


def _candidate(found: Likeness, rules: Rules) -> DuplicateCandidate:
    return DuplicateCandidate(
        first_id=found.first,
        second_id=found.second,
        score=found.score,
        evidence=found.lines(rules),
        rules_version=rules.version,
        found_at=clock.now(),
    )


def _bring_up_to_date(row: DuplicateCandidate, found: Likeness | None, rules: Rules) -> bool:
    """What people decided stays. True when the row changed."""
    if row.state not in {State.OPEN, State.GONE}:
        return False
    stated = [line for line in row.evidence if line.get("code") in STATED]
    if found is None:
        if row.state == State.GONE or stated:
            return False
        row.state = State.GONE
        return True
    before = (row.state, round(row.score, 6), row.rules_version, row.evidence)
    row.state, row.score, row.rules_version = State.OPEN, max(found.score, row.score) if stated else found.score, rules.version
    row.evidence = [*stated, *found.lines(rules)]
    return before != (row.state, round(row.score, 6), row.rules_version, row.evidence)


# A number that so many have says nothing whether or not it is known to be shared.
_MOST_SHARERS = 200


def with_their_numbers(contact_ids: Collection[int]) -> set[int]:
    """Everybody who has a number of theirs: whether several people use it is evidence about all of them."""
    if not contact_ids:
        return set()
    numbers = Identity.objects.filter(contact_id__in=contact_ids, valid_to=None).exclude(e164="").values("e164")
    return set(Identity.objects.filter(e164__in=numbers, valid_to=None).values_list("contact_id", flat=True)[:_MOST_SHARERS])


def consume(contact_ids: Iterable[int]) -> Mapping[str, int]:
    """For the consumer of events: several of one contact are one look."""
    ids = set(contact_ids)
    return {"contacts": len(ids), "pairs": match_contacts(ids)}
