"""Machine code of the parts of matching that take the time."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from scrm.contacts import matching
from scrm.core import compiled

PACKAGE = matching.__name__


class Command(BaseCommand):
    help = (
        "Compiles what compares contacts: all of them are compared in about half of the time then, with the same result. Needs "
        "a C compiler and `make dev`. Whatever is started afterwards uses it, until the source changes; then the source runs again. "
        "--remove takes it away, --state tells whether it is there, COMPILED=off leaves it aside."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument("--remove", action="store_true", help="take it away")
        chosen.add_argument("--state", action="store_true", help="tell whether it is there and of this source; changes nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["remove"]:
            compiled.remove(PACKAGE)
        elif not options["state"]:
            try:
                compiled.build(PACKAGE, matching.PARTS)
            except compiled.NotBuilt as error:
                raise CommandError(str(error)) from None
        self.stdout.write(_WORDS[compiled.state(PACKAGE, matching.PARTS)])


_WORDS = {
    "none": "Matching is not compiled: its source runs.",
    "current": "Matching is compiled, of the source that is here.",
    "other": "Matching was compiled of another source or for another Python, so its source runs: compile it again.",
}
