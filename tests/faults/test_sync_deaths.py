"""kill -9 of the sync's processes at each named point and at any moment, with HubSpot's stand-in on the other side.

Whatever was cut off, the next process goes on from what was committed, and both sides end as if nothing had happened: everybody there
once, every edit on both sides, and no record written more often than it was edited.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sandbox.crm.models import Record
from scrm.sync import engine, feeds, pulls, verification
from scrm.sync.models import ExternalRecord, Push, Verification
from scrm.sync.services import want
from tests.faults.mortal import KILLED, in_a_fork
from tests.faults.sabotage import sabotaged
from tests.faults.storms import SEED, here
from tests.faults.vendors import HubSpot
from tests.sync.conftest import Shop
from tests.sync.fake_crm import FarSide

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.faults.vendor_urls"),
]
POINTS = ("pull.read", "pull.page", "pull.committed", "push.read", "push.written", "push.stored", "verify.chunk")
PEOPLE = 7


@pytest.fixture(autouse=True)
def running_clock() -> Iterator[None]:
    with clock.frozen(datetime.now(UTC)):
        yield


@pytest.fixture
def vendor(live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> HubSpot:
    settings.SANDBOX_URL = live_server.url
    monkeypatch.setattr(feeds, "PAGE", 3)
    return HubSpot(live_server.url, monkeypatch)


@pytest.fixture
def shop(vendor: HubSpot) -> Shop:
    """As many people there as here, none of whom the other side knows. Theirs are an hour old: no overlap reads them twice."""
    channel = Connection.objects.create(slug="hk", label="Harbour Lane HK", kind="channel", adapter="whatsapp_cloud")
    made = Shop(vendor.connection(), channel, FarSide())
    assert engine.ready(made.crm) is not None
    for number in range(PEOPLE):
        vendor.add(f"Far{number}", f"+8529700{number:04}")
    Record.objects.filter(object_type="contacts").update(updated_at=datetime.now(UTC) - timedelta(hours=1))
    for number in range(PEOPLE):
        want(made.crm, "contact", str(made.customer(f"Near{number} Chan").pk))
    return made


def work() -> None:
    """A minute of the sync's workers, and a comparison of everything that puts right what it finds."""
    for _ in range(2):
        feeds.pull_due(at_once=True)
        while engine.push_due(ahead=timedelta(seconds=2)):
            pass
        pulls.read_due()
    verification.verify(Connection.objects.get(slug="hubspot"), "contact", sample=None, repair=True)


def recover() -> None:
    """What the dead held is free after two minutes; then three processes that nobody kills."""
    for _ in range(3):
        clock.advance(timedelta(minutes=3))
        assert in_a_fork(work) == 0


def edit_everybody(shop: Shop, vendor: HubSpot) -> dict[str, str]:
    """The given name that each record must show in the end."""
    wanted = {}
    for turn, row in enumerate(ExternalRecord.objects.order_by("pk")):
        wanted[row.external_id] = given = f"New{turn}"
        if turn % 2:
            vendor.rename(row.external_id, given)
        else:
            here(Contact.objects.get(pk=row.key), name=f"{given} Chan")
    return wanted


def is_as_undisturbed(vendor: HubSpot) -> bool:
    """Everybody stands on both sides once, under the same name."""
    there = sorted(person.given for person in vendor.people().values())
    here_ = sorted(name.removesuffix(" Chan") for name in Contact.objects.values_list("name", flat=True))
    everybody = sorted([f"Far{number}" for number in range(PEOPLE)] + [f"Near{number}" for number in range(PEOPLE)])
    return there == here_ == everybody and ExternalRecord.objects.count() == len(everybody)


class Deaths:
    @pytest.mark.parametrize("point", POINTS)
    def test_at_a_named_point_change_nothing_in_the_end(self, shop: Shop, vendor: HubSpot, point: str) -> None:
        assert in_a_fork(work, crash_at=point) == KILLED
        clock.advance(timedelta(minutes=3))
        recover()
        assert is_as_undisturbed(vendor)
        assert set(vendor.writes.values()) == {1}
        assert set(Push.objects.values_list("state", "last_error")) == {("done", "")}
        done = Verification.objects.order_by("-pk")[0]
        assert (done.checked, done.drifted, done.missing, done.unknown) == (2 * PEOPLE, 0, 0, 0)

    def test_would_lose_people_if_the_position_came_before_the_effects(self, shop: Shop, vendor: HubSpot) -> None:
        with sabotaged("early_position"):
            assert in_a_fork(feeds.pull_due, crash_at="pull.page") == KILLED
            clock.advance(timedelta(minutes=3))
            for _ in range(2):
                assert in_a_fork(lambda: feeds.pull_due(at_once=True)) == 0
        assert Contact.objects.filter(name__startswith="Far").count() < PEOPLE

    def test_at_any_moment_change_nothing_in_the_end(self, shop: Shop, vendor: HubSpot) -> None:
        dice, deaths = random.Random(SEED), 0
        for _ in range(5):
            deaths += in_a_fork(work, after=dice.uniform(0.02, 0.8)) == KILLED
            clock.advance(timedelta(minutes=3))
        recover()
        assert deaths and is_as_undisturbed(vendor)
        wanted = edit_everybody(shop, vendor)
        for _ in range(5):
            in_a_fork(work, after=dice.uniform(0.02, 0.8))
            clock.advance(timedelta(minutes=3))
        recover()
        found = vendor.people()
        assert {record: person.given for record, person in found.items()} == wanted
        assert sorted(Contact.objects.values_list("name", flat=True)) == sorted(f"{given} Chan" for given in wanted.values())
        assert max(vendor.writes.values()) <= 2
