"""kill -9 of the sync's processes at each named point and at any moment, with each vendor's stand-in on the other side.

Whatever was cut off, the next process goes on from what was committed, and both sides end as if nothing had happened: everybody there
once, every edit on both sides, and no record written more often than it was edited. `make faults` kills more often, among more people.
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
from scrm.sync import engine, feeds, pulls, verification
from scrm.sync.models import ExternalRecord, Push, Verification
from scrm.sync.services import want
from tests.connectors.conftest import loopback  # noqa: F401
from tests.faults import storms
from tests.faults.mortal import KILLED, in_a_fork
from tests.faults.sabotage import sabotaged
from tests.faults.scale import SHARE, draw, size
from tests.faults.storms import here
from tests.faults.vendors import VENDORS, Vendor, vendor_named
from tests.sync.conftest import Shop
from tests.sync.fake_crm import FarSide

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.faults.vendor_urls"),
]
POINTS = ("pull.read", "pull.page", "pull.committed", "push.read", "push.written", "push.stored", "verify.chunk")
# Where what the other side says or does comes into it. Nothing of ours behind them differs between vendors.
VENDOR_POINTS = ("pull.page", "push.written")
PEOPLE, KILLS = size(7, 50), size(5, 60)


def each(vendor: str, *more: Any) -> Any:
    """In short only one vendor is asked on both databases."""
    return pytest.param(vendor, *more, marks=[] if vendor == "hubspot" or SHARE else [pytest.mark.any_database])


@pytest.fixture(autouse=True)
def running_clock() -> Iterator[None]:
    with clock.frozen(datetime.now(UTC)):
        yield


@pytest.fixture
def vendor(request: pytest.FixtureRequest, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, loopback: Any) -> Vendor:  # noqa: F811
    settings.SANDBOX_URL = live_server.url
    monkeypatch.setattr(feeds, "PAGE", 3)
    return vendor_named(request.param, live_server.url, monkeypatch, loopback)


@pytest.fixture
def shop(vendor: Vendor) -> Shop:
    """As many people there as here, none of whom the other side knows. Theirs are an hour old: no overlap reads them twice."""
    channel = Connection.objects.create(slug="hk", label="Harbour Lane HK", kind="channel", adapter="whatsapp_cloud")
    made = Shop(vendor.connection(), channel, FarSide())
    assert engine.ready(made.crm) is not None
    for number in range(PEOPLE):
        vendor.add(f"Far{number}", f"+8529700{number:04}")
    vendor.put_back(timedelta(hours=1))
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
    verification.verify(Connection.objects.get(kind="crm"), "contact", sample=None, repair=True)


def killed_at(point: str) -> bool:
    """A machine that is busy otherwise may not come that far within the first minutes."""
    for _ in range(5):
        if in_a_fork(work, crash_at=point) == KILLED:
            return True
        clock.advance(timedelta(minutes=3))
    return False


def recover() -> None:
    """What the dead held is free after two minutes; then three processes that nobody kills."""
    for _ in range(3):
        clock.advance(timedelta(minutes=3))
        assert in_a_fork(work) == 0


def killed_at_any_moment(dice: random.Random, times: int = KILLS) -> int:
    """How many of the processes were still at work when they were killed."""
    deaths = 0
    for _ in range(times):
        # As often within the moments that a quick machine takes for all of it as later.
        deaths += in_a_fork(work, after=dice.uniform(0.0, dice.choice((0.03, 0.15, 0.8)))) == KILLED
        clock.advance(timedelta(minutes=3))
    return deaths


def edit_everybody(vendor: Vendor) -> tuple[dict[str, str], dict[str, int]]:
    """Half of them here, half there: the given name that each record must show in the end, and how often we may have written it."""
    wanted, allowed = {}, {}
    for turn, row in enumerate(ExternalRecord.objects.order_by("pk")):
        wanted[row.external_id] = given = f"New{turn}"
        allowed[row.external_id] = 1 if turn % 2 else 2
        if turn % 2:
            vendor.rename(row.external_id, given)
        else:
            here(Contact.objects.get(pk=row.key), name=f"{given} Chan")
    return wanted, allowed


def is_as_undisturbed(vendor: Vendor) -> bool:
    """Everybody stands on both sides once, under the same name."""
    there = sorted(person.given for person in vendor.people().values())
    here_ = sorted(name.removesuffix(" Chan") for name in Contact.objects.values_list("name", flat=True))
    everybody = sorted([f"Far{number}" for number in range(PEOPLE)] + [f"Near{number}" for number in range(PEOPLE)])
    return there == here_ == everybody and ExternalRecord.objects.count() == len(everybody)


class Deaths:
    @pytest.mark.parametrize(
        ("vendor", "point"),
        [each(vendor, point) for vendor in VENDORS for point in POINTS if vendor == "hubspot" or SHARE or point in VENDOR_POINTS],
        indirect=["vendor"],
    )
    def test_at_a_named_point_change_nothing_in_the_end(self, shop: Shop, vendor: Vendor, point: str) -> None:
        assert killed_at(point)
        clock.advance(timedelta(minutes=3))
        recover()
        assert is_as_undisturbed(vendor)
        assert set(vendor.writes.values()) == {1}
        assert set(Push.objects.values_list("state", "last_error")) == {("done", "")}
        done = Verification.objects.order_by("-pk")[0]
        assert (done.checked, done.drifted, done.missing, done.unknown) == (2 * PEOPLE, 0, 0, 0)

    @pytest.mark.parametrize("vendor", [each(vendor) for vendor in VENDORS], indirect=True)
    def test_would_lose_people_if_the_position_came_before_the_effects(self, shop: Shop, vendor: Vendor) -> None:
        with sabotaged("early_position"):
            assert in_a_fork(feeds.pull_due, crash_at="pull.page") == KILLED
            clock.advance(timedelta(minutes=3))
            for _ in range(2):
                assert in_a_fork(lambda: feeds.pull_due(at_once=True)) == 0
        assert Contact.objects.filter(name__startswith="Far").count() < PEOPLE

    @pytest.mark.parametrize("vendor", [each(vendor) for vendor in VENDORS], indirect=True)
    def test_at_any_moment_change_nothing_in_the_end(self, shop: Shop, vendor: Vendor) -> None:
        dice = draw(f"deaths at {type(vendor).__name__}")
        deaths = killed_at_any_moment(dice)
        recover()
        assert deaths and is_as_undisturbed(vendor)
        wanted, allowed = edit_everybody(vendor)
        deaths += killed_at_any_moment(dice)
        recover()
        found = vendor.people()
        told = f"{type(vendor).__name__}: {len(found)} people, {deaths} of {2 * KILLS} killed at work, {vendor.writes.total()} writes"
        storms.say(told)
        assert {record: person.given for record, person in found.items()} == wanted
        assert sorted(Contact.objects.values_list("name", flat=True)) == sorted(f"{given} Chan" for given in wanted.values())
        assert {record: count for record, count in vendor.writes.items() if count > allowed[record]} == {}
        assert set(Push.objects.values_list("state", "last_error")) == {("done", "")}
