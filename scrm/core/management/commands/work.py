"""`manage.py work`: one cluster of job workers. Normally started by `manage.py up`, which also watches it."""

from __future__ import annotations

import gc
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from scrm.core import giving_way, stopping
from scrm.core.processes import forked_children_die_with_this_process

# New objects between two looks for unreachable ones (Python's own: 700, 10, 10). A batch of rows makes tens of thousands that all live
# until its end; looking through them again and again took a twentieth of a worker's time.
GC_THRESHOLDS = (50_000, 20, 50)


class Command(BaseCommand):
    help = "Run a cluster of job workers (WORKERS processes). Run it under `manage.py up`: a cluster needs a watchdog."

    def handle(self, *args: Any, **options: Any) -> None:
        forked_children_die_with_this_process()
        giving_way.begin()
        # What is loaded now stays for good: no look through it, and its memory stays shared with the workers that are forked.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        with stopping.after_the_start():
            call_command("qcluster")
