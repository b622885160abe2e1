"""Bring both sides into step, now, in this process: read what changed in the CRMs, write what is due."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, Q

from scrm.connections.models import Connection
from scrm.sync import engine, feeds, pulls
from scrm.sync.models import Pull, Push
from scrm.sync.services import coalescing

_LABELS = {"done": "in step", "due": "due", "dead": "dead", "discarded": "discarded"}


class Command(BaseCommand):
    help = (
        "Reads what changed in the CRMs, writes what is due there, and prints the counts. "
        "Ends with 1 when something is dead and waits for a person."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--connection", default="", metavar="SLUG", help="only this CRM connection")
        parser.add_argument("--push-only", action="store_true", help="only write what is due")
        parser.add_argument("--pull-only", action="store_true", help="only read what changed")
        parser.add_argument("--all", action="store_true", help="read all their records from the beginning, not only what changed")
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        slug: str = options["connection"]
        crms = Connection.objects.filter(kind=Connection.Kind.CRM)
        if slug and not crms.filter(slug=slug).exists():
            raise CommandError(
                f"There is no CRM connection {slug!r}; there are: {', '.join(crms.values_list('slug', flat=True)) or 'none'}"
            )
        if options["push_only"] and options["pull_only"]:
            raise CommandError("Choose --push-only or --pull-only, or neither for both")
        if options["all"]:
            feeds.start_again([crm.pk for crm in (crms.filter(slug=slug) if slug else crms)])
        taken = pages = read = 0
        if not options["push_only"]:
            pages = feeds.pull_all(slug=slug)
            while step := pulls.read_due(slug=slug, ahead=coalescing()):
                read += step
        if not options["pull_only"]:
            while step := engine.push_due(slug=slug, ahead=coalescing()):
                taken += step
        rows = [_counts(crm) for crm in (crms.filter(slug=slug) if slug else crms)]
        self.stdout.write(
            json.dumps({"taken": taken, "pages": pages, "read": read, "connections": rows})
            if options["format"] == "json"
            else _as_text(taken, rows)
        )
        if any(row["dead"] or row["reads_dead"] for row in rows):
            sys.exit(1)


def _counts(crm: Connection) -> dict[str, Any]:
    counts = Push.objects.filter(connection=crm).aggregate(**{state: Count("pk", filter=Q(state=state)) for state in Push.State.values})
    reads = Pull.objects.filter(connection=crm).aggregate(
        **{f"reads_{state}": Count("pk", filter=Q(state=state)) for state in (Pull.State.DUE.value, Pull.State.DEAD.value)}
    )
    return {"connection": crm.slug, "state": crm.state, **counts, **reads}


def _as_text(taken: int, rows: list[dict[str, Any]]) -> str:
    lines = [f"{taken} taken"]
    for row in rows:
        counts = ", ".join(f"{row[state]} {label}" for state, label in _LABELS.items())
        reads = f"; {row['reads_due']} to read, {row['reads_dead']} reads dead" if row["reads_due"] or row["reads_dead"] else ""
        lines.append(f"{row['connection']} ({row['state']}): {counts}{reads}")
    return "\n".join(lines)
