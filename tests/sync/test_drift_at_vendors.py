"""What differs although nobody said so is found in each kind, at each CRM, by the day's sample and by the comparison of all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from scrm.commerce.models import Order
from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sync import verification
from scrm.sync.models import ExternalRecord, SaleState
from scrm.sync.services import want
from tests.connectors.conftest import loopback  # noqa: F401
from tests.faults.vendors import VENDORS, Vendor
from tests.sync.begun_there import begin, hear_of_all
from tests.sync.test_trade_at_vendors import MOVES, drain, drain_until, move, shop_of, vendor_of

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.faults.vendor_urls"),
]
KINDS = ("contact", "deal", "case", "order")


@pytest.fixture(autouse=True)
def running_clock(standing_clock: None) -> Iterator[None]:
    with clock.frozen(datetime.now(UTC)):
        yield


def filled(vendor: Vendor) -> Connection:
    """A contact, a deal and a case of ours that stand there, and an order of theirs that stands here."""
    shop = shop_of(vendor)
    hear_of_all(shop.crm)
    talk = shop.conversation(shop.customer("佐藤花子"))
    for kind in ("deal", "case"):
        want(shop.crm, kind, f"conversation:{talk.pk}")
    drain_until(lambda: ExternalRecord.objects.filter(kind__in=KINDS[:3]).count() == 3)
    begin(vendor, "order", ExternalRecord.objects.get(kind="contact").external_id)
    drain_until(Order.objects.exists)
    drain()
    clock.advance(timedelta(minutes=10))
    drain()
    return shop.crm


def drifted(crm: Connection, *, sample: int | None, repair: bool = False) -> dict[str, int]:
    """{kind: how many differ}."""
    runs = {kind: verification.verify(crm, kind, sample=sample, repair=repair) for kind in KINDS}
    assert {kind: run and run.checked for kind, run in runs.items()} == dict.fromkeys(KINDS, 1)
    return {kind: run.drifted for kind, run in runs.items() if run is not None}


@pytest.mark.parametrize("name", list(VENDORS))
def test_is_found_in_each_kind_and_put_right(
    name: str,
    live_server: Any,
    settings: Any,
    monkeypatch: Any,
    loopback: Any,  # noqa: F811
) -> None:
    crm = filled(vendor_of(name, live_server, settings, monkeypatch, loopback))
    assert drifted(crm, sample=100) == drifted(crm, sample=None) == dict.fromkeys(KINDS, 0)
    # A deal and a case are called after their contact.
    Contact.objects.update(name="佐藤由紀")
    Order.objects.update(total=Decimal(999))
    assert drifted(crm, sample=100) == drifted(crm, sample=None, repair=True) == dict.fromkeys(KINDS, 1)
    drain()
    clock.advance(timedelta(minutes=10))
    drain()
    assert drifted(crm, sample=100) == drifted(crm, sample=None) == dict.fromkeys(KINDS, 0)
    assert Order.objects.get().total == Decimal(256)


@pytest.mark.parametrize("name", list(VENDORS))
def test_is_found_in_our_copies_of_deals_and_cases(
    name: str,
    live_server: Any,
    settings: Any,
    monkeypatch: Any,
    loopback: Any,  # noqa: F811
) -> None:
    vendor = vendor_of(name, live_server, settings, monkeypatch, loopback)
    crm = filled(vendor)
    for kind, fields in zip(("deal", "case"), MOVES[name], strict=True):
        move(vendor, kind, ExternalRecord.objects.get(kind=kind).external_id, fields)
        begin(vendor, kind, ExternalRecord.objects.get(kind="contact").external_id, number=f"{kind}-2")
    moved = [str(value) for fields in MOVES[name] for value in fields.values()]
    drain_until(lambda: SaleState.objects.count() == 4 and SaleState.objects.filter(stage__in=moved).count() == 2)
    clock.advance(timedelta(minutes=10))
    drain()
    other = Contact.objects.create(name="林怡君", last_activity_at=clock.now(), created_at=clock.now(), updated_at=clock.now())
    before = list(SaleState.objects.order_by("pk").values("stage", "amount", "contact"))
    for sample in (100, None):
        assert copies_drifted(crm, sample) == {"deal": (2, 0), "case": (2, 0)}
        SaleState.objects.update(stage="別的")
        SaleState.objects.exclude(amount=None).update(amount=Decimal(1))
        SaleState.objects.filter(key__startswith="crm:").update(contact=other)
        assert copies_drifted(crm, sample, repair=True) == {"deal": (2, 2), "case": (2, 2)}
        drain()
        clock.advance(timedelta(minutes=10))
        drain()
        assert list(SaleState.objects.order_by("pk").values("stage", "amount", "contact")) == before
    assert copies_drifted(crm, 100) == {"deal": (2, 0), "case": (2, 0)}


def copies_drifted(crm: Connection, sample: int | None, *, repair: bool = False) -> dict[str, tuple[int, int]]:
    """{kind: (how many were compared, how many differ)}."""
    runs = {kind: verification.verify(crm, kind, sample=sample, repair=repair) for kind in ("deal", "case")}
    return {kind: (run.checked, run.drifted) for kind, run in runs.items() if run is not None}
