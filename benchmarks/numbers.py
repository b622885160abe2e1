"""A labelled file of numbers: how many are read, how many of those that fit several countries evidence settles, and that none is wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.measure import Result, Row

if TYPE_CHECKING:
    from tests.contacts import number_file

SEEDS = (1, 2, 3)
ROWS = 50_000
QUICK = 2_000


def run(*, quick: bool = False) -> Result:
    from tests.contacts import number_file

    files = [list(number_file.rows(QUICK if quick else ROWS, seed)) for seed in SEEDS]
    told = [_measure(rows) for rows in files]
    rows = [
        Row("assigned to a wrong number", [each["wrong"] for each in told], "numbers", most=0),
        Row("read from the cell alone", [each["read"] for each in told], "%"),
        Row("of those that fit several countries, settled by evidence", [each["settled"] for each in told], "%", least=50),
        Row("read and weighed, one core", [each["rate"] for each in told], "numbers/s"),
    ]
    spellings = len(number_file.SPELLINGS) + len(number_file.DESTROYED)
    count = len(files[0])
    return Result(
        "numbers", "Phone numbers with a known truth", rows, [f"{len(SEEDS)} files of {count:,} numbers in {spellings} spellings."]
    )


def _measure(rows: Sequence[number_file.Row]) -> dict[str, float]:
    """`wrong`: assignments to another number than the true one, by reading or by evidence. Shares in per cent."""
    from scrm.contacts.phone import Number, parse
    from scrm.contacts.settling import Known, settle
    from tests.contacts.number_file import BUSINESS

    began, wrong, read, asked, settled = time.perf_counter(), 0, 0, 0, 0
    for row in rows:
        found = parse(row.raw, BUSINESS)
        if isinstance(found, Number):
            read, wrong = read + 1, wrong + (found.e164 != row.truth)
        elif row.truth:
            chosen = settle(found.candidates, Known(**row.known)).chosen
            asked, settled = asked + 1, settled + bool(chosen)
            wrong += chosen not in ("", row.truth)
    rate = len(rows) / (time.perf_counter() - began)
    whole = sum(bool(row.truth) for row in rows)
    return {"wrong": wrong, "read": 100 * read / whole, "settled": 100 * settled / asked, "rate": rate}
