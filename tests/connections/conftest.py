from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from connectors import registry
from scrm.connections.adapters import forget_adapters
from scrm.connections.models import Connection
from scrm.connections.snapshots import forget
from scrm.core import clock
from tests.connections import platform
from tests.sync.fake_crm import FAR_SIDES, FarSide

NOON = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    forget_adapters()
    forget()
    monkeypatch.setitem(registry.CRMS, "fake", "tests.sync.fake_crm.FakeCrm")
    monkeypatch.setitem(registry.CHANNELS, "two_doors", "tests.connections.platform.Platform")
    with clock.frozen(NOON):
        yield
    FAR_SIDES.clear()
    platform.ADDRESSES.clear()


@pytest.fixture
def far() -> FarSide:
    return FAR_SIDES.setdefault("crm", FarSide())


@pytest.fixture
def crm(db: None, far: FarSide) -> Connection:
    return Connection.objects.create(slug="crm", label="CRM", kind="crm", adapter="fake", secrets={"token": "t"})


@pytest.fixture
def taipei(db: None) -> Connection:
    """A number whose platform has a standby."""
    return Connection.objects.create(
        slug="taipei",
        label="Taipei shop",
        kind="channel",
        adapter="two_doors",
        country="TW",
        time_zone="Asia/Taipei",
        settings={"base_url": platform.PRIMARY, "standby_base_url": platform.STANDBY},
        secrets={"access_token": "main key", "standby_access_token": "standby key"},
    )
