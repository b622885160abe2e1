"""`manage.py verify_audit`: find what was changed or removed in the audit."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scrm.core import audit
from scrm.core.audit_check import check


class Command(BaseCommand):
    help = "Check every entry of the audit and its place in the chain. Ends with 1 and says where when anything was changed or removed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        while audit.seal():
            pass
        found = check()
        if options["format"] == "json":
            self.stdout.write(json.dumps({"ok": found.sound, **asdict(found)}, ensure_ascii=False))
        else:
            self.stdout.write(f"{found.entries} entries on {found.days} days, {found.erased} with details erased.")
            for problem in found.problems:
                self.stderr.write(problem)
        if not found.sound:
            raise CommandError(f"the audit is not as it was written: {len(found.problems)} findings")
        if options["format"] == "text":
            self.stdout.write("The audit is as it was written.")
