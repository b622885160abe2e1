"""Adapters made from connections, one a process and connection so that its pool of sockets is used again."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, TypeVar

from django.utils.translation import gettext as _

from connectors import registry
from connectors.contracts import Account, Channel, ChannelCapabilities, ConfigField, Crm
from connectors.errors import Misconfigured


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


A = TypeVar("A")

_made: dict[tuple[str, Any], tuple[str, Any]] = {}
_lock = threading.Lock()


def forget_adapters() -> None:
    """Make every adapter anew. A forked worker must not share sockets with its parent, nor a lock that another thread of it held."""
    global _lock
    _lock = threading.Lock()
    _made.clear()


os.register_at_fork(after_in_child=forget_adapters)


def account_of(connection: Configured) -> Account:
    """The credentials as adapters take them: texts only."""
    return Account(slug=connection.slug, settings=_texts(connection.settings), secrets=_texts(connection.secrets))


def channel_of(connection: Configured) -> Channel:
    """The connection's messaging platform. Raises `Misconfigured` when a setting is missing or the adapter unknown."""
    return _adapter("channel", connection, registry.channel)


def crm_of(connection: Configured) -> Crm:
    """The connection's customer database. Raises `Misconfigured` when a setting is missing or the adapter unknown."""
    return _adapter("crm", connection, registry.crm)


def adapters(kind: str) -> list[str]:
    """The slugs that a connection of this kind ("channel" or "crm") may name."""
    return sorted(registry.CHANNELS if kind == "channel" else registry.CRMS)


def config_fields(adapter: str) -> Sequence[ConfigField]:
    """The settings that the adapter asks for. Raises `Misconfigured` for an unknown adapter."""
    return registry.fields(adapter)


def capabilities_of(connection: Configured) -> ChannelCapabilities:
    """What the connection's platform can do, and what it bounds. For an unknown adapter: the least that can be promised."""
    try:
        return registry.capabilities(connection.adapter)
    except Misconfigured:
        return ChannelCapabilities()


def explain_error(connection: Configured, code: str) -> tuple[str, str]:
    """What a platform's error code means and what to do, as two sentences for an agent."""
    path = (registry.CHANNELS | registry.CRMS).get(connection.adapter, "")
    explain = getattr(import_module(path.rpartition(".")[0]), "explain", None) if path else None
    if explain is not None and code.isascii() and code.isdigit():
        meaning, advice = explain(int(code))
        return str(meaning), str(advice)
    if not code:
        return _("The platform gave no reason."), _("Try again; if it fails again, check the connection.")
    return _("The connection failed: %(code)s.") % {"code": code}, _("Try again; if it fails again, check the connection.")


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (values or {}).items() if value is not None}


def fingerprint(connection: Configured) -> str:
    """Changes whenever a setting or secret does; tells nothing about them."""
    parts = [connection.adapter, connection.slug, connection.settings, connection.secrets]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _adapter(kind: str, connection: Configured, make: Callable[[str, Account], A]) -> A:
    """The adapter made earlier for the same settings. A replaced one is left to the threads that still use it."""
    key, print_ = (kind, connection.pk), fingerprint(connection)
    with _lock:
        known = _made.get(key)
        if known is None or known[0] != print_:
            known = _made[key] = (print_, make(connection.adapter, account_of(connection)))
    adapter: A = known[1]
    return adapter
