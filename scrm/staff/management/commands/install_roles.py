"""`manage.py install_roles`: the groups Agents, Supervisors, Administrators and Partners, with their rights."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from scrm.staff import roles


class Command(BaseCommand):
    help = "Make the roles that are missing. Roles that are there stay as they are, unless they are to be reset."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reset", nargs="*", default=[], choices=roles.ROLES, metavar="ROLE", help="give these the rights they came with"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        touched = roles.install(reset=options["reset"])
        self.stdout.write(f"Roles made or reset: {', '.join(touched)}." if touched else "All roles are there; nothing was changed.")
