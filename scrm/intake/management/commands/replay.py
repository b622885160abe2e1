"""`manage.py replay`: give parked items another try."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from scrm.intake.ledger import replay
from scrm.intake.models import InboundItem


class Command(BaseCommand):
    help = "Process parked items again from their stored bodies. Safe to repeat. Exit code 1 when some stay parked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--connection", help="only items of the connection with this slug")
        parser.add_argument("--reason", help="only items whose reason begins so")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = InboundItem.objects.filter(state="parked").select_related("event").order_by("id")
        if options["connection"]:
            rows = rows.filter(connection__slug=options["connection"])
        if options["reason"]:
            rows = rows.filter(reason__startswith=options["reason"])
        total = rows.count()
        done = replay(rows.iterator(chunk_size=200), by="command")
        result = {"tried": total, "processed": done, "parked": total - done}
        self.stdout.write(
            json.dumps(result)
            if options["format"] == "json"
            else "tried {tried}, processed {processed}, still parked {parked}".format(**result)
        )
        if done < total:
            raise SystemExit(1)
