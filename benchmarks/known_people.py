"""Contacts whose truth is known, as facts that matching compares, and how right what was found is. No database.

The generator is not part of this repository: SCRM_TRUTH_GENERATOR names its `generate.py`, else it is looked for beside the repository.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path

from benchmarks.place import ROOT
from scrm.contacts import phone
from scrm.contacts.matching.profile import Facts

REGIONS = ("HK", "TW", "JP", "CN", "SG", "US")
Pair = tuple[int, int]
MISSING = "The generator of contacts with a known truth is not here (set SCRM_TRUTH_GENERATOR to its generate.py): not measured."


def generator() -> Path | None:
    named = os.environ.get("SCRM_TRUTH_GENERATOR")
    places = [Path(named)] if named else [each / "shared/data/contacts_generator/generate.py" for each in ROOT.parents]
    return next((each for each in places if each.is_file()), None)


def generate(count: int, seed: int, folder: Path) -> tuple[Path, Path]:
    """The contacts and their truth, as files."""
    made = generator()
    assert made is not None
    command = [sys.executable, str(made), "--n", str(count), "--seed", str(seed), "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / f"contacts_{count}_s{seed}.csv", folder / f"truth_{count}_s{seed}.csv"


def facts_of(file: Path) -> Iterator[Facts]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from map(_facts, csv.DictReader(lines))


def _facts(row: Mapping[str, str]) -> Facts:
    phones, maybe = _numbers(row)
    bought = (each.partition("@") for each in row["purchases"].split(";") if each)
    return Facts(
        int(row["id"]), row["name"], row["phonetic"], tuple(phones), frozenset(), tuple(maybe), (row["email"],) if row["email"] else (),
        company=row["company"], city=row["city"], country=row["country"],
        purchases=tuple((sku, date.fromisoformat(day)) for sku, _, day in bought),
    )  # fmt: skip


def _numbers(row: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """As the product reads them: a number without a country that fits several is a possible one."""
    phones, maybe = ["+" + row["wa_id"]] if row["wa_id"] else [], []
    for written in filter(None, row["phone"].split(" / ")):
        number = phone.parse(written, (row["country"],) if row["country"] else ())
        if isinstance(number, phone.Number):
            phones.append(number.e164)
            continue
        number = phone.parse(written, REGIONS)
        maybe += [number.e164] if isinstance(number, phone.Number) else number.candidates
    return phones, maybe


@dataclass(frozen=True, slots=True)
class Truth:
    """`weak`: rows that hold no evidence of their person. `groups`: household and company of each row, empty for none."""

    pairs: frozenset[Pair]
    weak: frozenset[int]
    groups: Mapping[int, tuple[str, str]]

    def share_a_number(self, pair: Pair) -> bool:
        """Two people of one household or company."""
        return any(one and one == other for one, other in zip(self.groups[pair[0]], self.groups[pair[1]], strict=True))


def truth_of(file: Path) -> Truth:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    people: dict[str, list[int]] = {}
    for row in rows:
        people.setdefault(row["entity_id"], []).append(int(row["id"]))
    groups = {int(row["id"]): (row["household_id"], row["company_id"]) for row in rows}
    return Truth(pairs_within(people.values()), frozenset(int(row["id"]) for row in rows if row["weak"] == "1"), groups)


def pairs_within(groups: Iterable[Iterable[int]]) -> frozenset[Pair]:
    return frozenset(pair for group in groups for pair in combinations(sorted(group), 2))


def scores(found: frozenset[Pair] | set[Pair], true: frozenset[Pair]) -> tuple[float, float, float]:
    """Precision, recall, F1."""
    right = len(found & true)
    precision, recall = right / max(1, len(found)), right / max(1, len(true))
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)
