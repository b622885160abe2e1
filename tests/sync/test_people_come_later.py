"""A deal, a case or an order that came before its person is taken over by itself as soon as that person is linked, at each CRM."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from scrm.commerce.models import Order
from scrm.core import clock
from scrm.sync.models import AwaitedPerson, ExternalRecord, Pull, SaleState, SyncPlan
from tests.connectors.conftest import loopback  # noqa: F401
from tests.faults.vendors import VENDORS
from tests.sync.begun_there import KINDS, begin, hear_of_all
from tests.sync.test_trade_at_vendors import drain, drain_until, shop_of, vendor_of

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.faults.vendor_urls"),
]


@pytest.fixture(autouse=True)
def running_clock(standing_clock: None) -> Iterator[None]:
    with clock.frozen(datetime.now(UTC)):
        yield


@pytest.mark.parametrize("name", list(VENDORS))
def test_each_kind_comes_once_its_person_does(
    name: str,
    live_server: Any,
    settings: Any,
    monkeypatch: Any,
    loopback: Any,  # noqa: F811
) -> None:
    vendor = vendor_of(name, live_server, settings, monkeypatch, loopback)
    shop = shop_of(vendor)
    hear_of_all(shop.crm)
    plan = SyncPlan.objects.create(connection=shop.crm, kind="contact", makes_new=False)
    person = vendor.add("美玲", "+85298765432")
    records = {kind: begin(vendor, kind, person) for kind in KINDS}
    mine = Pull.objects.filter(external_id__in=records.values())
    drain_until(lambda: mine.filter(state="left").count() == 3)
    assert dict(mine.filter(state="left").values_list("kind", "external_id")) == records
    assert set(AwaitedPerson.objects.values_list("person", flat=True)) == {person}
    assert not SaleState.objects.exists() and not Order.objects.exists()
    plan.makes_new = True
    plan.save()
    vendor.rename(person, "美鈴")
    drain_until(lambda: ExternalRecord.objects.exclude(kind="contact").count() == 3)
    contact = int(ExternalRecord.objects.get(kind="contact").key)
    assert dict(SaleState.objects.values_list("kind", "contact")) == {"deal": contact, "case": contact}
    assert Order.objects.get().contact_id == contact
    drain()
    assert set(mine.values_list("state", flat=True)) == {"done"}
    assert not AwaitedPerson.objects.exists()
