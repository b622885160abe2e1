"""A person's page: figures over everything merged into them, who said what, and what they allow us with the reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from scrm.commerce.services import upsert_order, upsert_product
from scrm.console.people import facts
from scrm.contacts import merging
from scrm.contacts.family import family_of
from scrm.contacts.fields import Offer, offer
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, Identity
from scrm.contacts.services import record_consent
from scrm.conversations import counting
from scrm.conversations.models import Conversation, Message
from scrm.conversations.services import add_note, queue_message
from scrm.core import clock
from scrm.intake import pipeline
from scrm.tags.grades import Grade
from scrm.tags.portrait import SAMPLE, portrait_of
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> Any:
    with clock.frozen(NOON):
        yield


@pytest.fixture
def clerk(db: None) -> Client:
    return seated(allow(people.agent("mei"), "contacts.view_contact", "contacts.change_contact"))


def writes(*texts: str, phone: str = "85291234567", name: str = "陳大文", ago: timedelta = timedelta()) -> Contact:
    hk = people.hong_kong()
    said = [people.text_message(text, phone=phone, at=clock.now() - ago) for text in texts]
    assert people.post(hk, people.body(hk, messages=said, name=name)) == 200
    while pipeline.drain():
        pass
    contact = Identity.objects.get(value=phone).contact
    return Contact.objects.get(pk=contact.pk)


def page(client: Client, contact: Contact) -> str:
    return client.get(f"/admin/contacts/contact/{contact.pk}/change/").content.decode()


def order(number: str, contact: Contact, total: str, currency: str = "HKD", status: str = "paid") -> None:
    upsert_order(number, contact=contact, status=status, currency=currency, total=Decimal(total), placed_at=clock.now())


class Figures:
    def test_are_over_everything_that_was_merged_and_each_has_its_own_again_afterwards(self) -> None:
        one, two = writes("有冇貨？", "幾錢？"), writes("hello 😍", phone="85261112222", name="Chan Tai Man")
        order("A1", one, "100.00")
        order("B1", two, "50.50")
        order("B2", two, "1200", "JPY")
        row = merging.merge(one, two, by=people.agent())
        whole = portrait_of(Contact.objects.get(pk=one.pk))
        assert (whole.talk.heard, whole.talk.conversations, whole.bought.orders) == (3, 2, 3)
        assert dict(whole.bought.values) == {"HKD": Decimal("150.50"), "JPY": Decimal("1200")}
        assert whole.mood.emoji == (("😍", 1),)
        merging.undo(row, by=people.agent())
        alone = portrait_of(Contact.objects.get(pk=one.pk))
        assert (alone.talk.heard, alone.bought.orders, alone.mood.emoji) == (2, 1, ())

    def test_count_what_was_written_and_sent_and_nothing_else(self) -> None:
        contact = writes("有冇貨？")
        chat = Conversation.objects.get()
        add_note(chat, text="VIP", by=people.agent())
        sent = queue_message(chat, text="有貨！", source="agent", by=people.agent(), idempotency_key="1").message
        queue_message(chat, text="仲有嘢幫到你？", source="rule", idempotency_key="2")
        Conversation.objects.filter(pk=chat.pk).update(window_expires_at=clock.now() - timedelta(hours=1))
        assert queue_message(chat, text="late", source="agent", by=people.agent(), idempotency_key="3").message.state == "blocked"
        talk = portrait_of(contact).talk
        rows = Message.objects.exclude(state="blocked").exclude(direction="note")
        assert (talk.heard, talk.said) == (1, rows.filter(direction="out").count())
        assert sent.state == "queued" and talk.said >= 1

    def test_that_were_never_kept_are_counted_in_the_background(self) -> None:
        contact = writes("一", "二", "三")
        Conversation.objects.update(heard=None, said=None)
        assert (portrait_of(contact).talk.heard, portrait_of(contact).talk.uncounted) == (0, 1)
        assert counting.count_some() == 1
        assert (portrait_of(contact).talk.heard, portrait_of(contact).talk.uncounted) == (3, 0)
        assert counting.count_some() == 0
        assert portrait_of(writes("四")).talk.heard == 4

    def test_leave_out_orders_that_were_cancelled(self) -> None:
        contact = writes("hi")
        order("A1", contact, "100.00")
        order("A2", contact, "900.00", status="cancelled")
        bought = portrait_of(contact).bought
        assert (bought.orders, bought.cancelled, bought.values) == (1, 1, (("HKD", Decimal("100.00")),))

    @pytest.mark.parametrize(
        ("said", "ago", "grade"),
        [
            (("iPhone15 Pro Max 有冇？", "iphone 15 pro max 幾錢", "アイフォン15プロマックス ありますか"), 2, Grade.HIGH),
            (("iPhone15 Pro Max 有冇？", "iphone 15 pro max 幾錢"), 2, Grade.POTENTIAL),
            (("iPhone15 Pro Max 有冇？", "iphone 15 pro max 幾錢", "アイフォン15プロマックス ありますか"), 9, Grade.POTENTIAL),
            (("hello",), 29, Grade.POTENTIAL),
            (("hello",), 45, Grade.QUIET),
            (("hello",), 60, Grade.LOST),
        ],
    )
    def test_grade_by_product_questions_and_silence(self, said: tuple[str, ...], ago: int, grade: Grade) -> None:
        upsert_product("APL-IP15PM", name="iPhone 15 Pro Max", aliases=["アイフォン15プロマックス"])
        assert portrait_of(writes(*said, ago=timedelta(days=ago))).grade == grade

    def test_of_somebody_who_never_wrote_say_so(self, clerk: Client) -> None:
        contact = people.customer().contact
        portrait = portrait_of(contact)
        assert (portrait.grade, portrait.activity, portrait.mood.satisfaction, portrait.heard_at) == (Grade.NEW, 0, None, None)
        html = page(clerk, contact)
        assert "Never wrote" in html and "too few signs" in html and "no orders" in html

    def test_read_moods_from_the_latest_messages_only(self) -> None:
        contact = writes("好差 😡", "垃圾 😡", "離譜 😡", ago=timedelta(days=2))
        assert portrait_of(contact).mood.satisfaction == pytest.approx(0.05, abs=0.05)
        for start in range(0, SAMPLE, 50):
            writes(*(f"多謝 😍 {number}" for number in range(start, start + 50)))
        portrait = portrait_of(contact)
        assert portrait.sampled == SAMPLE
        assert portrait.mood.satisfaction is not None and portrait.mood.satisfaction > 0.8

    def test_need_as_many_statements_for_many_messages_as_for_few(self, django_assert_max_num_queries: Any) -> None:
        contact = writes(*(f"message {number}" for number in range(60)))
        for number in range(4):
            other = writes("hi", phone=f"8526111222{number}", name=f"Tai Man {number}")
            merging.merge(Contact.objects.get(pk=contact.pk), other, by=people.agent())
        contact = Contact.objects.get(pk=contact.pk)
        with django_assert_max_num_queries(5):
            portrait_of(contact)


class ThePage:
    def test_shows_the_figures_and_what_they_mean(self, clerk: Client) -> None:
        contact = writes("多謝 😍", "好正 😍", "perfect 👍")
        order("A1", contact, "388.00")
        html = page(clerk, contact)
        for word in ("Potential", "HKD 388.00", "😍", "↓ 3", "What these figures mean", "at least 3 messages of the last 7 days"):
            assert word in html, word

    def test_says_who_said_each_value_and_what_others_say(self, clerk: Client) -> None:
        contact = writes("hi")
        clock.advance(timedelta(hours=2))
        offer([Offer(contact, {"name": "Chan Tai Man"}, "crm:hubspot", NOON + timedelta(hours=1))])
        html = page(clerk, contact)
        assert "Chan Tai Man" in html and "hubspot" in html
        assert "Harbour Beauty HK said “陳大文”" in html

    def test_says_why_a_consent_holds_and_leads_to_the_message(self, clerk: Client) -> None:
        contact = writes("我要退訂")
        html = page(clerk, contact)
        assert "Wants no messages" in html and "No promotions" in html
        assert f"/admin/messages/{Message.objects.get().pk}/why/" in html
        assert "+85291234567 · wrote it in a message" in html

    def test_takes_the_strictest_of_all_addresses(self, clerk: Client) -> None:
        one, two = writes("hi"), people.customer("Tai Man", "85261112222")
        record_consent(one.identities.get(), purpose="marketing", allowed=True, source="import:7")
        record_consent(two, purpose="marketing", allowed=False, source="platform")
        merging.merge(one, two.contact, by=people.agent())
        html = page(clerk, Contact.objects.get(pk=one.pk))
        assert "No promotions" in html and "+85261112222 · told by the platform" in html
        assert "import 7" in html

    def test_names_people_who_may_be_the_same_and_leads_to_the_question(self, clerk: Client) -> None:
        one, two = writes("hi"), people.customer("Chan Tai Man", "85261112222").contact
        proof = [{"code": "same_birthday", "with": {"value": "1990-01-02"}, "weight": 3.0}]
        case = DuplicateCase.objects.create(score=0.87, proposal="review", size=2, created_at=NOON)
        DuplicateCandidate.objects.create(first=one, second=two, case=case, score=0.87, evidence=proof, found_at=NOON)
        html = page(clerk, one)
        assert "Possibly the same person" in html and "87 % likely" in html and "the same birthday 1990-01-02" in html

    def test_tells_the_evidence_of_a_tag(self, clerk: Client) -> None:
        from scrm.tags.models import Tag, TagAssignment, TagRule

        contact = writes("平啲得唔得")
        tag = Tag.objects.create(slug="price", name="Price-sensitive")
        rule = TagRule.objects.create(name="Asks for less", tag=tag, keywords="平啲")
        message = Message.objects.get()
        TagAssignment.objects.create(
            contact=contact, tag=tag, rule=rule, rule_version=2, message=message, conversation=message.conversation,
            matched="平啲", assigned_at=NOON,
        )  # fmt: skip
        html = page(clerk, contact)
        assert "Asks for less v2" in html and "“平啲”" in html and f"/inbox/{message.conversation_id}/#m{message.pk}" in html

    def test_shows_buttons_to_those_only_who_may(self, clerk: Client) -> None:
        contact = writes("hi")
        html = page(clerk, contact)
        assert f"/people/{contact.pk}/timeline/" in html
        assert f"/people/{contact.pk}/privacy/" not in html and f"/people/{contact.pk}/consent/" not in html
        # A change of rights ends the sessions.
        clerk.force_login(allow(people.agent("mei"), "contacts.add_consent", "contacts.erase_person"))
        html = page(clerk, contact)
        assert f"/people/{contact.pk}/privacy/" in html and f"/people/{contact.pk}/consent/" in html

    def test_reads_its_facts_with_a_bounded_number_of_statements(self, django_assert_max_num_queries: Any) -> None:
        contact = writes(*(f"message {number}" for number in range(30)))
        for number in range(3):
            other = writes("hi", phone=f"8526111222{number}", name=f"Tai Man {number}")
            order(f"A{number}", other, "10")
            merging.merge(Contact.objects.get(pk=contact.pk), other, by=people.agent())
        contact = Contact.objects.get(pk=contact.pk)
        assert len(family_of(contact)) == 4
        portrait_of(contact)  # builds the catalogue
        reader = people.agent()
        with django_assert_max_num_queries(20):
            facts.whole_contact(contact, reader)

    def test_escapes_what_people_write(self, clerk: Client) -> None:
        contact = writes("<script>alert(1)</script> 😍", name="<b>x</b>")
        record_consent(contact.identities.get(), purpose="all", allowed=False, source="by_hand", evidence="<i>letter</i>")
        html = page(clerk, contact)
        assert "<script>alert(1)" not in html and "<b>x</b>" not in html and "<i>letter" not in html
