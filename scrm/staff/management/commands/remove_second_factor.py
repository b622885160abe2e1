"""`manage.py remove_second_factor USERNAME`: for the last administrator, whose phone and recovery codes are gone."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scrm.staff import second_factor
from scrm.staff.models import User


class Command(BaseCommand):
    help = "Take a person's second factor away, on record. They set up a new one at the next log-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="why; it stays in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']}.")
        if not second_factor.remove(user, by="system", reason=options["reason"]):
            raise CommandError(f"{user.username} has no second factor.")
        self.stdout.write(f"The second factor of {user.username} is gone, and all their sessions have ended.")
