"""`manage.py sandbox_setup`: tables, accounts, connections, catalogue and rules of the sandbox."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from scrm.sandbox.onboarding import set_up
from scrm.sandbox.schema import bring_up_to_date


class Command(BaseCommand):
    help = "Create what the sandbox needs: tables, staff, connections, catalogue, replies, tag rules. Repeat it freely; edits are kept."

    def handle(self, *args: Any, **options: Any) -> None:
        bring_up_to_date()
        set_up()
        if options["verbosity"]:
            self.stdout.write("The sandbox is set up.")
