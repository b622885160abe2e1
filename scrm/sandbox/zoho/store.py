"""What the stand-in remembers, behind one small interface, and the store in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from scrm.sandbox.zoho.vocabulary import Json

# Zoho's ids have 19 digits, and beyond 2^53 they are strings for a reason.
FIRST_ID = 5_411_000_000_000_000_000


@dataclass(slots=True)
class Held:
    """One record. `removed` is '' or how it was removed: recycle, permanent."""

    module: str
    id: str
    values: Json
    created_at: datetime
    modified_at: datetime
    locked: bool = False
    removed: str = ""
    removed_at: datetime | None = None


@dataclass(slots=True)
class Channel:
    """Somebody who wants notices."""

    channel_id: str
    token: str
    notify_url: str
    events: list[str]
    ends_at: datetime


class Store(Protocol):
    """All times come from the caller. `guard` makes a request one step; it may be entered again."""

    def guard(self) -> AbstractContextManager[object]: ...
    def credentials(self) -> dict[str, str]: ...
    def knobs(self) -> Json: ...
    def set_knobs(self, knobs: Json) -> None: ...
    def add(self, module: str, values: Json, at: datetime) -> Held: ...
    def save(self, held: Held, action: str) -> None: ...
    def get(self, module: str, record_id: str) -> Held | None: ...
    def rows(self, module: str, *, removed: bool = False) -> Iterable[Held]: ...
    def by_value(self, module: str, name: str, value: str) -> Held | None: ...
    def custom_fields(self, module: str) -> list[Json]: ...
    def add_field(self, module: str, given: Json) -> None: ...
    def add_token(self, value: str, issued_at: datetime, ends_at: datetime) -> None: ...
    def token_end(self, value: str) -> datetime | None: ...
    def end_tokens(self) -> None: ...
    def tokens_since(self, moment: datetime) -> int: ...
    def spend(self, credits: int, at: datetime) -> None: ...
    def spent_since(self, moment: datetime) -> int: ...
    def channels(self) -> list[Channel]: ...
    def put_channel(self, channel: Channel) -> None: ...
    def drop_channel(self, channel_id: str) -> bool: ...
    def notify(self, channel: Channel, notice: Json) -> None: ...


@dataclass
class MemoryStore:
    """For tests: everything can be looked at and set. `log` holds (action, module, id), `notices` what was told to whom."""

    login: dict[str, str] = field(
        default_factory=lambda: {"client_id": "1000.HK", "client_secret": "c1ient-secret-hk", "refresh_token": "1000.refresh.hk-77"}
    )
    records: dict[str, dict[str, Held]] = field(default_factory=dict)
    fields: dict[str, list[Json]] = field(default_factory=dict)
    tokens: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    spendings: list[tuple[datetime, int]] = field(default_factory=list)
    watchers: dict[str, Channel] = field(default_factory=dict)
    notices: list[tuple[str, Json]] = field(default_factory=list)
    log: list[tuple[str, str, str]] = field(default_factory=list)
    faults: Json = field(default_factory=dict)
    next_id: int = FIRST_ID
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def guard(self) -> AbstractContextManager[object]:
        return self._lock

    def credentials(self) -> dict[str, str]:
        return self.login

    def knobs(self) -> Json:
        return self.faults

    def set_knobs(self, knobs: Json) -> None:
        self.faults = dict(knobs)

    def add(self, module: str, values: Json, at: datetime) -> Held:
        self.next_id += 1
        held = Held(module, str(self.next_id), values, at, at)
        self.records.setdefault(module, {})[held.id] = held
        self.log.append(("create", module, held.id))
        return held

    def save(self, held: Held, action: str) -> None:
        self.log.append((action, held.module, held.id))

    def get(self, module: str, record_id: str) -> Held | None:
        found = self.records.get(module, {}).get(record_id)
        return found if found is not None and not found.removed else None

    def rows(self, module: str, *, removed: bool = False) -> Iterable[Held]:
        return [held for held in self.records.get(module, {}).values() if bool(held.removed) == removed]

    def by_value(self, module: str, name: str, value: str) -> Held | None:
        wanted = value.casefold()
        return next((held for held in self.rows(module) if str(held.values.get(name) or "").casefold() == wanted), None)

    def custom_fields(self, module: str) -> list[Json]:
        return self.fields.get(module, [])

    def add_field(self, module: str, given: Json) -> None:
        self.fields.setdefault(module, []).append(given)

    def add_token(self, value: str, issued_at: datetime, ends_at: datetime) -> None:
        self.tokens.append((value, issued_at, ends_at))

    def token_end(self, value: str) -> datetime | None:
        return next((ends_at for token, _, ends_at in self.tokens if token == value), None)

    def end_tokens(self) -> None:
        self.tokens = [(f"ended-{number}", issued_at, issued_at) for number, (_, issued_at, _) in enumerate(self.tokens)]

    def tokens_since(self, moment: datetime) -> int:
        return sum(issued_at > moment for _, issued_at, _ in self.tokens)

    def spend(self, credits: int, at: datetime) -> None:
        self.spendings.append((at, credits))

    def spent_since(self, moment: datetime) -> int:
        return sum(credits for at, credits in self.spendings if at > moment)

    def channels(self) -> list[Channel]:
        return list(self.watchers.values())

    def put_channel(self, channel: Channel) -> None:
        self.watchers[channel.channel_id] = channel

    def drop_channel(self, channel_id: str) -> bool:
        return self.watchers.pop(channel_id, None) is not None

    def notify(self, channel: Channel, notice: Json) -> None:
        self.notices.append((channel.notify_url, notice))
