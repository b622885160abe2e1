"""The four CRMs' stand-ins behind one face: what their people do, what they hold, how badly they answer, and what we wrote there.

`writes` counts for each record the calls of ours that changed it; what a repeated call leaves as it is does not count.
"""

from __future__ import annotations

import contextlib
import gzip
import random
import re
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from django.db.models import F

from connectors import http
from connectors.conformance import Answer
from connectors.crms.hubspot import wire as hubspot_wire
from connectors.crms.zoho import login
from scrm.connections.models import Connection
from scrm.connections.services import upsert_connection
from scrm.sandbox.crm import faults as hubspot_faults
from scrm.sandbox.crm import properties as hubspot_properties
from scrm.sandbox.crm.account import account as hubspot_account
from scrm.sandbox.crm.account import connection_settings as hubspot_settings
from scrm.sandbox.crm.models import Record, Write
from scrm.sandbox.crm.records import Actor, archive, create, update
from scrm.sandbox.crm.schema import CONTACTS
from scrm.sandbox.salesforce import doors as salesforce_doors
from scrm.sandbox.salesforce import knobs as salesforce_knobs
from scrm.sandbox.salesforce import tables as salesforce
from scrm.sandbox.zoho import doors as zoho_doors
from scrm.sandbox.zoho import knobs as zoho_knobs
from scrm.sandbox.zoho import tables as zoho
from scrm.sync.models import FieldMapping
from tests.connectors.poor_server import PoorServer, definition

WONG = Actor("Mei Lin Wong", "CRM_UI")


class Person(NamedTuple):
    """As the CRM shows one: our key there, the given name, the number's digits."""

    key: str
    given: str
    phone: str


# Longer than the client waits; the real 10 s are shortened with it.
STALL = 1.0
# A given name that no CRM takes: Salesforce and Zoho end at 40 characters, the others are taught to.
TOO_LONG = "Bartholomew-" * 4


def digits(text: object) -> str:
    return re.sub(r"\D", "", str(text or ""))


@dataclass
class Vendor(ABC):
    """`url`: where the stand-ins are served. `patch`: pytest's, for the counters."""

    url: str
    patch: Any
    writes: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    by_hand: bool = False
    # A whole name that the CRM refuses, each time and for good.
    refused: str = f"{TOO_LONG} Chan"

    @abstractmethod
    def connection(self) -> Connection:
        """Ours to it, with its mapping."""

    def count(self) -> None:
        """Begin to count faults and writes; nothing to begin where the stand-in counts by itself."""
        return

    @abstractmethod
    def add(self, given: str, phone: str) -> str:
        """Somebody enters a person; the record's id."""

    @abstractmethod
    def rename(self, record_id: str, given: str) -> None:
        """Somebody gives a person another first name."""

    @abstractmethod
    def remove(self, record_id: str) -> None:
        """Somebody deletes a record."""

    @abstractmethod
    def put_back(self, by: timedelta) -> None:
        """As if everything there had last been changed so much earlier, or earlier still."""

    @abstractmethod
    def people(self) -> dict[str, Person]:
        """Everybody who is there, by the record's id."""

    @abstractmethod
    def strike(self, share: float) -> None:
        """From now on so many of all calls fail, in equal parts in each way that it knows."""

    def _count_strikes(self, module: Any, name: str) -> None:
        real = getattr(module, name)

        def counted(*arguments: Any, **named: Any) -> str:
            kind = real(*arguments, **named)
            if kind:
                self.struck[kind] += 1
            return str(kind)

        self.patch.setattr(module, name, counted)

    @contextlib.contextmanager
    def hand(self) -> Iterator[None]:
        self.by_hand = True
        try:
            yield
        finally:
            self.by_hand = False


class HubSpot(Vendor):
    def connection(self) -> Connection:
        given, own = hubspot_settings(), hubspot_account()
        own.limits = {"search_per_second": 10_000, "ten_secondly": 1_000_000, "daily": 10_000_000}
        own.save()
        # Its pace is kept by the wall's clock, which these tests do not wait for.
        self.patch.setattr(hubspot_wire, "SEARCHES_A_SECOND", 10_000)
        address = {**given["settings"], "base_url": f"{self.url}/sandbox/crm/api"}
        return upsert_connection("hubspot", label="HubSpot", kind="crm", adapter="hubspot", settings=address, secrets=given["secrets"])

    def count(self) -> None:
        self._count_strikes(hubspot_faults, "strike")
        check = hubspot_properties._check
        self.patch.setattr(
            hubspot_properties, "_check", lambda known, value: ("INVALID_NAME", value) if value == TOO_LONG else check(known, value)
        )

    def add(self, given: str, phone: str) -> str:
        return str(create(CONTACTS, {"firstname": given, "lastname": "Chan", "phone": phone}, by=WONG).pk)

    def rename(self, record_id: str, given: str) -> None:
        update(Record.objects.get(pk=record_id), {"firstname": given}, kind=CONTACTS, by=WONG)

    def put_back(self, by: timedelta) -> None:
        Record.objects.update(updated_at=F("updated_at") - by)

    def remove(self, record_id: str) -> None:
        archive(Record.objects.get(pk=record_id), by=WONG)

    def people(self) -> dict[str, Person]:
        ours = Write.objects.filter(source="INTEGRATION", object_type="contacts").exclude(changes={})
        self.writes = Counter(str(pk) for pk in ours.values_list("record_id", flat=True))
        rows = {str(row.pk): row.properties for row in Record.objects.filter(object_type="contacts", archived=False)}
        return {pk: Person(v.get("scrm_id", ""), v.get("firstname", ""), digits(v.get("phone"))) for pk, v in rows.items()}

    def strike(self, share: float) -> None:
        own = hubspot_account()
        own.faults = dict.fromkeys(("error_500", "error_429", "error_401", "html", "lost_answer"), share / 5)
        own.save(update_fields=["faults"])


class _InTables(Vendor):
    """Salesforce and Zoho keep their records alike."""

    tables: Any
    knobs: Any
    kinds: tuple[str, ...] = ()
    place: str = ""
    names: tuple[str, str, str]
    ample: dict[str, Any] = {}

    def count(self) -> None:
        self._count_strikes(self.knobs, "strikes")
        store = self.tables.TableStore
        add, save = store.add, store.save

        def added(own: Any, where: str, *rest: Any) -> Any:
            held = add(own, where, *rest)
            self._wrote(where, held.id, True)
            return held

        def saved(own: Any, held: Any, action: str) -> None:
            where = getattr(held, "sobject", "") or held.module
            before = own.get(held.id) if hasattr(held, "sobject") else own.get(where, held.id)
            save(own, held, action)
            self._wrote(where, held.id, before is None or before.values != held.values)

        self.patch.setattr(store, "add", added)
        self.patch.setattr(store, "save", saved)

    def _wrote(self, where: str, record_id: str, changed: bool) -> None:
        if where == self.place and changed and not self.by_hand:
            self.writes[record_id] += 1

    def put_back(self, by: timedelta) -> None:
        Record.objects.update(updated_at=F("updated_at") - by)

    def people(self) -> dict[str, Person]:
        key, given, phone = self.names
        rows = [held for held in self.tables.TableStore().rows(self.place) if not getattr(held, "deleted", False)]
        return {
            held.id: Person(str(held.values.get(key) or ""), str(held.values.get(given) or ""), digits(held.values.get(phone)))
            for held in rows
        }

    def strike(self, share: float) -> None:
        self.tables.TableStore().set_knobs({**self.ample, **dict.fromkeys(self.kinds, share / len(self.kinds))})

    @abstractmethod
    def act(self, **parts: Any) -> dict[str, Any]:
        """One deed of a person at the stand-in's own door; what it answers."""


class Salesforce(_InTables):
    tables, knobs, place = salesforce, salesforce_knobs, "Contact"
    kinds = ("error_500", "error_503", "html", "request_limit", "session_ended", "lost_answer", "lock_error")
    names = ("Scrm_Id__c", "FirstName", "Phone")
    ample = {"daily_calls": 10_000_000}

    def connection(self) -> Connection:
        given = salesforce.connection_settings()
        self.strike(0.0)
        return upsert_connection(
            "sf", label="Salesforce", kind="crm", adapter="salesforce", settings=given["settings"], secrets=given["secrets"]
        )

    def act(self, **parts: Any) -> dict[str, Any]:
        with self.hand(), salesforce.TableStore().guard():
            return salesforce_doors._act(parts)

    def add(self, given: str, phone: str) -> str:
        return str(self.act(act="add", object="Contact", values={"FirstName": given, "LastName": "Chan", "Phone": phone})["id"])

    def rename(self, record_id: str, given: str) -> None:
        self.act(act="edit", id=record_id, values={"FirstName": given})

    def remove(self, record_id: str) -> None:
        self.act(act="delete", id=record_id)


class Zoho(_InTables):
    tables, knobs, place = zoho, zoho_knobs, "Contacts"
    kinds = ("error_500", "html", "error_429", "token_ended", "lost_answer", "row_error", "record_locked")
    names = ("Scrm_ID", "First_Name", "Phone")
    ample = {"credits": 10_000_000, "tokens_in_ten_minutes": 100_000}

    def connection(self) -> Connection:
        given = zoho.connection_settings()
        self.strike(0.0)
        # It is kept by the wall's clock, which these tests do not wait for.
        self.patch.setattr(login, "SPACING", timedelta(0))
        return upsert_connection("zoho", label="Zoho", kind="crm", adapter="zoho", settings=given["settings"], secrets=given["secrets"])

    def act(self, **parts: Any) -> dict[str, Any]:
        with self.hand(), zoho.TableStore().guard():
            return zoho_doors._act({"module": "Contacts", **parts})

    def add(self, given: str, phone: str) -> str:
        return str(self.act(act="add", values={"First_Name": given, "Last_Name": "Chan", "Phone": phone})["id"])

    def rename(self, record_id: str, given: str) -> None:
        self.act(act="edit", id=record_id, values={"First_Name": given})

    def remove(self, record_id: str) -> None:
        self.act(act="erase", id=record_id)


@dataclass
class Rest(Vendor):
    """A server without schema, keys or feed of removals. `loopback` serves it; it fails in more ways than the vendors say they do."""

    refused: str = "bad"
    loopback: Any = None
    server: PoorServer = field(default_factory=PoorServer)
    share: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    huge: Answer = field(default_factory=lambda: Answer(200, bytes(50 << 20)), repr=False)

    def connection(self) -> Connection:
        self.patch.setattr(http, "READ", timedelta(seconds=STALL / 2))
        self.server.url, self.loopback.respond = self.loopback.url, self._respond
        crm = upsert_connection(
            "rest",
            label="REST",
            kind="crm",
            adapter="rest",
            settings={"base_url": self.loopback.url, "definition": definition("page")},
            secrets={"token": "tok-hk-1"},
        )
        for ours, theirs in (("full_name", "/name"), ("phone", "/phone")):
            FieldMapping.objects.create(connection=crm, kind="contact", source=ours, target=theirs, direction="both")
        return crm

    def add(self, given: str, phone: str) -> str:
        self.server.now = datetime.now(UTC)
        return str(self.server.add(name=f"{given} Chan", phone=phone))

    def rename(self, record_id: str, given: str) -> None:
        self.server.now = datetime.now(UTC)
        self.server.edit(int(record_id), name=f"{given} Chan")

    def remove(self, record_id: str) -> None:
        del self.server.rows[int(record_id)]

    def put_back(self, by: timedelta) -> None:
        # Minutes apart: what is as young as the youngest is shown again by the next run, whatever the position.
        for age, row in enumerate(reversed(self.server.rows.values())):
            at = datetime.fromisoformat(row["updated"]) - by - age * timedelta(minutes=3)
            row["updated"] = at.isoformat(timespec="seconds").replace("+00:00", "Z")

    def people(self) -> dict[str, Person]:
        rows = {str(number): row for number, row in self.server.rows.items()}
        return {
            pk: Person(str(v.get("scrm_id") or ""), str(v.get("name", "")).split(" ")[0], digits(v.get("phone"))) for pk, v in rows.items()
        }

    def strike(self, share: float) -> None:
        self.share = share

    def _respond(self, request: Any) -> Answer:
        throw = self.dice.random()
        if throw < self.share / 2:
            name, answer = self.dice.choice((*_REFUSALS, ("huge", self.huge), ("stalled", Answer(200, b"", broken=True))))
            self.struck[name] += 1
            time.sleep(STALL if name == "stalled" else 0)
            return answer
        answer = self._work(request)
        if throw < self.share:
            name, damage = self.dice.choice(_DAMAGES)
            self.struck[name] += 1
            return damage(answer)
        return answer

    def _work(self, request: Any) -> Answer:
        self.server.now = datetime.now(UTC)
        if request.method == "GET":
            return self.server(request)
        before = {number: dict(row) for number, row in self.server.rows.items()}
        answer = self.server(request)
        for number, row in self.server.rows.items():
            if _said(before.get(number)) != _said(row):
                self.writes[str(number)] += 1
        return answer


def _said(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {name: value for name, value in row.items() if name != "updated"}


_REFUSALS: tuple[tuple[str, Answer], ...] = (
    ("error_500", Answer(500, b'{"detail": "It broke."}')),
    ("error_503", Answer(503, b"")),
    ("error_429", Answer(429, b'{"detail": "Slow down."}', {"Retry-After": "7"})),
    ("html", Answer(200, b"<html><body>Bad gateway</body></html>", {"Content-Type": "text/html"})),
    ("reset", Answer(200, b"", broken=True)),
    ("gzip_bomb", Answer(200, gzip.compress(bytes(40 << 20), 1), {"Content-Encoding": "gzip"})),
    ("error_in_200", Answer(200, b'{"error": "It broke.", "status": 500}')),
)
_DAMAGES: tuple[tuple[str, Callable[[Answer], Answer]], ...] = (
    ("lost_answer", lambda answer: Answer(answer.status, b"", broken=True)),
    ("cut_short", lambda answer: Answer(answer.status, answer.body[: len(answer.body) // 2])),
    ("wrong_charset", lambda answer: Answer(answer.status, b"\xff\xfe" + answer.body)),
    ("lost_by_a_proxy", lambda answer: Answer(502, b"<html><body>Bad gateway</body></html>")),
)

VENDORS: dict[str, type[Vendor]] = {"hubspot": HubSpot, "salesforce": Salesforce, "zoho": Zoho, "rest": Rest}


def vendor_named(name: str, url: str, patch: pytest.MonkeyPatch, loopback: Any) -> Vendor:
    """One of them, counting. `url` is where Django serves the stand-ins, `loopback` a server for what has none there."""
    made = VENDORS[name](url, patch)
    if isinstance(made, Rest):
        made.loopback = loopback
    made.count()
    return made
