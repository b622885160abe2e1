"""How right matching is on contacts whose truth is known, without labels, and what it costs: as a list is compared, in one process."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import known_people
from benchmarks.measure import Result, Row

TITLE = "Matching against a known truth"
# What a supervisor decides in some three to six days.
DECISIONS = 300


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
    from scrm.contacts.matching import batch
    from scrm.contacts.matching.rules import Settings
    from scrm.contacts.matching.weights import DEFAULT

    contacts, told = known_people.generate(count, seed, folder)
    truth = known_people.truth_of(told)
    facts = list(known_people.facts_of(contacts))
    began = time.process_time()
    people = batch.prepare(facts)
    prepared = time.process_time()
    found = batch.compare(people, Settings(), DEFAULT)
    ended = time.process_time()
    pairs = frozenset(found)
    auto = {pair for pair, each in found.items() if each.proposed}
    asked = pairs - auto
    together = known_people.pairs_within(batch.groups(found))
    strong = [frozenset(p for p in each if not truth.weak & set(p)) for each in (pairs, truth.pairs)]
    of = f"{count:,}"
    rows += [
        Row(f"{of}: pair F1", [100 * known_people.scores(pairs, truth.pairs)[2]], "%", least=92),
        Row(f"{of}: pair F1 without weak rows", [100 * known_people.scores(strong[0], strong[1])[2]], "%"),
        Row(f"{of}: cluster F1", [100 * known_people.scores(together, truth.pairs)[2]], "%", least=94),
        Row(f"{of}: precision of what is proposed", [100 * len(auto & truth.pairs) / max(1, len(auto))], "%", least=99.5),
        Row(f"{of}: true of what people are asked", [100 * len(asked & truth.pairs) / max(1, len(asked))], "%", least=75),
        Row(f"{of}: proposed though they share a number", [sum(map(truth.share_a_number, auto - truth.pairs))], "pairs", most=0),
        Row(f"{of}: preparing a contact, keys and pairs included", [1e6 * (prepared - began) / count], "us CPU"),
        Row(f"{of}: comparing a pair", [1e6 * (ended - prepared) / max(1, len(people.pairs))], "us CPU"),
    ]
    rows += _taught(of, people, found, truth)
    precision, recall, _ = known_people.scores(pairs, truth.pairs)
    cluster = known_people.scores(together, truth.pairs)
    notes.append(
        f"{of}, seed {seed}: {len(people.pairs):,} pairs compared; pairs P {precision:.4f} R {recall:.4f}, "
        f"clusters P {cluster[0]:.4f} R {cluster[1]:.4f}; {len(auto):,} proposed, {len(asked):,} asked."
    )


def _taught(of: str, people: Any, found: Any, truth: known_people.Truth) -> list[Row]:
    """After so many of the pairs that people are asked were decided rightly, drawn at random: weights learned, all compared again."""
    from scrm.contacts.matching import batch
    from scrm.contacts.matching.regression import refit
    from scrm.contacts.matching.rules import Settings
    from scrm.contacts.matching.weights import DEFAULT

    asked = sorted(pair for pair, each in found.items() if not each.proposed)
    decided = random.Random(1).sample(asked, min(DECISIONS, len(asked)))
    amounts = {pair: {code: amount for code, amount, _ in found[pair].items} for pair in decided}
    weights = refit(DEFAULT, [(amounts[pair], pair in truth.pairs) for pair in decided])
    again = batch.compare(people, Settings(), weights)
    pairs = (set(again) - set(decided)) | (set(decided) & truth.pairs)
    strong = [{pair for pair in each if not truth.weak & set(pair)} for each in (pairs, truth.pairs)]
    return [
        Row(f"{of}: pair F1 after {len(decided)} decisions", [100 * known_people.scores(pairs, truth.pairs)[2]], "%", least=93.5),
        Row(f"{of}: the same without weak rows", [100 * known_people.scores(strong[0], frozenset(strong[1]))[2]], "%", least=96),
    ]
