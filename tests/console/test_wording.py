"""Pages speak in words: no code of an event, a cause, a condition or a state reaches a reader."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from scrm.automation.models import Rule, Run
from scrm.automation.triggers import TRIGGERS
from scrm.console import evaluations, timeline
from scrm.contacts import events
from scrm.contacts.models import Contact, Event
from scrm.tags.models import Tag
from tests import people
from tests.console.thread_rows import said

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def rule() -> Rule:
    Tag.objects.create(slug="order-status", name="Where is it")
    wanted = {"term": "message.tag", "op": "is", "value": "order-status"}
    return Rule.objects.create(name="Order status", trigger="message.received", action="order_status", conditions=wanted)


class Timeline:
    def event(self, contact: Contact, kind: str, **data: object) -> Event:
        events.record([Event(contact=contact, kind=kind, occurred_at=timezone.now(), data=data, cause=f"rule:{rule().pk}:v3")])
        return Event.objects.filter(kind=kind).latest("pk")

    def test_has_words_for_everything_that_can_set_off_a_rule(self) -> None:
        assert set(TRIGGERS) <= set(timeline.KINDS)

    def test_tells_a_message_by_its_words_and_leads_to_it(self) -> None:
        conversation = people.conversation()
        message = said(conversation, "我張單去咗邊？")
        row = self.event(conversation.identity.contact, "message.received", message=message.pk, conversation=conversation.pk)
        (told,) = timeline.told([row], people.agent())
        assert (told.title, told.detail, told.cause) == ("The customer wrote", "“我張單去咗邊？”", "Automation “Order status” v3")
        assert told.link == f"/admin/inbox/{conversation.pk}/#m{message.pk}"

    def test_tells_people_by_their_names(self) -> None:
        mei = people.agent("mei")
        row = self.event(people.customer().contact, "conversation.assigned", conversation=0, by="mei", to="mei")
        assert timeline.told([row], people.agent())[0].detail == f"→ {mei} · {mei}"

    def test_keeps_what_it_has_no_words_for(self) -> None:
        row = self.event(people.customer().contact, "parcel.lost", carrier="SF")
        assert (timeline.told([row], people.agent())[0].title, timeline.told([row], people.agent())[0].detail) == (
            "parcel.lost",
            "carrier: SF",
        )

    def test_shows_the_cause_of_a_rule_that_is_gone_as_stored(self) -> None:
        assert timeline.Causes(["rule:999:v1"]).words("rule:999:v1") == "rule:999:v1"


class Rules:
    def test_list_says_when_and_what_in_words(self, owner: Client) -> None:
        rule()
        html = owner.get("/admin/automation/rule/").content.decode()
        assert "A customer writes" in html and "The message speaks of: “Where is it”" in html
        assert ">message.received<" not in html and ">order_status<" not in html

    def test_form_says_the_condition_in_words_and_what_can_be_asked(self, owner: Client) -> None:
        html = owner.get(f"/admin/automation/rule/{rule().pk}/change/").content.decode()
        assert "<b>The message speaks of: “Where is it”</b>" in html and "<code>order.under_way</code>" in html

    def test_evaluations_that_did_not_match_say_so(self, owner: Client) -> None:
        contact = people.customer().contact
        event = Event.objects.filter(contact=contact).latest("pk")
        trace = [{"term": "message.tag", "op": "is", "wanted": "order-status", "actual": [], "truth": False}]
        run = Run.objects.create(
            rule=rule(), rule_version=1, event=event, contact=contact, verdict="not_matched", trace=trace, evaluated_at=timezone.now()
        )
        assert "conditions not met" in owner.get("/admin/automation/run/").content.decode()
        shown = owner.get(f"/admin/automation/run/{run.pk}/change/").content.decode()
        assert "✗ The message speaks of: “Where is it”" in shown and "found: nothing" in shown and "not_matched" not in shown

    def test_conditions_join_and_negate_readably(self) -> None:
        leaf = {"term": "order.exists", "op": "is", "value": True}
        said_so = evaluations.Words().tree({"all": [leaf, {"not": {"any": [leaf, leaf]}}]})
        assert said_so == "Has ordered: yes and not (Has ordered: yes or Has ordered: yes)"
