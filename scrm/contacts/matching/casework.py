"""Open pairs grouped into cases: one cluster, one case, kept as clusters change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db import connection
from django.db.models import Q

from scrm.contacts.matching import evidence, grouping
from scrm.contacts.matching.grouping import Case, Edge
from scrm.contacts.matching.publishing import in_force
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase
from scrm.core import clock
from scrm.core.rows import among, update_many

Pair = DuplicateCandidate
# So far a cluster is followed from a contact whose pairs changed, and to so many further contacts for each of them.
_STEPS, _MOST = 6, 40
_APART = (Pair.State.APART, Pair.State.LINKED)
_WAITING = (DuplicateCase.State.OPEN, DuplicateCase.State.LATER)


# Of one product, so that nothing else takes it by chance.
_TURN = 0x5C121A


def take_turn() -> None:
    """Whoever changes pairs and cases does so alone until the transaction ends; people are locked before. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])


def regroup(contact_ids: Collection[int]) -> None:
    """Group anew what hangs together with these contacts. Cases keep their number while most of their contacts stay."""
    region = _region(contact_ids)
    # By one of both ids alone: asked for both, a database looks for every first with every second.
    pairs = [pair for pair in Pair.objects.filter(among(Pair, "first", region)) if pair.second_id in region]
    roots = _roots(region)
    rules = in_force()
    edges = [_edge(pair, place) for place, pair in enumerate(pairs)]
    against = {_ordered(edge.first, edge.second) for edge in edges if grouping.against(edge)}
    live = [edge for edge, p in zip(edges, pairs, strict=True) if p.state == Pair.State.OPEN and _stand_alone(p, roots)]
    cases = grouping.grouped(live, _apart(pairs, roots), against, rules.settings.merge_from / 100)
    _store(cases, pairs)


def _edge(pair: DuplicateCandidate, place: int) -> Edge:
    codes = [str(line["code"]) for line in pair.evidence]
    return Edge(pair.first_id, pair.second_id, pair.score, evidence.contradicts(codes), evidence.may_propose(codes), place)


def _stand_alone(pair: DuplicateCandidate, roots: Mapping[int, int]) -> bool:
    return roots[pair.first_id] == pair.first_id and roots[pair.second_id] == pair.second_id


def _apart(pairs: Iterable[DuplicateCandidate], roots: Mapping[int, int]) -> set[tuple[int, int]]:
    """People who were kept apart, by survivor: what was said of one record of a person holds for all of them."""
    below = Contact.objects.filter(among(Contact, "merged_into", set(roots.values()))).values_list("pk", "merged_into_id")
    records = {**roots, **{pk: root for pk, root in below if root is not None}}
    told = [(pair.first_id, pair.second_id) for pair in pairs if pair.state in _APART]
    if len(records) > len(roots):
        touching = Q(first_id__in=records.keys()) | Q(second_id__in=records.keys())
        told += list(Pair.objects.filter(touching, state__in=_APART).values_list("first_id", "second_id"))
    return {_ordered(records[one], records[other]) for one, other in told if one in records and other in records}


def apart(contacts: Collection[int]) -> set[tuple[int, int]]:
    """Which of these contacts, none of them merged into another, were kept apart from which, they or records behind them."""
    pairs = Pair.objects.filter(among(Pair, "first", contacts), state__in=_APART)
    return _apart([pair for pair in pairs if pair.second_id in contacts], {pk: pk for pk in contacts})


def _region(contact_ids: Collection[int]) -> set[int]:
    region, edge = set(contact_ids), set(contact_ids)
    for _ in range(_STEPS):
        rows = Pair.objects.filter(Q(among(Pair, "first", edge)) | Q(among(Pair, "second", edge)), state=Pair.State.OPEN)
        near = {pk for pair in rows.values_list("first_id", "second_id") for pk in pair} - region
        if not near or len(region) > _MOST * len(contact_ids):
            break
        region |= near
        edge = near
    return region


def _roots(contact_ids: Collection[int]) -> dict[int, int]:
    rows = Contact.objects.filter(among(Contact, "id", contact_ids)).values_list("pk", "merged_into_id")
    return {pk: root or pk for pk, root in rows}


def _store(cases: Sequence[Case], pairs: Sequence[DuplicateCandidate]) -> None:
    """Give every group its case: the one that most of its pairs had, or a new one; cases that are left over are gone."""
    held = {pair.case_id for pair in pairs if pair.case_id is not None}
    waiting = DuplicateCase.objects.select_for_update().filter(among(DuplicateCase, "id", held), state__in=_WAITING)
    existing = {row.pk: row for row in waiting} if held else {}
    free, fresh, placed = dict(existing), [], []
    for found in sorted(cases, key=lambda each: -len(each.edges)):
        group = [pairs[edge.place] for edge in found.edges]
        case = _case_for(group, free)
        if case is None:
            case = DuplicateCase(created_at=clock.now(), state=DuplicateCase.State.OPEN)
            fresh.append(case)
        case.score, case.size, case.proposal = found.score, found.size, found.proposal
        placed.append((case, group))
    DuplicateCase.objects.bulk_create(fresh)
    kept = [case for case, _ in placed if case.pk in existing]
    if kept:
        update_many(DuplicateCase, kept, ["score", "size", "proposal"])
    if free:
        DuplicateCase.objects.filter(pk__in=free).update(state=DuplicateCase.State.GONE, claimed_by=None, claimed_until=None)
    moved = []
    for case, group in placed:
        for pair in group:
            if pair.case_id != case.pk:
                pair.case_id = case.pk
                moved.append(pair)
    # What is open and in no group is of a merged record, or of two people who were kept apart: nobody is asked about it.
    grouped = {pair.pk for _, group in placed for pair in group}
    for pair in pairs:
        if pair.state == Pair.State.OPEN and pair.case_id is not None and pair.pk not in grouped:
            pair.case_id = None
            moved.append(pair)
    if moved:
        update_many(Pair, moved, ["case"])


def _case_for(group: Sequence[Pair], free: dict[int, DuplicateCase]) -> DuplicateCase | None:
    votes: dict[int, int] = {}
    for pair in group:
        if pair.case_id in free:
            votes[pair.case_id] = votes.get(pair.case_id, 0) + 1
    return free.pop(min(votes, key=lambda pk: (-votes[pk], pk))) if votes else None


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
