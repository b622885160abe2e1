"""Pairs judged by what they themselves say and by the other records of both: see `collective`. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from scrm.contacts.matching import collective, evidence, store
from scrm.contacts.matching.collective import HOPELESS, Pair, Ties
from scrm.contacts.matching.comparing import Likeness, likenesses
from scrm.contacts.matching.publishing import Rules
from scrm.contacts.models import DuplicateCandidate
from scrm.core.rows import among

# By pair, the lower id first; None: not likely enough that people are asked.
Judged = dict[Pair, Likeness | None]


def judged(contacts: Collection[int], around: Ties, rules: Rules, direct: Mapping[Pair, Likeness], *, lower_only: bool = False) -> Judged:
    """All pairs of these contacts that have a tie, or that a twin of one side speaks for.

    `around`: the ties around them. `direct`: what was found by comparing them just now, if it was; what is missing and needed is taken
    from what is stored, or compared. `lower_only`: only pairs whose lower id is among the contacts.
    """
    least = rules.settings.review_from / 100
    pairs, likely = collective.likely(contacts, around, rules.weights, least, lower_only=lower_only)
    found: Judged = dict.fromkeys(pairs)
    known = {**direct, **_stored(likely - direct.keys(), around, rules)}
    known |= _compared(likely - known.keys(), rules)
    for pair in likely & known.keys():
        likeness = _with(known[pair], around, rules)
        found[pair] = likeness if likeness.score >= least else None
    return found


def _with(direct: Likeness, around: Ties, rules: Rules) -> Likeness:
    pair = (direct.first, direct.second)
    score, lines, said = collective.amended(pair, direct.score, direct.lines(rules), around, rules.weights)
    if not said:
        return direct
    amounts = {code: amount for code, amount, _ in said}
    # Other records can speak against merging, and never propose it by themselves: what joins these two is proposed of those.
    sure = direct.sure and score * 100 >= rules.settings.merge_from and not collective.leaves_to_people(amounts)
    return Likeness(direct.first, direct.second, score, (), sure, tuple(lines))


def _stored(pairs: Collection[Pair], around: Ties, rules: Rules) -> dict[Pair, Likeness]:
    """Compared before by the same rules: what the two themselves said then."""
    found: dict[Pair, Likeness] = {}
    firsts = among(DuplicateCandidate, "first", {first for first, _ in pairs})
    rows = DuplicateCandidate.objects.filter(firsts, rules_version=rules.version) if pairs else DuplicateCandidate.objects.none()
    for first, second, lines in rows.values_list("first_id", "second_id", "evidence"):
        tie = around.get(first, {}).get(second)
        if tie is not None and (first, second) in pairs:
            own = tuple(line for line in lines if line["code"] in rules.weights and line["code"] not in collective.CODES)
            if own:
                found[first, second] = Likeness(first, second, evidence.logistic(tie[0]), (), tie[1], own)
    return found


def _compared(pairs: Collection[Pair], rules: Rules) -> dict[Pair, Likeness]:
    if not pairs:
        return {}
    also: dict[int, set[int]] = {}
    for first, second in pairs:
        also.setdefault(first, set()).add(second)
    profiles = store.load(also)
    wanted = {pk: also[pk] for pk in profiles}
    found = {(each.first, each.second): each for each in likenesses(profiles, rules, least=HOPELESS, also=wanted)}
    return {pair: found[pair] for pair in pairs if pair in found}


def overlaid(around: Ties, direct: Collection[Likeness], compared: Collection[int]) -> Ties:
    """The ties as they would be if these contacts had been compared with this result."""
    own = set(compared)
    found = {pk: {} if pk in own else {each: tie for each, tie in held.items() if each not in own} for pk, held in around.items()}
    for likeness in direct:
        first, second, odds, sure = likeness.tie
        found.setdefault(first, {})[second] = found.setdefault(second, {})[first] = (odds, sure)
    return found
