"""`manage.py sandbox_info`: everything that is needed to drive the sandbox from outside."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from scrm.sandbox.crm.account import connection_settings as crm_settings
from scrm.sandbox.numbers import connection_settings
from scrm.sandbox.onboarding import PASSWORD, STAFF, partner_token
from scrm.sandbox.salesforce.tables import connection_settings as salesforce_settings

WELCOME = """
  Ready.

  Console   {public}/admin/       log in as  admin / {password}   (agents: {agents}; same password)
  Phone     {public}/sandbox/     play a customer
  CRM       {public}/sandbox/crm/  what arrived in the CRM

  Try this: open the phone, choose a customer from Japan, ask  私の荷物はどこですか?
  Then look at the inbox: the question, its tag, the automatic answer. Answer by hand and watch the ticks turn blue on both sides;
  in the CRM the contact, today's communication and a deal have appeared. /admin/ledger/ shows that nothing is unaccounted for.

  Ctrl-C stops everything. Nothing is lost: `make run` goes on where you were.
"""


class Command(BaseCommand):
    help = "Show the sandbox's connections (webhook address, secrets, ids), log-ins and a partner's token. Not in production."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["json", "text", "welcome"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        info = self._info()
        if options["format"] == "json":
            self.stdout.write(json.dumps(info, ensure_ascii=False, indent=2))
        elif options["format"] == "welcome":
            agents = ", ".join(row[0] for row in STAFF if row[-1] == "agent")
            self.stdout.write(WELCOME.format(public=settings.PUBLIC_URL, password=PASSWORD, agents=agents))
        else:
            for slug, row in info["connections"].items():
                self.stdout.write(f"{slug}\n" + "\n".join(f"  {key}: {value}" for key, value in row.items()))
            self.stdout.write(f"partner token: {info['partner_token']}")

    def _info(self) -> dict[str, Any]:
        crm, salesforce = crm_settings(), salesforce_settings()
        return {
            "console": f"{settings.PUBLIC_URL}/admin/",
            "phone": f"{settings.PUBLIC_URL}/sandbox/",
            "crm": f"{settings.PUBLIC_URL}/sandbox/crm/",
            "control": f"{settings.SANDBOX_URL}/sandbox/control/",
            "logins": [{"username": row[0], "password": PASSWORD, "role": row[-1]} for row in STAFF],
            "connections": {row["slug"]: {"slug": row["slug"], **self._connection(row)} for row in connection_settings()},
            "crm_connection": {"slug": crm["slug"], **crm["settings"], **crm["secrets"]},
            "salesforce_connection": {**salesforce["settings"], **salesforce["secrets"]},
            "partner_token": partner_token(),
            "api": f"{settings.PUBLIC_URL}/api/v1/",
        }

    def _connection(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "webhook_url": f"{settings.PUBLIC_URL}/webhooks/whatsapp/{row['slug']}/",
            "app_secret": row["secrets"]["app_secret"],
            "verify_token": row["secrets"]["verify_token"],
            "access_token": row["secrets"]["access_token"],
            "phone_number_id": row["settings"]["phone_number_id"],
            "waba_id": row["settings"]["waba_id"],
            "portfolio_id": row["settings"]["portfolio_id"],
            "display_phone_number": row["display_phone_number"],
            "graph_url": f"{row['settings']['base_url']}/{row['settings']['api_version']}/{row['settings']['phone_number_id']}",
            "country": row["country"],
        }
