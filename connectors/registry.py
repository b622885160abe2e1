"""The list of adapters: one line each, imported when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any, cast

from connectors.contracts import Account, Channel, ChannelCapabilities, ConfigField, Crm
from connectors.errors import Misconfigured
from connectors.geocoding.contract import Geocoder

CHANNELS: dict[str, str] = {
    "line": "connectors.channels.line.LineMessaging",
    "whatsapp_cloud": "connectors.channels.whatsapp.WhatsAppCloud",
    "whatsapp_bsp": "connectors.channels.bsp.WhatsAppBsp",
    "chatapi": "connectors.channels.chatapi.ChatApi",
}

CRMS: dict[str, str] = {
    "bridge": "connectors.crms.bridge.Bridge",
    "hubspot": "connectors.crms.hubspot.HubSpot",
    "rest": "connectors.crms.rest.RestCrm",
    "salesforce": "connectors.crms.salesforce.Salesforce",
    "zoho": "connectors.crms.zoho.Zoho",
}

GEOCODERS: dict[str, str] = {
    "google_maps": "connectors.geocoding.google.GoogleMaps",
    "japan_table": "connectors.geocoding.japan.JapanTable",
}


def geocoder(slug: str, account: Account) -> Geocoder:
    """A new geocoder for the account. Raises `Misconfigured` for a slug that is not listed."""
    return cast(Geocoder, _adapter(slug, GEOCODERS)(account))


def channel(slug: str, account: Account) -> Channel:
    """A new adapter for the account. Raises `Misconfigured` for a slug that is not listed."""
    return cast(Channel, _adapter(slug, CHANNELS)(account))


def crm(slug: str, account: Account) -> Crm:
    """A new adapter for the account. Raises `Misconfigured` for a slug that is not listed."""
    return cast(Crm, _adapter(slug, CRMS)(account))


def fields(slug: str) -> Sequence[ConfigField]:
    """The settings that the adapter asks for. Raises `Misconfigured` for a slug that is not listed."""
    return cast("Sequence[ConfigField]", _adapter(slug, CHANNELS | CRMS | GEOCODERS).fields)


def capabilities(slug: str) -> ChannelCapabilities:
    """What the channel can do, without an account. Raises `Misconfigured` for a slug that is not listed."""
    return cast(ChannelCapabilities, _adapter(slug, CHANNELS).capabilities)


def _adapter(slug: str, listed: dict[str, str]) -> Any:
    if slug not in listed:
        raise Misconfigured(f"There is no connector {slug!r}; there are {', '.join(sorted(listed))}")
    return _imported(listed[slug])


@cache
def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
