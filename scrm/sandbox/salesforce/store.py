"""What the stand-in remembers, behind one small interface, and the store in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from scrm.sandbox.salesforce.vocabulary import Json, prefix_of

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(slots=True)
class Held:
    """One record. `modified_at` is what SystemModstamp shows, in whole seconds; `master` is the survivor of a merge."""

    sobject: str
    id: str
    values: Json
    created_at: datetime
    modified_at: datetime
    modified_by: str
    deleted: bool = False
    deleted_at: datetime | None = None
    master: str = ""


class Store(Protocol):
    """All times come from the caller. `guard` makes a request one step; it may be entered again."""

    def guard(self) -> AbstractContextManager[object]: ...
    def credentials(self) -> dict[str, str]: ...
    def set_refresh(self, value: str) -> None: ...
    def knobs(self) -> Json: ...
    def set_knobs(self, knobs: Json) -> None: ...
    def add(self, sobject: str, values: Json, at: datetime, by: str) -> Held: ...
    def save(self, held: Held, action: str) -> None: ...
    def get(self, record_id: str) -> Held | None: ...
    def rows(self, sobject: str) -> Iterable[Held]: ...
    def by_value(self, sobject: str, name: str, value: str) -> list[Held]: ...
    def custom_fields(self, holder: str) -> list[Json]: ...
    def add_field(self, holder: str, given: Json) -> None: ...
    def open_session(self, token: str, ends_at: datetime) -> None: ...
    def session_end(self, token: str) -> datetime | None: ...
    def close_sessions(self) -> None: ...
    def count_call(self) -> int: ...


def id_of(sobject: str, number: int) -> str:
    """18 characters: the object's prefix, an instance, the number in base 62, and the checksum of the cases."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return full_id(f"{prefix_of(sobject)}5g0" + digits.rjust(9, "A"))


def number_of(record_id: str) -> int:
    number = 0
    for char in record_id[6:15]:
        number = number * 62 + ALPHABET.index(char)
    return number


def full_id(short: str) -> str:
    """The 18 characters of an id of 15: five bits for each five characters say which are capitals."""
    parts = [short[start : start + 5] for start in (0, 5, 10)]
    return short + "".join(
        _CHECK[sum(1 << place for place, char in enumerate(part) if char.isascii() and char.isupper())] for part in parts
    )


@dataclass
class MemoryStore:
    """For tests: everything can be looked at and set. `log` holds (action, id)."""

    login: dict[str, str] = field(
        default_factory=lambda: {"client_id": "3MVG9.hk", "client_secret": "c0nsumer-secret-hk", "refresh_token": "5Aep861.refresh"}
    )
    records: dict[str, Held] = field(default_factory=dict)
    fields: dict[str, list[Json]] = field(default_factory=dict)
    sessions: dict[str, datetime] = field(default_factory=dict)
    faults: Json = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    calls: int = 0
    number: int = 1000
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def guard(self) -> AbstractContextManager[object]:
        return self._lock

    def credentials(self) -> dict[str, str]:
        return self.login

    def set_refresh(self, value: str) -> None:
        self.login["refresh_token"] = value

    def knobs(self) -> Json:
        return self.faults

    def set_knobs(self, knobs: Json) -> None:
        self.faults = dict(knobs)

    def add(self, sobject: str, values: Json, at: datetime, by: str) -> Held:
        self.number += 1
        held = Held(sobject, id_of(sobject, self.number), values, at, at, by)
        self.records[held.id] = held
        self.log.append(("create", held.id))
        return held

    def save(self, held: Held, action: str) -> None:
        self.log.append((action, held.id))

    def get(self, record_id: str) -> Held | None:
        return self.records.get(record_id if len(record_id) == 18 else full_id(record_id)) if len(record_id) in {15, 18} else None

    def rows(self, sobject: str) -> Iterable[Held]:
        return [held for held in self.records.values() if held.sobject == sobject]

    def by_value(self, sobject: str, name: str, value: str) -> list[Held]:
        return [held for held in self.rows(sobject) if not held.deleted and held.values.get(name) == value]

    def custom_fields(self, holder: str) -> list[Json]:
        return self.fields.get(holder, [])

    def add_field(self, holder: str, given: Json) -> None:
        self.fields.setdefault(holder, []).append(given)

    def open_session(self, token: str, ends_at: datetime) -> None:
        self.sessions[token] = ends_at

    def session_end(self, token: str) -> datetime | None:
        return self.sessions.get(token)

    def close_sessions(self) -> None:
        self.sessions.clear()

    def count_call(self) -> int:
        self.calls += 1
        return self.calls
