"""Google Maps Geocoding API, through geopy. https://developers.google.com/maps/documentation/geocoding

Limits: 3,000 requests a minute a project; the key is a secret of the connection. `partial_match` means that Google guessed at a part of
the address, so such an answer is refused, and so is one with several results that disagree, in another country, or less exact than a
street. The key travels in the query, so no address of a request is ever repeated in an error.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from geopy.exc import (
    GeocoderAuthenticationFailure,
    GeocoderInsufficientPrivileges,
    GeocoderQueryError,
    GeocoderQuotaExceeded,
    GeocoderRateLimited,
    GeocoderTimedOut,
    GeopyError,
)
from geopy.geocoders import GoogleV3

from connectors.contracts import Account, ConfigField, Health
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, Rejected, TryLater, Unreachable
from connectors.geocoding.contract import NO_CODES, Found, Place

TIMEOUT_SECONDS = 8
QUOTA_WAIT = timedelta(hours=1)
RATE_WAIT = timedelta(seconds=10)
BASE_URL = "https://maps.googleapis.com"
# How exact the answer is, and how far a code from it may be believed.
EXACT = {"ROOFTOP": 0.98, "RANGE_INTERPOLATED": 0.93, "GEOMETRIC_CENTER": 0.85}


class GoogleMaps:
    slug = "google_maps"
    label = "Google Maps Geocoding"
    fields = (
        ConfigField("api_key", "API key", secret=True, help="A key of a Google Cloud project in which the Geocoding API is switched on."),
        ConfigField("base_url", "Address of the service", required=False, default=BASE_URL),
    )

    def __init__(self, account: Account) -> None:
        key = account.secrets.get("api_key", "").strip()
        if not key:
            raise Misconfigured("Secret api_key is missing: enter the key of the Google Cloud project")
        base = urlsplit(account.settings.get("base_url") or BASE_URL)
        if base.scheme not in {"http", "https"} or not base.netloc:
            raise Misconfigured("Setting base_url must be an address that begins with https://")
        self._key = key
        self._service = GoogleV3(
            api_key=key, domain=base.netloc, scheme=base.scheme, timeout=TIMEOUT_SECONDS, proxies={}, user_agent="scrm"
        )

    def serves(self, country: str) -> bool:
        return bool(country) and country not in NO_CODES

    def postal_code(self, place: Place) -> Found | None:
        if not self.serves(place.country) or not place.line:
            return None
        results = [location.raw for location in self._ask(place.line, {"country": place.country}) if isinstance(location.raw, dict)]
        read = [_read(result) for result in results]
        if not read or any(each is None for each in read):
            return None
        codes = {(each.postal_code, each.country) for each in read if each is not None}
        if len(codes) != 1 or codes.pop()[1] != place.country:
            return None
        return min((each for each in read if each is not None), key=lambda each: each.confidence)

    def check(self) -> Health:
        began = time.monotonic()
        self._ask("1600 Amphitheatre Parkway, Mountain View", {"country": "US"})
        return Health(True, timedelta(seconds=time.monotonic() - began), "answers")

    def _ask(self, line: str, components: Mapping[str, str]) -> list[Any]:
        try:
            return list(self._service.geocode(line, exactly_one=False, components=dict(components)) or [])
        except GeopyError as error:
            raise _translated(error, self._key) from None
        except (KeyError, TypeError, AttributeError, ValueError):
            raise Unreachable("The answer cannot be read", code="shape") from None


def _translated(error: GeopyError, key: str) -> ConnectorError:
    words = str(error).replace(key, "[secret]")[:300] if "http" not in str(error) else ""
    name = type(error).__name__
    if isinstance(error, GeocoderRateLimited):
        return TryLater("Google asks for patience", after=RATE_WAIT, scope="connection", times=None, code=name, detail=words)
    if isinstance(error, GeocoderQuotaExceeded):
        return TryLater("The quota is used up", after=QUOTA_WAIT, scope="connection", times=None, code=name, detail=words)
    if isinstance(error, GeocoderAuthenticationFailure | GeocoderInsufficientPrivileges):
        return NeedsLogin("Google refuses the API key", code=name, detail=words)
    if isinstance(error, GeocoderQueryError):
        # REQUEST_DENIED and INVALID_REQUEST come alike; only the first speaks of the key or the project.
        denied = any(word in words.lower() for word in ("key", "denied", "billing", "authorized", "enabled"))
        return (
            NeedsLogin("Google refuses the API key", code=name, detail=words) if denied else Rejected("No address", code=name, detail=words)
        )
    if isinstance(error, GeocoderTimedOut):
        return Unreachable("Google did not answer in time", code=name)
    return Unreachable("Google does not answer", code=name, detail=words)


def _read(result: Mapping[str, Any]) -> Found | None:
    """The code of one result; None when Google guessed or found no more than a town."""
    geometry = result.get("geometry")
    exact = EXACT.get(str(geometry.get("location_type")) if isinstance(geometry, dict) else "")
    if result.get("partial_match") or exact is None:
        return None
    parts = result.get("address_components")
    found: dict[str, str] = {}
    for part in parts if isinstance(parts, list) else ():
        for kind in part.get("types", ()) if isinstance(part, dict) else ():
            found.setdefault(str(kind), str(part.get("short_name") or part.get("long_name") or ""))
    code, country = found.get("postal_code", "").strip(), found.get("country", "").upper()
    return Found(code[:20], country, exact, "google") if code and country else None
