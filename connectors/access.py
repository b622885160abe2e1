"""What an adapter works with: an account's settings, secrets and access token; and the answer of its test call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ConfigField:
    """One setting that an adapter needs. The connection form is drawn from these, secrets are stored encrypted.

    `choices`: what may be entered, any text when there are none. `long`: several lines, which a set-up step of their own helps to write.
    `seldom`: works as it is for nearly everybody, so that a form may keep it out of the way.
    `signs`: a secret by which webhooks are known; the adapter is given all that are accepted at the time, one a line.
    """

    name: str
    label: str
    secret: bool = False
    required: bool = True
    default: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()
    long: bool = False
    seldom: bool = False
    signs: bool = False


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A short-lived token of an account. `refresh_token` replaces the one that was used, when the platform rotates it; `host` is the
    address that the platform named for calls with this token, '' when it named none. `expires_at` None: not stated.
    """

    value: str = field(repr=False)
    expires_at: datetime | None = None
    refresh_token: str = field(default="", repr=False)
    host: str = ""


class TokenKeeper(Protocol):
    """Keeps an account's access token for all workers, so that one refresh serves everybody."""

    def current(self) -> AccessToken | None:
        """The kept token, which may have expired; None when there was none yet."""

    def renew(self, stale: str, fetch: Callable[[AccessToken | None], AccessToken]) -> AccessToken:
        """A token other than `stale`: the kept one when another worker renewed it meanwhile, else what `fetch(kept)` brings, stored.

        One call of `fetch` runs at a time over all workers; the others wait for it. Raises what `fetch` raises.
        """


@dataclass(frozen=True, slots=True)
class Account:
    """The credentials and settings that an adapter works with; built by the connection, never stored by the adapter.

    `tokens` is there for platforms with short-lived tokens; None means that each adapter keeps its own in memory (`connectors.tokens`).
    """

    slug: str
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    tokens: TokenKeeper | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of a test call: `ok`, how long it took, and a sentence for the administrator. `facts` can be kept as JSON."""

    ok: bool
    latency: timedelta
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
