"""Brings the sandbox's database up to date: its own tables, and of the product's migrations none.

`migrate --database sandbox` comes to the same tables by way of every migration of the product, which the router then lets do nothing; that
takes some seconds of a processor.
"""

from __future__ import annotations

from django.core.management import call_command

from scrm.sandbox.router import ALIAS, LABELS


def bring_up_to_date() -> None:
    for label in sorted(LABELS):
        call_command("migrate", label, database=ALIAS, verbosity=0, interactive=False)
