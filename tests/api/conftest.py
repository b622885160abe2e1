"""A shop with numbers in Hong Kong and Taipei, a few customers, and a partner who may do everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scrm.connections.models import Connection
    from scrm.contacts.models import Identity
    from scrm.conversations.models import Message
    from tests.api.people import Partner

# Models are imported inside: this file may be read before Django is set up.


@pytest.fixture
def partner(db: None) -> Partner:
    from scrm.api.scopes import SCOPES
    from scrm.api.services import issue_token
    from tests.api.people import Partner

    return Partner(issue_token("Bridge in Taipei", SCOPES)[1])


@pytest.fixture
def hong_kong(db: None) -> Connection:
    from tests.api.people import channel

    return channel("causeway-bay", "Causeway Bay", "1001", "HK", "Asia/Hong_Kong")


@pytest.fixture
def taipei(db: None) -> Connection:
    from tests.api.people import channel

    return channel("xinyi", "信義店", "1002", "TW", "Asia/Taipei")


@pytest.fixture
def customer(db: None) -> Callable[..., Identity]:
    from tests.api.people import customer

    return customer


@pytest.fixture
def writes(db: None) -> Callable[..., Message]:
    from tests.api.people import write

    return write
