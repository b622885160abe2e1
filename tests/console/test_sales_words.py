"""Deals and cases beside a conversation and on a person's page: what they are called and how they stand, once and in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from scrm.connections.models import Connection
from scrm.core import clock
from scrm.sync.models import SaleState
from tests import people

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.mark.parametrize("address", ["/admin/inbox/{chat}/beside/", "/admin/contacts/contact/{contact}/change/"])
def test_a_stage_is_told_in_words_and_not_twice(address: str, admin_client: Client) -> None:
    chat = people.conversation()
    crm = Connection.objects.create(slug="hub", label="HubSpot", kind="crm", adapter="hubspot")
    shared: dict[str, Any] = {"connection": crm, "contact": chat.identity.contact, "changed_at": clock.now()}
    SaleState.objects.create(kind="deal", key="crm:1", stage="appointmentscheduled", **shared)
    SaleState.objects.create(kind="deal", key="crm:2", stage="合約審核", name="陳大文 報價", **shared)
    SaleState.objects.create(kind="case", key="crm:3", stage="2", **shared)
    page = admin_client.get(address.format(chat=chat.pk, contact=chat.identity.contact_id)).content.decode()
    assert page.count("Appointment scheduled") == 1 and "appointmentscheduled" not in page
    assert "<b>陳大文 報價</b>" in page and page.count("合約審核") == 1
    assert "<b>Waiting on contact</b>" in page
