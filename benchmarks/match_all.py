"""All contacts compared with one another on two cores, their keys stored before, by the command that people use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks import known_people
from benchmarks.match_place import fill
from benchmarks.measure import Result, Row
from benchmarks.place import ROOT, Place, cpu_seconds, has_postgresql, memory, place

TITLE = "Comparing all contacts"
# Of a million.
SECONDS, GIGABYTES = 360, 3


def run(*, quick: bool = False, vendor: str = "postgresql", count: int = 1_000_000) -> Result:
    if known_people.generator() is None:
        return Result("match_all", TITLE, notes=[known_people.MISSING])
    if vendor == "postgresql" and not has_postgresql():
        return Result("match_all", TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    with place(vendor) as here, tempfile.TemporaryDirectory() as folder:
        return _measure(here, 5_000 if quick else count, Path(folder))


def _measure(here: Place, count: int, folder: Path) -> Result:
    contacts, told = known_people.generate(count, 13, folder)
    here.open()
    fill(contacts)
    log = folder / "told.log"
    with log.open("wb") as told_by_command:
        command = [sys.executable, "manage.py", "find_duplicates", "--processes", "2", "--format", "json"]
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=told_by_command)
        watch = _Watch(process)
        output, _ = process.communicate()
    seconds = time.monotonic() - began
    if process.returncode:
        raise RuntimeError(log.read_text()[-2000:])
    watch.join()
    precision, recall, f1 = known_people.scores(_cases(), known_people.truth_of(told).pairs)
    rows = [
        Row(f"{count:,} contacts", [seconds], "s", most=SECONDS * count / 1e6),
        Row("memory of all its processes at its highest", [watch.most / 1e9], "GB", most=GIGABYTES),
        Row("cluster F1", [100 * f1], "%", least=92),
        Row("cluster precision", [100 * precision], "%", least=97),
        Row("CPU of its processes", [watch.cpu], "s"),
    ]
    report = json.loads(output)
    lines = log.read_text().splitlines()
    found = f"{report['pairs_open']:,} pairs, {report['cases_open']:,} cases; recall {100 * recall:.1f} %"
    return Result("match_all", TITLE, rows, [f"{here.vendor}; {found}; last told: {lines[-1]}"])


class _Watch(threading.Thread):
    """Looks at a process and its children while they live: bytes at the highest, and CPU seconds as last seen."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self.process, self.most, self.cpu = process, 0, 0.0
        self.start()

    def run(self) -> None:
        while self.process.poll() is None:
            self.most = max(self.most, memory([self.process]))
            self.cpu = max(self.cpu, cpu_seconds([self.process]))
            time.sleep(0.3)


def _cases() -> frozenset[known_people.Pair]:
    """Every pair within a case: what a person who says yes to all of them would merge."""
    from scrm.contacts.models import DuplicateCandidate

    groups: dict[int, set[int]] = {}
    for case, one, other in DuplicateCandidate.objects.asked().values_list("case_id", "first_id", "second_id").iterator():
        groups.setdefault(case, set()).update((one, other))
    return known_people.pairs_within(groups.values())
