"""The three business numbers: invented, one business portfolio, each with its own account, app secret and tokens."""

import secrets
from typing import Any

from django.conf import settings
from django.db import transaction

from scrm.sandbox.identifiers import new_object_id
from scrm.sandbox.models import Faults, Number
from scrm.sandbox.router import ALIAS

API_VERSION = "v25.0"

# slug, label, country, language, time zone, display number
NUMBERS = (
    ("sandbox-hk", "Harbour Beauty 香港", "HK", "zh_HK", "Asia/Hong_Kong", "+852 6810 2244"),
    ("sandbox-tw", "Harbour Beauty 台灣", "TW", "zh_TW", "Asia/Taipei", "+886 905 118 220"),
    ("sandbox-jp", "Harbour Beauty 日本", "JP", "ja", "Asia/Tokyo", "+81 70 1188 2044"),
)
# The shop has one catalogue at the stand-in platform, for all its numbers.
CATALOGUE = "480490000000001"


def ensure_numbers() -> list[Number]:
    """Create what is missing; ids and secrets are drawn once and kept."""
    with transaction.atomic(using=ALIAS):
        existing = {number.slug: number for number in Number.objects.all()}
        portfolio = next((number.portfolio_id for number in existing.values()), new_object_id(16))
        return [existing.get(row[0]) or _create(row, portfolio) for row in NUMBERS]


def _create(row: tuple[str, str, str, str, str, str], portfolio: str) -> Number:
    slug, label, country, language, time_zone, display = row
    number = Number.objects.create(
        slug=slug,
        label=label,
        country=country,
        language=language,
        time_zone=time_zone,
        display_phone_number=display,
        phone_number_id=new_object_id(),
        waba_id=new_object_id(),
        portfolio_id=portfolio,
        app_secret=secrets.token_hex(16),
        verify_token=secrets.token_urlsafe(18),
        access_token="EAA" + secrets.token_urlsafe(90).replace("-", "Z").replace("_", "z"),
    )
    Faults.objects.create(number=number)
    return number


def callback_url(number: Number) -> str:
    """Where this number's webhooks go: an address given by subscription, else the product's own."""
    return number.webhook_url or f"{settings.PUBLIC_URL.rstrip('/')}/webhooks/whatsapp/{number.slug}/"


def connection_settings() -> list[dict[str, Any]]:
    """What an administrator would copy from the platform's pages into the product, a dict for each number."""
    return [_connection(number) for number in ensure_numbers()]


def _connection(number: Number) -> dict[str, Any]:
    return {
        "slug": number.slug,
        "label": number.label,
        "display_phone_number": number.display_phone_number,
        "country": number.country,
        "language": number.language,
        "time_zone": number.time_zone,
        "settings": {
            "base_url": f"{settings.SANDBOX_URL.rstrip('/')}/sandbox/graph",
            "api_version": API_VERSION,
            "phone_number_id": number.phone_number_id,
            "waba_id": number.waba_id,
            "portfolio_id": number.portfolio_id,
            "catalog_id": CATALOGUE,
        },
        "secrets": {
            "access_token": number.access_token,
            "app_secret": number.app_secret,
            "verify_token": number.verify_token,
        },
    }
