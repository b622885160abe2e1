"""One new contact compared with 1,000,000: keys made, partners found, evidence weighed; nothing written."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from benchmarks import known_people
from benchmarks.match_place import fill
from benchmarks.measure import Result, Row, percentile
from benchmarks.place import Place, has_postgresql, place

TITLE = "One new contact against all"
# Milliseconds, p95.
PROMISED = {"postgresql": 10, "sqlite": 15}


def run(*, quick: bool = False, vendor: str = "postgresql") -> Result:
    if known_people.generator() is None:
        return Result("match_one", TITLE, notes=[known_people.MISSING])
    if vendor == "postgresql" and not has_postgresql():
        return Result("match_one", TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    with place(vendor) as here, tempfile.TemporaryDirectory() as folder:
        return _measure(here, 5_000 if quick else 1_000_000, Path(folder))


def _measure(here: Place, count: int, folder: Path) -> Result:
    contacts, _ = known_people.generate(count, 13, folder)
    here.open()
    fill(contacts)
    from scrm.contacts.matching import frequencies, profile, store
    from scrm.contacts.matching.collective import FAINT
    from scrm.contacts.matching.comparing import likenesses
    from scrm.contacts.matching.publishing import in_force

    frequencies.recount(store.every_body(), count)
    fresh, _ = known_people.generate(2_000, 14, folder)
    chosen = random.Random(1).sample(list(known_people.facts_of(fresh)), 600)
    took: list[float] = []
    cpu = time.process_time()
    for number, facts in enumerate(chosen):
        began = time.perf_counter()
        one = profile.prepare(facts)
        # An id that nobody has: the highest, as a newcomer's.
        one.pk = 10 * count + number
        likenesses({one.pk: one}, in_force(), least=FAINT)
        took.append(1000 * (time.perf_counter() - began))
    cpu = time.process_time() - cpu
    rows = [
        Row(f"p95 against {count:,}", [percentile(took, 0.95)], "ms", most=PROMISED[here.vendor]),
        Row("p50", [percentile(took, 0.5)], "ms"),
        Row("CPU of this process a contact", [1000 * cpu / len(took)], "ms"),
    ]
    return Result("match_one", TITLE, rows, [f"{here.vendor}; {len(took)} newcomers, the first ones with cold caches included."])
