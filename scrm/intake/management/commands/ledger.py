"""`manage.py ledger`: is anything unaccounted for?"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from scrm.intake.ledger import sums


class Command(BaseCommand):
    help = "Show received = processed + duplicate + parked + waiting for every connection. Exit code 1 when a line does not add up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = sums()
        if options["format"] == "json":
            self.stdout.write(json.dumps({line.connection_slug: line.as_dict() for line in lines}, ensure_ascii=False))
        else:
            for line in lines:
                mark = "=" if line.balanced else "≠"
                self.stdout.write(
                    f"{line.connection_slug:<20} received {line.received} {mark} processed {line.processed} + duplicate {line.duplicate} "
                    f"+ parked {line.parked} + waiting {line.waiting}   (spooled {line.spooled})"
                )
        if not all(line.balanced for line in lines):
            raise SystemExit(1)
