"""Files as shops keep them: people of Hong Kong, Taipei, Tokyo and Singapore, in whatever a spreadsheet made of them."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from typing import Any

from scrm.contacts.importing import running, uploading
from scrm.contacts.models import Import

SURNAMES, GIVEN = "陳林黃張李王吳劉蔡楊", "大文美儀怡君家豪志明淑芬俊傑雅婷"


def table(rows: Sequence[Sequence[Any]], *, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode(encoding)


def people(count: int, *, seed: int = 7) -> list[list[str]]:
    """Headers and rows, all good."""
    chance = random.Random(seed)
    rows = [["Customer ID", "Name", "Phone", "Email", "Birthday", "Country", "City"]]
    for n in range(count):
        name = chance.choice(SURNAMES) + chance.choice(GIVEN) + chance.choice(GIVEN)
        number = f"+8526{1_000_000 + n:07d}"
        rows.append([f"C{n:06d}", name, number, f"c{n}@example.hk", f"19{70 + n % 30}-0{1 + n % 9}-1{n % 9}", "Hong Kong", "觀塘"])
    return rows


def upload(data: bytes, name: str = "customers.csv", *, mapping: dict[str, str] | None = None, **options: Any) -> Import:
    run = uploading.take(io.BytesIO(data), name, options=options)
    if mapping:
        run.mapping = [mapping.get(header, target) for header, target in zip(run.columns, run.mapping, strict=True)]
        run.save()
    return run


def load(data: bytes, name: str = "customers.csv", *, mapping: dict[str, str] | None = None, **options: Any) -> Import:
    """Upload, check, and load to the end, in this process."""
    run = upload(data, name, mapping=mapping, **options)
    assert running.check(run)
    running.run_to_end(run)
    assert run.state == Import.State.CHECKED, run.error
    assert running.start(run, by="mei")
    return running.run_to_end(run)
