"""A newcomer finds duplicates and differences to decide, made by the product from what the sandbox's shop knows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, FieldConflict, Merge
from scrm.core import clock, jobs
from scrm.sandbox import onboarding

pytestmark = [pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])]


def test_people_in_two_scripts_are_proposed_and_the_crm_differs() -> None:
    onboarding.set_up()
    onboarding.ensure_orders()
    assert onboarding.ensure_known() == 13
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        jobs.run_everything_due()
    pairs = {frozenset((str(pair.first), str(pair.second))) for pair in DuplicateCandidate.objects.select_related("first", "second")}
    assert frozenset({"佐藤 結衣", "サトウ ユイ"}) in pairs and frozenset({"黃詠詩", "Wong Wing Sze"}) in pairs
    assert DuplicateCase.objects.filter(state="open").count() >= 2
    assert not Merge.objects.exists(), "no machine merges"
    names = {row.contact.name for row in FieldConflict.objects.filter(field="name", state="open").select_related("contact")}
    assert {"CHEUNG Ka Ho Kelvin", "鈴木一朗"} <= names
    people = Contact.objects.count()
    assert onboarding.ensure_known() == 0, "saying the same again changes nothing"
    assert Contact.objects.count() == people
