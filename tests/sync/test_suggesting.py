"""Which fields go together, guessed from their names."""

from __future__ import annotations

import pytest

from connectors.contracts import FieldInfo
from scrm.sync.suggesting import suggest

PERSON = ("first_name", "last_name", "full_name", "city", "address", "phone", "email")


def guessed(*names: str) -> dict[str, str]:
    return {each.source: each.target for each in suggest([FieldInfo(name, name, "text") for name in names], PERSON)}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("/first_name", "/last_name", "/phone"), {"first_name": "/first_name", "last_name": "/last_name", "phone": "/phone"}),
        (("/firstname", "/lastname", "/phone_mobile"), {"first_name": "/firstname", "last_name": "/lastname", "phone": "/phone_mobile"}),
        (("/address_line", "/city"), {"address": "/address_line", "city": "/city"}),
        (("/owner/email", "/org/name"), {}),  # somebody else's
        (("/name", "/email"), {"full_name": "/name", "email": "/email"}),
        (("/name", "/firstname", "/lastname"), {"first_name": "/firstname", "last_name": "/lastname"}),
    ],
)
def test_members_of_a_record_are_known_by_their_names(names: tuple[str, ...], found: dict[str, str]) -> None:
    assert guessed(*names) == found
