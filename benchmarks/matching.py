"""How right matching is on contacts whose truth is known, without labels, and what it costs: as delivered, in one process, no database."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import known_people
from benchmarks.measure import Result, Row

TITLE = "Matching against a known truth"
MERGE, REVIEW = 0.97, 0.5
# What a supervisor decides in some three to six days.
DECISIONS = 300
# By pair: score, how much of each evidence, whether merging is proposed.
Found = dict[known_people.Pair, tuple[float, dict[str, float], bool]]


def run(*, quick: bool = False) -> Result:
    if known_people.generator() is None:
        return Result("matching", TITLE, notes=[known_people.MISSING])
    rows: list[Row] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for count, seed in ((2_000, 11),) if quick else ((10_000, 11), (100_000, 12)):
            _measure(count, seed, Path(folder), rows, notes)
    return Result("matching", TITLE, rows, notes)


def _measure(count: int, seed: int, folder: Path, rows: list[Row], notes: list[str]) -> None:
    from scrm.contacts.matching.profile import prepare

    contacts, told = known_people.generate(count, seed, folder)
    truth = known_people.truth_of(told)
    facts = list(known_people.facts_of(contacts))
    began = time.process_time()
    profiles = [prepare(each) for each in facts]
    prepared = time.process_time()
    found, compared = compare(profiles)
    ended = time.process_time()
    pairs = frozenset(found)
    auto = {pair for pair, (_, codes, proposed) in found.items() if proposed}
    asked = pairs - auto
    together = known_people.pairs_within(groups(found))
    strong = [frozenset(p for p in each if not truth.weak & set(p)) for each in (pairs, truth.pairs)]
    of = f"{count:,}"
    rows += [
        Row(f"{of}: pair F1", [100 * known_people.scores(pairs, truth.pairs)[2]], "%", least=92),
        Row(f"{of}: pair F1 without weak rows", [100 * known_people.scores(strong[0], strong[1])[2]], "%"),
        Row(f"{of}: cluster F1", [100 * known_people.scores(together, truth.pairs)[2]], "%", least=94),
        Row(f"{of}: precision of what is proposed", [100 * len(auto & truth.pairs) / max(1, len(auto))], "%", least=99.5),
        Row(f"{of}: true of what people are asked", [100 * len(asked & truth.pairs) / max(1, len(asked))], "%", least=75),
        Row(f"{of}: proposed though they share a number", [sum(map(truth.share_a_number, auto - truth.pairs))], "pairs", most=0),
        Row(f"{of}: preparing a contact", [1e6 * (prepared - began) / count], "us CPU"),
        Row(f"{of}: comparing a pair, keys included", [1e6 * (ended - prepared) / max(1, compared)], "us CPU"),
    ]
    rows += _taught(of, profiles, found, truth)
    precision, recall, _ = known_people.scores(pairs, truth.pairs)
    cluster = known_people.scores(together, truth.pairs)
    notes.append(
        f"{of}, seed {seed}: {compared:,} pairs compared; pairs P {precision:.4f} R {recall:.4f}, "
        f"clusters P {cluster[0]:.4f} R {cluster[1]:.4f}; {len(auto):,} proposed, {len(asked):,} asked."
    )


def _taught(of: str, profiles: list[Any], found: Found, truth: known_people.Truth) -> list[Row]:
    """After so many of the pairs that people are asked were decided rightly, drawn at random: weights learned, all compared again."""
    from scrm.contacts.matching.regression import refit
    from scrm.contacts.matching.weights import DEFAULT

    asked = sorted(pair for pair, (_, _, proposed) in found.items() if not proposed)
    decided = random.Random(1).sample(asked, min(DECISIONS, len(asked)))
    weights = refit(DEFAULT, [(found[pair][1], pair in truth.pairs) for pair in decided])
    again, _ = compare(profiles, weights)
    pairs = (set(again) - set(decided)) | (set(decided) & truth.pairs)
    strong = [{pair for pair in each if not truth.weak & set(pair)} for each in (pairs, truth.pairs)]
    return [
        Row(f"{of}: pair F1 after {len(decided)} decisions", [100 * known_people.scores(pairs, truth.pairs)[2]], "%", least=93.5),
        Row(f"{of}: the same without weak rows", [100 * known_people.scores(strong[0], frozenset(strong[1]))[2]], "%", least=96),
    ]


def compare(profiles: list[Any], weights: Mapping[str, float] | None = None) -> tuple[Found, int]:
    """As a comparison of all contacts does it, keys in memory, and how many pairs were compared."""
    from scrm.contacts.matching import blocks, collective, evidence, keys, rarity
    from scrm.contacts.matching.rules import Settings
    from scrm.contacts.matching.weights import DEFAULT

    settings, known, weighed = Settings(), rarity.count(profiles), weights or DEFAULT
    by_pk = {each.pk: each for each in profiles}
    mine = {each.pk: keys.keys(each) for each in profiles}
    held: dict[int, list[int]] = {}
    for pk, each in mine.items():
        for key in each:
            held.setdefault(key, []).append(pk)
    crowded: dict[int, frozenset[str]] = {}
    direct: dict[known_people.Pair, tuple[float, list[Any]]] = {}
    ties: dict[int, dict[int, collective.Tie]] = {}
    compared = 0
    for pk, profile in by_pk.items():
        partners = blocks.partners(mine[pk], held)
        partners.pop(pk, None)
        crowded[pk] = blocks.crowded_of(profile, [by_pk[each] for each in partners])
        for partner, size in partners.items():
            if partner < pk:
                continue
            compared += 1
            around = evidence.Surroundings(crowded[pk], max(size, 2), known)
            score, items = evidence.judged(profile, by_pk[partner], settings, weighed, around, collective.FAINT)
            if score >= collective.FAINT:
                direct[pk, partner] = score, items
                sure = score >= MERGE and evidence.may_propose([code for code, _, _ in items])
                ties.setdefault(pk, {})[partner] = ties.setdefault(partner, {})[pk] = (evidence.log_odds(score), sure)
    found: Found = {}
    for pair in collective.pairs_of(by_pk, ties):
        own = direct.get(pair)
        if own is None:
            around = evidence.Surroundings(crowded[pair[0]], 2, known)
            own = evidence.judged(by_pk[pair[0]], by_pk[pair[1]], settings, weighed, around)
        if own[0] < collective.HOPELESS:
            continue
        items = [*own[1], *collective.items(*pair, ties, evidence.log_odds(own[0]))]
        score = evidence.score(items, weighed)
        if score >= REVIEW:
            codes = {code: amount for code, amount, _ in items}
            sure = ties.get(pair[0], {}).get(pair[1], (0.0, False))[1]
            found[pair] = (score, codes, score >= MERGE and sure and not collective.leaves_to_people(codes))
    return found, compared


def groups(found: Found) -> Iterable[Iterable[int]]:
    from scrm.contacts.matching import evidence
    from scrm.contacts.matching.clusters import clusters

    against = {pair for pair, (score, codes, _) in found.items() if score < evidence.ALL_THE_SAME and evidence.contradicts(codes)}
    likely = [(score, *pair) for pair, (score, _, _) in found.items() if pair not in against]
    return clusters(likely, lambda one, other: (one, other) in against)
