"""Adapters made from connections, one a process and connection so that its pool of sockets is used again."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any, Protocol, TypeVar

from django.utils.translation import gettext as _

from connectors import registry
from connectors.contracts import Account, Channel, ChannelCapabilities, ConfigField, Crm
from connectors.errors import ConnectorError, Misconfigured
from connectors.geocoding.contract import Geocoder
from scrm.connections.endpoints import secrets_at, settings_at
from scrm.connections.outcomes import forget_outcomes
from scrm.connections.sentences import worded
from scrm.connections.tokens import KeptTokens
from scrm.core import clock


class Configured(Protocol):
    """What an adapter is made from: a `Connection` or its snapshot."""

    @property
    def pk(self) -> Any: ...
    @property
    def slug(self) -> str: ...
    @property
    def adapter(self) -> str: ...
    @property
    def settings(self) -> Any: ...
    @property
    def secrets(self) -> Any: ...
    @property
    def endpoint(self) -> str: ...


A = TypeVar("A")

_made: dict[tuple[str, Any, str], tuple[str, Any]] = {}
_lock = threading.Lock()


def forget_adapters() -> None:
    """Make every adapter anew. A forked worker must not share sockets with its parent, nor a lock that another thread of it held."""
    global _lock
    _lock = threading.Lock()
    _made.clear()
    forget_outcomes()


os.register_at_fork(after_in_child=forget_adapters)


def account_of(connection: Configured, endpoint: str = "") -> Account:
    """The credentials as adapters take them, texts only: those of the endpoint in use, or of the one named."""
    chosen = endpoint or connection.endpoint
    return Account(
        slug=connection.slug,
        settings=settings_at(_texts(connection.settings), chosen),
        secrets=secrets_at(_texts(connection.secrets), chosen, clock.now(), signing_fields(connection.adapter)),
    )


def _with_tokens(connection: Configured, account: Account, endpoint: str) -> Account:
    return replace(account, tokens=KeptTokens(connection.pk, endpoint or connection.endpoint, account))


def channel_of(connection: Configured, endpoint: str = "") -> Channel:
    """The connection's messaging platform. Raises `Misconfigured` when a setting is missing or the adapter unknown."""
    return _adapter("channel", connection, registry.channel, endpoint)


def crm_of(connection: Configured, endpoint: str = "") -> Crm:
    """The connection's customer database. Raises `Misconfigured` when a setting is missing or the adapter unknown."""
    return _adapter("crm", connection, registry.crm, endpoint)


def geocoder_of(connection: Configured, endpoint: str = "") -> Geocoder:
    """The connection's source of postal codes. Raises `Misconfigured` when a setting is missing or the adapter unknown."""
    return _adapter("geocoder", connection, registry.geocoder, endpoint)


def geocoding_table(slug: str) -> Geocoder:
    """A geocoder that needs no account: a table on this machine."""
    return registry.geocoder(slug, Account(slug))


def adapters(kind: str) -> list[str]:
    """The slugs that a connection of this kind ("channel", "crm" or "geocoder") may name."""
    if kind == "geocoder":
        # A table on this machine is no account: it is used without a connection.
        return sorted(slug for slug in registry.GEOCODERS if registry.fields(slug))
    return sorted(registry.CHANNELS if kind == "channel" else registry.CRMS)


def config_fields(adapter: str) -> Sequence[ConfigField]:
    """The settings that the adapter asks for. Raises `Misconfigured` for an unknown adapter."""
    return registry.fields(adapter)


def signing_fields(adapter: str) -> frozenset[str]:
    """The secrets by which the adapter knows webhooks; none of an unknown adapter."""
    try:
        return frozenset(field.name for field in registry.fields(adapter) if field.signs)
    except Misconfigured:
        return frozenset()


def capabilities_of(connection: Configured) -> ChannelCapabilities:
    """What the connection's platform can do, and what it bounds. For an unknown adapter: the least, under the strictest window."""
    try:
        return registry.capabilities(connection.adapter)
    except Misconfigured:
        return ChannelCapabilities(window=timedelta(hours=24))


def error_of(connection: Configured, code: str, detail: str = "") -> ConnectorError | None:
    """What a code that came in a delivery status asks for; None where the platform has no such codes."""
    path = registry.CHANNELS.get(connection.adapter, "")
    classify = getattr(import_module(path.rpartition(".")[0]), "classify", None) if path else None
    if classify is None or not (code.isascii() and code.isdigit()):
        return None
    error: ConnectorError = classify(int(code), detail=detail)
    return error


def explain_error(connection: Configured, code: str) -> tuple[str, str]:
    """What a platform's error code means and what to do, as two sentences in the reader's language.

    Connectors know no language but English: their sentences are translated in the catalogue beside this module.
    """
    path = (registry.CHANNELS | registry.CRMS).get(connection.adapter, "")
    platform = import_module(path.rpartition(".")[0]) if path else None
    explain = getattr(platform, "explain", None)
    # Some platforms have no numbers for what goes wrong; their connector names it and lists the names.
    known: str | int | None = code if code in getattr(platform, "CODES", ()) else int(code) if code.isascii() and code.isdigit() else None
    if explain is not None and known is not None:
        meaning, advice = explain(known)
        return worded(meaning), worded(advice)
    if not code:
        return _("The platform gave no reason."), _("Try again; if it fails again, check the connection.")
    return _("The connection failed: %(code)s.") % {"code": code}, _("Try again; if it fails again, check the connection.")


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (values or {}).items() if value is not None}


def fingerprint(connection: Configured) -> str:
    """Changes whenever a setting or secret does; tells nothing about them."""
    parts = [connection.adapter, connection.slug, connection.settings, connection.secrets]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _adapter(kind: str, connection: Configured, make: Callable[[str, Account], A], endpoint: str) -> A:
    """The adapter made earlier for the same account. A replaced one is left to the threads that still use it."""
    account = account_of(connection, endpoint)
    key, print_ = (kind, connection.pk, endpoint or connection.endpoint), _print(connection.adapter, account)
    with _lock:
        known = _made.get(key)
        if known is None or known[0] != print_:
            known = _made[key] = (print_, make(connection.adapter, _with_tokens(connection, account, endpoint)))
    adapter: A = known[1]
    return adapter


def _print(adapter: str, account: Account) -> str:
    parts = [adapter, account.slug, account.settings, account.secrets]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
