"""The sync with each vendor's stand-in over loopback while up to three calls in ten fail, and with both sides edited meanwhile.

Short here; SYNC_RECORDS=1000 makes it long (`make faults`). Counted at the CRM's side.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stamina

from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sync import engine, feeds, pulls, verification
from scrm.sync.models import ExternalRecord, Pull, Push
from scrm.sync.services import want
from tests.connectors.conftest import loopback  # noqa: F401
from tests.faults import storms
from tests.faults.storms import RECORDS, SHARES, calm, go_on, here
from tests.faults.vendors import VENDORS, Vendor, vendor_named
from tests.sync.conftest import Shop
from tests.sync.fake_crm import FarSide

# One in so many records is given a name that the CRM never takes.
REFUSED_EACH = 50 if RECORDS > 30 else 5
MOST_GROWTH_KB = 100 * 1024

pytestmark = [
    pytest.mark.any_database,  # `test_sync_faults` has the same with a CRM in memory, on both
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.faults.vendor_urls"),
]


@pytest.fixture(autouse=True)
def running_clock() -> Iterator[None]:
    """The stand-ins live by the wall clock; ours begins there and only jumps ahead."""
    with clock.frozen(datetime.now(UTC)):
        yield


@pytest.fixture(autouse=True)
def short_waits() -> Iterator[None]:
    stamina.set_testing(True, attempts=2, cap=True)
    yield
    stamina.set_testing(False)


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, loopback: Any) -> Vendor:  # noqa: F811
    settings.SANDBOX_URL = live_server.url
    return vendor_named(request.param, live_server.url, monkeypatch, loopback)


@pytest.fixture
def shop(vendor: Vendor) -> Shop:
    channel = Connection.objects.create(slug="hk", label="Harbour Lane HK", kind="channel", adapter="whatsapp_cloud")
    return Shop(vendor.connection(), channel, FarSide())


def rename_here(contact: Contact, given: str) -> None:
    here(contact, name=f"{given} Chan")


def people(shop: Shop, vendor: Vendor, count: int) -> list[Contact]:
    """Half of them known to us first, half to the CRM."""
    for number in range(count // 2):
        vendor.add(f"Far{number}", f"+8529700{number:04}")
    ours = [shop.customer(f"Near{number} Chan") for number in range(count - count // 2)]
    for contact in ours:
        want(shop.crm, "contact", str(contact.pk))
    let_the_second_pass()
    calm()
    return list(Contact.objects.order_by("pk"))


def let_the_second_pass() -> None:
    """What was edited in this second is behind the end of a window that ends now."""
    time.sleep(1.02 - time.time() % 1)


class TestStorms:
    @pytest.mark.parametrize("share", SHARES)
    def test_all_end_in_step_or_given_up_with_a_reason(self, shop: Shop, vendor: Vendor, share: float) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        vendor.strike(share)
        begun = clock.now()
        everybody = people(shop, vendor, RECORDS)
        allowed = dict.fromkeys(vendor.people(), 1)
        wanted: dict[int, str] = {}
        refused = {str(contact.pk) for contact in everybody[3::REFUSED_EACH]}
        for turn, contact in enumerate(everybody):
            record = ExternalRecord.objects.filter(key=str(contact.pk)).first()
            if str(contact.pk) in refused:
                here(contact, name=vendor.refused)
                continue
            wanted[contact.pk] = given = f"{'Theirs' if turn % 2 else 'Ours'}{turn}"
            if turn % 2 and record is not None:
                vendor.rename(record.external_id, given)
            else:
                rename_here(contact, given)
                if record is not None:
                    allowed[record.external_id] = 2
            if turn % 10 == 0:
                go_on(minutes=0.2)
        let_the_second_pass()
        calm()
        vendor.strike(0.0)
        dead = set(Push.objects.filter(state="dead").values_list("key", flat=True))
        dead_ids = set(Pull.objects.filter(state="dead").values_list("external_id", flat=True))
        assert not Push.objects.filter(state="dead", last_error="").exists()
        assert not Pull.objects.filter(state="dead", last_error="").exists()
        run = verification.verify(shop.crm, "contact", sample=None)
        assert run is not None
        found = vendor.people()
        told = f"{type(vendor).__name__} {share:.0%}: {len(everybody)} people, {sum(vendor.struck.values())} faults"
        told += f" {dict(vendor.struck)}, {sum(vendor.writes.values())} writes, {len(dead) + len(dead_ids)} given up"
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        storms.say(f"{told} {storms.reasons()}, +{grown // 1024} MB, {(clock.now() - begun) / timedelta(hours=1):.0f} h of the clock")
        assert grown < MOST_GROWTH_KB
        assert refused <= dead and len(dead) < len(refused) + RECORDS / 20
        kept = {found[row.external_id].given for row in ExternalRecord.objects.filter(key__in=refused)}
        assert vendor.refused.split()[0] not in kept
        assert (run.drifted, run.missing, run.unknown) == (0, 0, 0)
        assert run.pending <= len(dead) + len(dead_ids)
        assert sum(vendor.struck.values()) > 0
        in_step = {str(contact.pk) for contact in everybody} - dead
        linked = {row.key: found[row.external_id] for row in ExternalRecord.objects.exclude(external_id__in=dead_ids) if row.key in in_step}
        assert {key: person.given for key, person in linked.items()} == {key: wanted[int(key)] for key in linked}
        assert {c.name for c in Contact.objects.filter(pk__in=linked)} == {f"{wanted[int(key)]} Chan" for key in linked}
        assert len({person.phone for person in found.values()}) == len(found) <= len(everybody)
        assert {record: count for record, count in vendor.writes.items() if count > allowed.get(record, 1)} == {}

        self.put_right(shop, vendor, refused)

    @staticmethod
    def put_right(shop: Shop, vendor: Vendor, refused: set[str]) -> None:
        """What was given up is corrected here and written after all."""
        for key in refused:
            rename_here(Contact.objects.get(pk=key), f"Fixed{key}")
        calm()
        records = {row.key: row.external_id for row in ExternalRecord.objects.filter(key__in=refused)}
        found = vendor.people()
        assert {key: found[records[key]].given for key in refused} == {key: f"Fixed{key}" for key in refused}
        assert not Push.objects.filter(key__in=refused, state="dead").exists()


class TestRemovals:
    def test_a_record_that_is_deleted_there_is_not_made_again(self, shop: Shop, vendor: Vendor) -> None:
        record = vendor.add("Amy", "+85297001234")
        let_the_second_pass()
        calm()
        vendor.remove(record)
        let_the_second_pass()
        clock.advance(timedelta(minutes=11))
        calm()
        rename_here(Contact.objects.get(), "Amanda")
        calm()
        assert ExternalRecord.objects.get().removed_at is not None
        assert vendor.people() == {} and Contact.objects.get().name == "Amanda Chan"


class TestBothSidesAtOnce:
    def test_every_clash_is_listed_and_none_is_lost(self, shop: Shop, vendor: Vendor) -> None:
        """Both sides give everybody another name at nearly the same time. Ours moves with the wall's clock here."""
        for number in range(min(RECORDS, 12)):
            vendor.add(f"Far{number}", f"+8529700{number:04}")
        let_the_second_pass()
        steps(2)
        everybody = list(Contact.objects.order_by("pk"))
        records = {int(row.key): row.external_id for row in ExternalRecord.objects.all()}
        assert len(everybody) == len(records) == min(RECORDS, 12)
        for turn, contact in enumerate(everybody):
            in_step_with_the_wall()
            if turn % 2:
                vendor.rename(records[contact.pk], f"Theirs{turn}")
            rename_here(contact, f"Ours{turn}")
            if not turn % 2:
                vendor.rename(records[contact.pk], f"Theirs{turn}")
        let_the_second_pass()
        steps(6)
        found, lost = vendor.people(), []
        for turn, contact in enumerate(everybody):
            contact.refresh_from_db()
            listed = storms.listed(contact.pk, "name")
            if listed != {f"Ours{turn} Chan", f"Theirs{turn} Chan"} or contact.name not in listed:
                lost.append((contact.name, found[records[contact.pk]].given, listed))
        assert lost == []
        storms.say(f"{type(vendor).__name__}: {len(everybody)} clashes, {storms.listed_count('name')} listed, {len(lost)} lost")


def in_step_with_the_wall() -> None:
    clock.advance(datetime.now(UTC) - clock.now())


def steps(count: int) -> None:
    """What falls due within the minute, as often as one step leads to the next."""
    for _ in range(count):
        in_step_with_the_wall()
        engine.push_due(ahead=timedelta(minutes=1))
        in_step_with_the_wall()
        feeds.pull_due(at_once=True)
        in_step_with_the_wall()
        pulls.read_due(ahead=timedelta(minutes=1))


class TestDrift:
    def test_is_found_by_the_sample_and_by_the_full_comparison(self, shop: Shop, vendor: Vendor) -> None:
        """Every fourth of twelve people is changed here behind everybody's back."""
        everybody = people(shop, vendor, 12)
        drifted = everybody[::4]
        for contact in drifted:
            Contact.objects.filter(pk=contact.pk).update(name="Drift Chan")
        clock.advance(timedelta(minutes=10))
        for sample in (100, None):
            run = verification.verify(shop.crm, "contact", sample=sample, seed=7)
            assert run is not None
            assert (run.checked, run.drifted) == (12, len(drifted)), [each.differences for each in run.records.filter(state="drifted")]
            assert set(run.records.filter(state="drifted").values_list("key", flat=True)) == {str(each.pk) for each in drifted}
        verification.verify(shop.crm, "contact", sample=None, repair=True)
        calm()
        clock.advance(timedelta(minutes=10))
        again = verification.verify(shop.crm, "contact", sample=None)
        assert again is not None and (again.drifted, again.agreed) == (0, 12)
