"""A shop's file of customers on its way in: the dry run, the import, the same file once more, and the whole of it taken back.

Every row is normalised, checked, looked up, and given its matching keys, search terms, provenance and events. Beside it, in the same run,
the bare rows of the file go into a table of text columns as fast as the database takes them (COPY; on SQLite one statement for all):
that is what the machine can do at that moment, and rates are told as a share of it.
"""

from __future__ import annotations

import csv
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Result, Row
from benchmarks.place import Place, has_postgresql, place

TITLE = "Import of people from a file"
ROWS = 100_000
QUICK = 2_000


def run(*, quick: bool = False, vendor: str = "postgresql") -> Result:
    name = "imports" if vendor == "postgresql" else "imports-sqlite"
    if vendor == "postgresql" and not has_postgresql():
        return Result(name, TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    with place(vendor) as here:
        return _measure(here, name, QUICK if quick else ROWS)


def _measure(here: Place, name: str, count: int) -> Result:
    here.open()
    from scrm.contacts.importing import results, running, undoing, uploading
    from tests.contacts.import_files import REGIONS

    file = here.folder / "customers.csv"
    bad = _write(file, count)
    bare = [_bare(here, file)]
    began = _memory()
    with file.open("rb") as source:
        first = uploading.take(source, file.name, options={"regions": list(REGIONS)})
        source.seek(0)
        second = uploading.take(source, file.name, options={"regions": list(REGIONS)})
    running.check(first)
    dry = _rate(count, lambda: running.run_to_end(first))
    assert first.checked["counts"]["bad"] == bad, first.checked
    running.start(first, by="bench")
    loaded = _rate(count, lambda: running.run_to_end(first))
    counts = results.counts(first)
    assert (counts["created"], counts["bad"]) == (count - bad, bad), counts
    bare.append(_bare(here, file))
    running.check(second)
    running.run_to_end(second)
    running.start(second, by="bench")
    again = _rate(count, lambda: running.run_to_end(second))
    assert results.counts(second)["unchanged"] == count - bad
    undoing.start(first, by=None)
    undone = _rate(count - bad, lambda: running.run_to_end(first))
    assert results.counts(first)["people"] == 0
    bare.append(_bare(here, file))
    fast = sum(each[0] for each in bare) / len(bare)
    rows = [Row("bare rows into a table", [each[0] for each in bare], "rows/s")]
    for what, (rate, cpu), least in (
        ("import", loaded, 3000 if here.vendor == "postgresql" else None),
        ("dry run", dry, None),
        ("the same file again", again, None),
        ("undo", undone, None),
    ):
        rows += [
            Row(what, [rate], "rows/s", least=least),
            Row(f"{what}: CPU of this process", [cpu], "us/row"),
            Row(f"{what}: share of the bare rows' rate", [100 * rate / fast], "%"),
        ]
    rows.append(Row("memory of the process at its peak", [_memory()], "MB", most=300))
    note = f"{here.vendor}; {count:,} rows of {len(REGIONS)} countries, {bad:,} of them bad in twelve ways; {began:.0f} MB before it began."
    return Result(name, TITLE, rows, [note])


def _write(file: Path, count: int) -> int:
    from tests.contacts.import_files import SHOP, shop

    bad = 0
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(SHOP)
        for cells, wrong in shop(count):
            writer.writerow(cells)
            bad += wrong is not None
    return bad


def _rate(rows: int, work: Callable[[], object]) -> tuple[float, float]:
    """Rows a second, and microseconds of this process's CPU a row; the database's processes are not in it."""
    began, spent = time.perf_counter(), time.process_time()
    work()
    return rows / (time.perf_counter() - began), (time.process_time() - spent) * 1e6 / rows


def _cells(file: Path) -> Iterator[list[str]]:
    with file.open(newline="", encoding="utf-8") as source:
        yield from csv.reader(source)


def _bare(here: Place, file: Path) -> tuple[float, float]:
    """The rows alone, into a table of text columns without an index."""
    from django.db import connection, transaction

    width = len(next(_cells(file)))
    count = sum(1 for _ in _cells(file))
    columns = ", ".join(f"c{n} text" for n in range(width))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bare ({columns})")

        def fill() -> None:
            with transaction.atomic():
                if here.vendor == "postgresql":
                    with cursor.copy("COPY bare FROM STDIN") as copy:
                        for cells in _cells(file):
                            copy.write_row(cells)
                else:
                    cursor.executemany(f"INSERT INTO bare VALUES ({', '.join(['%s'] * width)})", _cells(file))

        try:
            return _rate(count, fill)
        finally:
            cursor.execute("DROP TABLE bare")


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
