"""A person's fields are written in one way, with what each source said of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.contracts import Address
from scrm.contacts import fields
from scrm.contacts.fields import Offer, Verdict, confirm, make_rule, offer, revert
from scrm.contacts.models import Contact, Event, FieldConflict, FieldRule
from scrm.contacts.services import Sender, resolve_identity
from scrm.core import clock
from tests.people import agent

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 18, 1, 0, 0, 250_000, tzinfo=UTC)
CRM, CHAT = "crm:hubspot", "channel:hk"


@pytest.fixture(autouse=True)
def _morning():
    with clock.frozen(MORNING):
        yield


def writes(name: str, phone: str = "85291234567", *, source: str = CHAT) -> Contact:
    at = clock.now().replace(microsecond=0)
    return resolve_identity(Sender((Address("whatsapp", phone),), name=name, country="HK", language="zh_HK", at=at, source=source)).contact


def says(contact: Contact, source: str = CRM, *, at: datetime | None = None, **values: object) -> fields.Outcome:
    return offer([Offer(contact, values, source, at or clock.now(), by="mei" if source == "person" else "", blanks_count=True)])[0]


def shown(contact: Contact) -> str:
    return Contact.objects.get(pk=contact.pk).name


class TheNameOfAChat:
    def test_is_taken_with_its_source_when_the_person_first_writes(self):
        contact = Contact.objects.get(pk=writes("陳大文").pk)
        assert contact.provenance["name"]["source"] == CHAT
        assert contact.provenance["language"] == {"source": "assumed", "at": contact.provenance["language"]["at"]}

    def test_costs_nothing_while_it_stays(self, django_assert_num_queries):
        writes("陳大文")
        with django_assert_num_queries(3):  # a savepoint and one query
            writes("陳大文")

    def test_follows_the_person_who_changes_it(self):
        contact = writes("陳大文")
        clock.advance(timedelta(hours=1))
        assert writes("大文 🌸").name == "大文 🌸"
        assert shown(contact) == "大文 🌸"
        assert list(Contact.objects.search("大文 🌸")) == [contact]  # type: ignore[attr-defined]
        assert not FieldConflict.objects.exists()

    def test_does_not_set_back_what_staff_wrote(self):
        contact = writes("🌸🌸")
        clock.advance(timedelta(minutes=1))
        says(contact, "person", name="陳大文")
        clock.advance(timedelta(minutes=1))
        writes("🌸🌸")
        assert shown(contact) == "陳大文"

    def test_is_taken_without_a_source_for_the_nameless_only(self):
        contact = writes("", source="")
        assert writes("陳大文", source="").name == "陳大文"
        assert writes("李四", source="").pk == contact.pk
        assert shown(contact) == "陳大文"


class OfferTests:
    def test_writes_every_kind_of_field(self):
        contact, mei = writes("陳大文"), agent()
        values = {"company": "海港美容", "birthday": "1990-12-31", "owner": mei, "custom.shade": "N21", "time_zone": "Asia/Hong_Kong"}
        outcome = offer([Offer(contact, values, "import:1", clock.now())])[0]
        assert set(outcome.taken) == set(values) and not outcome.refused
        row = Contact.objects.get(pk=contact.pk)
        assert (row.company, row.birthday.isoformat(), row.owner, row.custom) == ("海港美容", "1990-12-31", mei, {"shade": "N21"})
        assert row.updated_at == clock.now()
        event = Event.objects.get(contact=contact, kind="contact.changed")
        assert set(event.data["fields"]) == set(values) and event.data["source"] == "import:1"

    def test_refuses_in_words_what_does_not_fit_and_takes_the_rest(self):
        contact = writes("陳大文")
        values = {"company": "ACME", "birthday": "31/12", "country": "HKG", "shoe": 43, "owner": 99, "time_zone": "HKT", "priority": "vip"}
        outcome = offer([Offer(contact, values, "import:1", clock.now())])[0]
        assert set(outcome.taken) == {"company"} and set(outcome.refused) == set(values) - {"company"}
        assert all(outcome.refused.values())

    def test_says_when_there_is_no_such_person(self):
        assert offer([Offer(424242, {"name": "x"}, CRM, clock.now())])[0].gone

    def test_changes_nothing_when_it_is_repeated(self):
        contact = writes("陳大文")
        says(contact, company="ACME")
        before = Contact.objects.values().get(pk=contact.pk)
        clock.advance(timedelta(days=1))
        assert says(contact, company="ACME").verdicts == {"company": Verdict.REPEATED}
        assert Contact.objects.values().get(pk=contact.pk) == before
        assert Event.objects.filter(kind="contact.changed").count() == 1

    def test_takes_a_thousand_people_with_a_few_statements(self, django_assert_max_num_queries):
        rows = [Contact(name=f"林 {n}", created_at=MORNING, updated_at=MORNING, last_activity_at=MORNING) for n in range(1000)]
        Contact.objects.bulk_create(rows)
        offers = [Offer(row, {"company": f"商行 {n}", "city": "台北"}, "import:1", clock.now()) for n, row in enumerate(rows)]
        with django_assert_max_num_queries(44):
            outcomes = offer(offers)
        assert all(set(outcome.taken) == {"company", "city"} for outcome in outcomes)


class Differences:
    def test_are_listed_with_both_values_and_the_later_shown(self):
        contact = writes("陳大文")
        clock.advance(timedelta(seconds=5))
        says(contact, name="Chan Tai Man")
        row = FieldConflict.objects.get()
        assert (row.kind, row.state, row.shown, row.shown_source) == ("differs", "open", "Chan Tai Man", CRM)
        assert (row.other, row.other_source) == ("陳大文", CHAT)
        assert shown(contact) == "Chan Tai Man"

    def test_of_one_moment_keep_what_stands(self):
        contact = writes("陳大文")
        says(contact, name="Chan Tai Man")  # 250 ms after a whole second
        assert (FieldConflict.objects.get().kind, shown(contact)) == ("tie", "陳大文")

    def test_settle_by_themselves_when_the_sources_agree_again(self):
        contact = writes("陳大文")
        clock.advance(timedelta(seconds=5))
        says(contact, name="Chan Tai Man")
        clock.advance(timedelta(seconds=5))
        writes("Chan Tai Man")
        assert FieldConflict.objects.get().state == "settled"

    def test_are_settled_by_staff_who_write_the_field(self):
        contact = writes("陳大文")
        clock.advance(timedelta(seconds=5))
        says(contact, name="Chan Tai Man")
        says(contact, "person", name="陳大文先生")
        assert FieldConflict.objects.get().state == "settled"

    def test_can_be_confirmed_and_do_not_come_again(self):
        contact, mei = writes("陳大文"), agent()
        clock.advance(timedelta(seconds=5))
        says(contact, name="Chan Tai Man")
        row = confirm(FieldConflict.objects.get(), by=mei)
        assert (row.state, row.decided_by) == ("confirmed", mei)
        writes("陳大文")
        assert FieldConflict.objects.count() == 1 and shown(contact) == "Chan Tai Man"

    def test_can_be_reverted_once(self):
        contact, mei = writes("陳大文"), agent()
        clock.advance(timedelta(seconds=5))
        says(contact, name="Chan Tai Man")
        row = FieldConflict.objects.get()
        assert revert(row, by=mei).state == "reverted"
        assert shown(contact) == "陳大文"
        assert confirm(FieldConflict.objects.get(), by=agent("ken")).decided_by == mei
        assert says(contact, name="Chan Tai Man").verdicts == {"name": Verdict.REPEATED}
        assert shown(contact) == "陳大文"

    def test_of_everybody_are_answered_by_a_rule(self):
        mei = agent()
        people = [writes(f"陳{n}", f"8529123456{n}") for n in range(3)]
        clock.advance(timedelta(seconds=5))
        for person in people:
            says(person, name=f"Chan {person.pk}")
        rule = make_rule(FieldConflict.objects.first(), "channel", by=mei)
        assert (rule.prefer, rule.created_by) == ("channel", "mei")
        assert set(FieldConflict.objects.values_list("state", flat=True)) == {"ruled"}
        assert [shown(person) for person in people] == ["陳0", "陳1", "陳2"]
        clock.advance(timedelta(days=1))
        assert says(people[0], name="Mr Chan").verdicts == {"name": Verdict.RULED}
        make_rule(FieldConflict.objects.first(), "crm", by=mei)
        assert FieldRule.objects.get().prefer == "crm"
