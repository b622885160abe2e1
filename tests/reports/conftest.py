"""A support team in Hong Kong and Taipei, and the story that the reports must get right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scrm.staff.models import User
    from tests.reports.people import Shop

# Models are imported inside: this file may be read before Django is set up.


@pytest.fixture
def shop(db: None) -> Shop:
    from scrm.connections.models import Connection
    from tests.reports.people import Shop

    fields = {"kind": "channel", "adapter": "whatsapp", "country": "HK"}
    return Shop(Connection.objects.create(slug="causeway-bay", label="Causeway Bay", account_id="1001", **fields))


@pytest.fixture
def mei(db: None) -> User:
    from scrm.staff.models import User

    return User.objects.create(username="mei", display_name="黃美玲")


@pytest.fixture
def ken(db: None) -> User:
    from scrm.staff.models import User

    return User.objects.create(username="ken", display_name="佐藤健")


@pytest.fixture
def golden(shop: Shop, mei: User, ken: User) -> Callable[[], None]:
    from tests.reports.people import golden

    return lambda: golden(shop, mei, ken)
