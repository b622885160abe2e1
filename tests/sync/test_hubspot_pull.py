"""Both directions with the HubSpot adapter against the stand-in CRM, over loopback."""

from __future__ import annotations

from typing import Any

import pytest

from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sandbox.crm.models import Record, Write
from scrm.sandbox.crm.records import Actor, archive, create, merge, update
from scrm.sandbox.crm.schema import CONTACTS
from scrm.sync import engine, feeds, pulls
from scrm.sync.models import ExternalRecord
from scrm.sync.services import want
from tests.sync.conftest import Shop
from tests.sync.test_hubspot_push import hubspot as hubspot

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
    pytest.mark.urls("tests.sync.crm_urls"),
]
WONG = Actor("Mei Lin Wong", "CRM_UI")


@pytest.fixture(autouse=True)
def running_clock(standing_clock: None) -> Any:
    """The stand-in lives by the wall clock, so both sides do."""
    from datetime import UTC, datetime

    with clock.frozen(datetime.now(UTC)):
        yield


def step() -> None:
    """Some time later, everything that is due."""
    from datetime import UTC, datetime, timedelta

    clock.advance(datetime.now(UTC) - clock.now() + timedelta(milliseconds=5))
    while engine.push_due(ahead=timedelta(minutes=1)):
        pass
    feeds.pull_due(at_once=True)
    while pulls.read_due(ahead=timedelta(minutes=1)):
        pass
    while engine.push_due(ahead=timedelta(minutes=1)):
        pass


def by_us() -> int:
    return Write.objects.filter(source="INTEGRATION", object_type="contacts").exclude(changes={}).count()


class TestHubSpotBothWays:
    def test_a_person_of_the_crm_arrives_and_changes_travel_in_both_directions(self, hubspot: Shop) -> None:
        engine.ready(hubspot.crm)
        record = create(CONTACTS, {"firstname": "美玲", "lastname": "黃", "phone": "+852 9876 5432", "company": "Lucky"}, by=WONG)
        step()
        contact = Contact.objects.get()
        assert (contact.name, contact.company) == ("黃美玲", "Lucky")
        update(Record.objects.get(pk=record.pk), {"company": "Lucky Trading"}, kind=CONTACTS, by=WONG)
        step()
        contact.refresh_from_db()
        assert contact.company == "Lucky Trading"
        assert by_us() == 0

        contact.company = "Harbour Lane"
        contact.save()
        want(hubspot.crm, "contact", str(contact.pk))
        for _ in range(4):
            step()
        assert Record.objects.get(pk=record.pk).properties["company"] == "Harbour Lane"
        assert Record.objects.get(pk=record.pk).properties["scrm_id"] == str(contact.pk)
        assert by_us() == 1

    def test_merged_and_deleted_records_are_followed(self, hubspot: Shop) -> None:
        engine.ready(hubspot.crm)
        one = create(CONTACTS, {"firstname": "Tai Man", "lastname": "Chan", "phone": "+85298765432"}, by=WONG)
        two = create(CONTACTS, {"firstname": "美玲", "lastname": "黃", "phone": "+85298765433"}, by=WONG)
        step()
        assert Contact.objects.count() == 2
        survivor = merge(
            Record.objects.get(pk=one.pk), create(CONTACTS, {"firstname": "T. M.", "lastname": "Chan"}, by=WONG), kind=CONTACTS, by=WONG
        )
        archive(Record.objects.get(pk=two.pk), by=WONG)
        for _ in range(3):
            step()
        chan = Contact.objects.get(name="Tai Man Chan")
        assert ExternalRecord.objects.get(key=str(chan.pk)).external_id == str(survivor.pk)
        assert ExternalRecord.objects.get(external_id=str(two.pk)).removed_at is not None
        assert Contact.objects.filter(name="黃美玲").exists()
