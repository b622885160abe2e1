"""The sandbox CRM's one account: credentials that are made once, and what a client needs to connect."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings

from .models import Account

API_VERSIONS = ("2026-03", "2026-09")
LIMITS = {"ten_secondly": 190, "daily": 650_000, "search_per_second": 5}


def account() -> Account:
    """The account; made with random credentials when it is asked for first. Safe when two processes ask at once."""
    found, _ = Account.objects.get_or_create(
        pk=1,
        defaults={
            "access_token": f"pat-sandbox-{secrets.token_hex(20)}",
            "client_secret": secrets.token_hex(20),
            "portal_id": 20_000_000 + secrets.randbelow(9_000_000),
        },
    )
    return found


def limits(of: Account) -> dict[str, int]:
    return {**LIMITS, **of.limits}


def connection_settings() -> dict[str, Any]:
    """What to enter in a client's connection form: slug, label, adapter, settings and secrets, all strings."""
    own = account()
    return {
        "slug": "sandbox-hubspot",
        "label": "Sandbox CRM",
        "adapter": "hubspot",
        "settings": {"base_url": f"{settings.SANDBOX_URL.rstrip('/')}/sandbox/crm/api", "api_version": API_VERSIONS[0]},
        "secrets": {"access_token": own.access_token, "client_secret": own.client_secret},
    }
