"""What is made in a CRM before we write there is made again when there may be more to make."""

from __future__ import annotations

import pytest
from django.test import Client

from scrm.staff.models import User
from scrm.sync import onboarding
from scrm.sync.models import FieldMapping
from tests.sync.conftest import Shop
from tests.sync.test_engine import drain


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss", password="x")


def written(shop: Shop) -> int:
    """One more contact; how often the CRM was prepared until now."""
    shop.due("contact", [shop.customer().pk])
    drain()
    shop.crm.refresh_from_db()
    return shop.far.prepared


class TestAKindThatIsMappedOnlyNow:
    """The scopes for it may have been given to the same token since."""

    def test_is_prepared_for_when_the_set_up_saves_it(self, shop: Shop, boss: User) -> None:
        assert written(shop) == 1
        onboarding.save_fields(shop.crm, "order", {"number": ("No", "out")}, by=boss)
        assert written(shop) == 2
        onboarding.save_fields(shop.crm, "order", {"number": ("Number", "out")}, by=boss)
        assert written(shop) == 2

    def test_is_prepared_for_when_it_is_entered_by_hand(self, shop: Shop, boss: User, client: Client) -> None:
        assert written(shop) == 1
        client.force_login(boss)
        row = {"connection": shop.crm.pk, "kind": "product", "source": "sku", "target": "Code", "direction": "out", "enabled": "on"}
        assert client.post("/admin/sync/fieldmapping/add/", row).status_code == 302
        assert written(shop) == 2
        made = FieldMapping.objects.get(kind="product")
        assert client.post(f"/admin/sync/fieldmapping/{made.pk}/change/", {**row, "target": "SKU"}).status_code == 302
        assert written(shop) == 2
