"""A CRM in memory that fails in every way, both sides edited meanwhile, and what must hold in the end. Counted at the CRM's side.

The short forms are in `test_sync_faults`; SYNC_RECORDS and SYNC_CYCLES make them long.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import ConnectorError, OutcomeUnknown, Rejected, TryLater, Unreachable
from scrm.connections import breaker
from scrm.connections.models import Connection
from scrm.contacts import fields
from scrm.contacts.models import Contact, FieldConflict
from scrm.core import clock
from scrm.sync import engine, feeds, holding, pulls
from scrm.sync.models import ExternalRecord, FieldMapping, Pull, Push, SyncCursor
from scrm.sync.services import want
from tests.sync.conftest import Shop
from tests.sync.fake_crm import FAR_SIDES, FakeCrm, FarSide

RECORDS = int(os.environ.get("SYNC_RECORDS", "8"))
CYCLES = int(os.environ.get("SYNC_CYCLES", "6"))
# How many of all calls fail. A few records meet one in a hundred too seldom to say anything.
SHARES = (0.01, 0.1, 0.3) if RECORDS > 30 else (0.3,)
SEED = int(os.environ.get("SYNC_SEED", "20261122"))
_FAILURES: tuple[Callable[[], ConnectorError], ...] = (
    lambda: OutcomeUnknown("The server broke", code="HTTP 500"),
    lambda: TryLater("Slow down", after=timedelta(seconds=10), scope="connection", times=None, code="HTTP 429"),
    lambda: Unreachable("Connection refused"),
    lambda: OutcomeUnknown("The answer is not JSON", code="HTTP 200"),
    lambda: Rejected("A page of HTML", code="HTTP 400"),
)


@dataclass
class Storm:
    """Strikes calls of the adapter: before the work, or after it so that only the answer is lost.

    `effective`: how many writes of ours changed each record.
    """

    share: float
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))
    struck: int = 0
    effective: Counter[str] = field(default_factory=Counter)

    def rages_over(self, monkeypatch: Any) -> None:
        for name in ("apply", "changes", "removals", "read"):
            monkeypatch.setattr(FakeCrm, name, self._struck(getattr(FakeCrm, name)))

    def counts(self, monkeypatch: Any) -> None:
        put = FarSide.put

        def counted(far: FarSide, record_id: str, values: Any, *, at: Any = None) -> None:
            before = dict(far.fields.get(record_id, {}))
            put(far, record_id, values, at=at)
            if at is None and far.fields[record_id] != before and not getattr(far, "by_hand", False):
                self.effective[record_id] += 1

        monkeypatch.setattr(FarSide, "put", counted)

    def _struck(self, call: Any) -> Any:
        def strike(crm: FakeCrm, *arguments: Any) -> Any:
            throw = self.dice.random()
            if throw < self.share / 2:
                self.struck += 1
                raise self.dice.choice(_FAILURES)()
            answer = call(crm, *arguments)
            if throw < self.share:
                self.struck += 1
                raise OutcomeUnknown("The answer was lost", code="HTTP 502")
            return answer

        return strike


def by_hand(far: FarSide, record_id: str, **values: Any) -> None:
    """Somebody edits a record over there."""
    far.by_hand = True  # type: ignore[attr-defined]
    far.put(record_id, values)
    far.by_hand = False  # type: ignore[attr-defined]


def here(contact: Contact, **values: str) -> None:
    """Staff edit a contact."""
    fields.offer([fields.Offer(contact, values, "person", clock.now(), by="mei", blanks_count=True)])
    for crm in Connection.objects.filter(kind="crm"):
        want(crm, "contact", str(contact.pk))


def both_ways(crm: Connection) -> None:
    FieldMapping.objects.filter(connection=crm, kind="contact").exclude(source="last_message_at").update(direction="both")
    FieldMapping.objects.create(connection=crm, kind="contact", source="company", target="company", direction="both")


def second_crm(far: FarSide) -> Connection:
    crm = Connection.objects.create(slug="second", label="Second CRM", kind="crm", adapter="fake", secrets={"token": "t"})
    FAR_SIDES["second"] = far
    for ours, theirs in (("first_name", "firstname"), ("last_name", "lastname"), ("phone", "phone"), ("company", "company")):
        FieldMapping.objects.create(connection=crm, kind="contact", source=ours, target=theirs, direction="both")
    return crm


def go_on(*, minutes: float = 1.1, steps: int = 1) -> int:
    """What the workers do in a while; how much it was."""
    done = 0
    for _ in range(steps):
        clock.advance(timedelta(minutes=minutes))
        done += feeds.pull_due() + pulls.read_due()
        while taken := engine.push_due():
            done += taken
        holding.release()
    return done


def calm(*, longest: int = 400 + 4 * RECORDS) -> None:
    """Until nothing is on its way any more, and every feed was read to its end since. Whoever is asked to log in again does so."""
    begun = clock.now()
    for _ in range(longest):
        go_on()
        for crm in Connection.objects.filter(kind="crm", state="needs_login"):
            breaker.restore(crm)
        if not _on_its_way() and _all_read_since(begun):
            go_on(steps=3)
            if not _on_its_way():
                return
    raise AssertionError("it never came to rest")


def _on_its_way() -> bool:
    due = Push.objects.filter(state="due").exists() or Pull.objects.filter(state="due").exists()
    return due or Connection.objects.filter(kind="crm").exclude(resume_at=None).exists()


def _all_read_since(moment: datetime) -> bool:
    """The comparison calls what changed three minutes before the last look news, so the look must be later than that."""
    late = SyncCursor.objects.filter(feed="changes").exclude(finished_at__gt=moment + timedelta(minutes=4))
    return not late.exists()


def stands(far: FarSide) -> dict[str, tuple[Any, ...]]:
    """What the CRM holds, by the phone's number."""
    return {
        str(each.get("phone")): tuple(each.get(name, "") for name in ("firstname", "lastname", "company")) for each in far.fields.values()
    }


def stands_here() -> dict[str, tuple[str, str]]:
    return {str(row.identities.first()): (row.name, row.company) for row in Contact.objects.filter(merged_into=None)}


def lost_silently(edits: dict[int, tuple[str, str]], shop: Shop) -> list[int]:
    """Contacts whose company on either side shows neither edit, or where a losing edit is listed nowhere."""
    lost = []
    for pk, (ours, theirs) in edits.items():
        shown = Contact.objects.get(pk=pk).company
        record = shop.far.fields[ExternalRecord.objects.get(connection=shop.crm, key=str(pk)).external_id]["company"]
        rows = FieldConflict.objects.filter(contact=pk, field="company").values_list("shown", "other")
        listed = {value for pair in rows for value in pair}
        if not {ours, theirs} <= {shown, record} | listed or shown not in (ours, theirs) or record not in (ours, theirs):
            lost.append(pk)
    return lost


def listed(contact: int, name: str) -> set[str]:
    """Both values of each difference about this field that people are shown."""
    rows = FieldConflict.objects.filter(contact=contact, field=name).values_list("shown", "other")
    return {value for pair in rows for value in pair}


def listed_count(name: str) -> int:
    return FieldConflict.objects.filter(field=name).values("contact").distinct().count()


def reasons() -> dict[str, int]:
    """Why writes were given up, and how often."""
    return dict(Counter(Push.objects.filter(state="dead").values_list("last_error", flat=True)))


def say(text: str) -> None:
    """A line of figures, shown by `pytest -s`."""
    sys.stdout.write(f"\n{text}\n")
