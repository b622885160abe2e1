"""`manage.py sandbox_setup`: accounts, connections, catalogue and rules of the sandbox."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from scrm.sandbox.onboarding import set_up


class Command(BaseCommand):
    help = "Create what the sandbox needs: staff, connections, catalogue, replies, tag rules. Safe to repeat; keeps what was edited."

    def handle(self, *args: Any, **options: Any) -> None:
        set_up()
        if options["verbosity"]:
            self.stdout.write("The sandbox is set up.")
