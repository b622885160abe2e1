"""Compare all contacts with one another, now, in this process or in several."""

from __future__ import annotations

import json
import signal
import sys
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from scrm.contacts.matching import sweep
from scrm.contacts.models import DuplicateCandidate, DuplicateCase, MatchSweep

STOPPED = 3


class Command(BaseCommand):
    help = (
        "Finds contacts that may be one person and puts them before people as cases. Merges nothing. "
        "Ctrl-C stops after the step in hand; --resume goes on there, after a crash as well. Ends with 0 when all are compared, "
        "3 when it was stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--resume", action="store_true", help="go on with the run that was stopped")
        parser.add_argument("--step", type=int, default=sweep.STEP, metavar="N", help="contacts a step (default: %(default)s)")
        parser.add_argument(
            "--processes", type=int, default=1, metavar="N", help="so many compare beside the one that reads and writes (default: 1)"
        )
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["step"] <= 100_000:
            raise CommandError("--step takes a number from 1 to 100000.")
        if not 1 <= options["processes"] <= 64:
            raise CommandError("--processes takes a number from 1 to 64.")
        self._stop = False
        before = [signal.signal(each, self._asked_to_stop) for each in (signal.SIGINT, signal.SIGTERM)]
        try:
            self._run(options)
        finally:
            for each, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
                signal.signal(each, handler)

    def _asked_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stop = True

    def _run(self, options: dict[str, Any]) -> None:
        started = time.monotonic()
        row = self._chosen(resume=options["resume"])
        for stored in sweep.prepare(stop=lambda: self._stop):
            self._tell(f"keys of {stored} contacts stored")
        for progress in sweep.run(row, step=options["step"], processes=options["processes"], stop=lambda: self._stop):
            pace = progress.done / max(time.monotonic() - started, 0.001)
            done = f"{progress.done} of {progress.total} contacts"
            if progress.written:
                self._tell(f"cases of {done} stored")
                continue
            if progress.again:
                self._tell(f"{done} judged once more by their other records")
                continue
            self._tell(f"{done} compared, {progress.found} pairs, {pace:.0f} a second")
        row.refresh_from_db()
        self._report(row, options["format"], time.monotonic() - started)
        if row.state != MatchSweep.State.DONE:
            sys.exit(STOPPED)

    def _chosen(self, *, resume: bool) -> MatchSweep:
        if not resume:
            return sweep.begin()
        row = sweep.unfinished()
        if row is None:
            raise CommandError("No run was stopped: there is nothing to go on with. Run without --resume.")
        return row

    def _tell(self, line: str) -> None:
        self.stderr.write(line)

    def _report(self, row: MatchSweep, form: str, seconds: float) -> None:
        cases = DuplicateCase.objects.filter(state=DuplicateCase.State.OPEN)
        numbers = {
            "run": row.pk,
            "finished": row.state == MatchSweep.State.DONE,
            "contacts": row.compared,
            "pairs_open": DuplicateCandidate.objects.asked().count(),
            "cases_open": cases.count(),
            "proposed_to_merge": cases.filter(proposal="merge").count(),
            "seconds": round(seconds, 1),
        }
        if form == "json":
            self.stdout.write(json.dumps(numbers))
            return
        how = "All compared" if numbers["finished"] else "Stopped; go on with --resume"
        self.stdout.write(
            f"{how}: {row.compared} contacts, {numbers['pairs_open']} pairs and {numbers['cases_open']} cases open, "
            f"{numbers['proposed_to_merge']} of them proposed for merging, {seconds:.1f} s."
        )
