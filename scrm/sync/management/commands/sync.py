"""Push to the CRMs what is due, now, in this process."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, Q

from scrm.connections.models import Connection
from scrm.sync import engine
from scrm.sync.models import Push
from scrm.sync.services import coalescing

_LABELS = {"done": "in step", "due": "due", "dead": "dead", "discarded": "discarded"}


class Command(BaseCommand):
    help = "Writes what is due to the CRMs and prints the counts. Ends with 1 when something is dead and waits for a person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--connection", default="", metavar="SLUG", help="only this CRM connection")
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        slug: str = options["connection"]
        crms = Connection.objects.filter(kind=Connection.Kind.CRM)
        if slug and not crms.filter(slug=slug).exists():
            raise CommandError(
                f"There is no CRM connection {slug!r}; there are: {', '.join(crms.values_list('slug', flat=True)) or 'none'}"
            )
        taken = 0
        while step := engine.push_due(slug=slug, ahead=coalescing()):
            taken += step
        rows = [_counts(crm) for crm in (crms.filter(slug=slug) if slug else crms)]
        self.stdout.write(json.dumps({"taken": taken, "connections": rows}) if options["format"] == "json" else _as_text(taken, rows))
        if any(row["dead"] for row in rows):
            sys.exit(1)


def _counts(crm: Connection) -> dict[str, Any]:
    counts = Push.objects.filter(connection=crm).aggregate(**{state: Count("pk", filter=Q(state=state)) for state in Push.State.values})
    return {"connection": crm.slug, "state": crm.state, **counts}


def _as_text(taken: int, rows: list[dict[str, Any]]) -> str:
    lines = [f"{taken} taken"]
    for row in rows:
        counts = ", ".join(f"{row[state]} {label}" for state, label in _LABELS.items())
        lines.append(f"{row['connection']} ({row['state']}): {counts}")
    return "\n".join(lines)
