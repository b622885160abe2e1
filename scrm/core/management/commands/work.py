"""`manage.py work`: one cluster of job workers. Normally started by `manage.py up`, which also watches it."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from scrm.core.processes import forked_children_die_with_this_process


class Command(BaseCommand):
    help = "Run a cluster of job workers (WORKERS processes). Run it under `manage.py up`: a cluster needs a watchdog."

    def handle(self, *args: Any, **options: Any) -> None:
        forked_children_die_with_this_process()
        call_command("qcluster")
