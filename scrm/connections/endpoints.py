"""Which addresses and keys a connection works with: the primary ones, or those of its standby.

Any field `x` that an adapter declares may have a `standby_x` among the connection's settings or secrets; on the standby it takes the
place of `x`, and what has none stays. A standby exists when at least one `standby_` setting is filled in: another key alone leads to
the same place.

Secrets that sign webhooks (`ConfigField.signs`) are the exception: both endpoints' are accepted at all times, for the platform that is
not in use may still deliver what it holds, and for 24 hours after a change the one before, too (see credentials.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any, Final, Protocol

STANDBY: Final = "standby_"
PREVIOUS: Final = "previous_"
UNTIL: Final = "_until"


class WithStandby(Protocol):
    @property
    def settings(self) -> Any: ...


def has_standby(connection: WithStandby) -> bool:
    return any(name.startswith(STANDBY) and str(value or "").strip() for name, value in (connection.settings or {}).items())


def other(endpoint: str) -> str:
    return "primary" if endpoint == "standby" else "standby"


def settings_at(values: Mapping[str, str], endpoint: str) -> dict[str, str]:
    """The settings as the endpoint has them, under the names that the adapter declares."""
    plain = {name: value for name, value in values.items() if not name.startswith((STANDBY, PREVIOUS))}
    if endpoint == "standby":
        plain |= {name.removeprefix(STANDBY): value for name, value in values.items() if name.startswith(STANDBY) and value.strip()}
    return plain


def secrets_at(values: Mapping[str, str], endpoint: str, now: datetime, signing: Set[str]) -> dict[str, str]:
    """The secrets as the endpoint has them; those that sign webhooks with all that are accepted, one a line."""
    found = settings_at(values, endpoint)
    for name in signing & found.keys():
        sides = (name, STANDBY + name)
        accepted = [found[name], *(values.get(side, "") for side in sides), *(_previous(values, side, now) for side in sides)]
        found[name] = "\n".join(dict.fromkeys(secret for secret in accepted if secret.strip()))
    return found


def _previous(values: Mapping[str, str], name: str, now: datetime) -> str:
    until = values.get(f"{PREVIOUS}{name}{UNTIL}", "")
    return values.get(PREVIOUS + name, "") if until and now < datetime.fromisoformat(until) else ""
