"""`manage.py erasures list|replay|compact`: what was erased, after a restore, and off the disk."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from scrm.contacts.models import Erasure
from scrm.contacts.privacy import erasure


class Command(BaseCommand):
    help = (
        "list: erasures and where they stand. replay: erase again whom an older copy of the database brought back. "
        "compact: remove what deleted rows have left in the database's files; takes a while and, on SQLite, everybody waits."
    )
    # After a restore the check that asks for a replay must not keep the replay from running.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["list", "replay", "compact"])
        parser.add_argument("--by", default="command")

    def handle(self, *args: Any, **options: Any) -> None:
        {"list": self._list, "replay": self._replay, "compact": self._compact}[options["what"]](options["by"])

    def _list(self, by: str) -> None:
        rows = list(Erasure.objects.order_by("id"))
        if not rows:
            self.stdout.write("Nobody has been erased.")
        for row in rows:
            self.stdout.write(
                f"{row.asked_at:%Y-%m-%d %H:%M} contact {row.contact_id}: {row.state} {row.step} {sum(row.counts.values()):,} rows"
            )

    def _replay(self, by: str) -> None:
        outcomes = erasure.replay(by=by)
        for outcome in outcomes:
            self.stdout.write(f"contact {outcome.contact_id}: {outcome.state}, {sum(outcome.counts.values()):,} rows")
        self.stdout.write(f"{len(outcomes)} erasures repeated. The database is as the ledger says.")

    def _compact(self, by: str) -> None:
        if connection.in_atomic_block:
            raise CommandError("not inside a transaction")
        erasure.tidy_indexes()
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.stdout.write("compacted")
