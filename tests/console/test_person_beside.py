"""The customer beside a chat: what is shown of somebody of whom there is a lot of everything, and how many statements that takes."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scrm.automation.models import Rule, Run
from scrm.commerce.models import Coupon, Shipment
from scrm.commerce.services import upsert_order
from scrm.connections.models import Connection
from scrm.contacts.models import DuplicateCandidate, DuplicateCase, Event
from scrm.conversations.models import Conversation, Decision, LaterMessage, Message, Survey
from scrm.staff import roles
from scrm.staff.models import Team, User
from scrm.sync.models import ExternalRecord, SaleState
from scrm.tags.models import Tag, TagAssignment, TagRule
from tests import people
from tests.console.conftest import allow, seated
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db


@pytest.fixture
def ren(db: None) -> User:
    """An agent of a team, with all that the page can show of a customer."""
    roles.install()
    ren = people.agent("ren", display_name="林怡君")
    ren.groups.add(Group.objects.get(name=roles.AGENTS))
    ren.teams.add(Team.objects.create(name="Hong Kong"))
    return allow(ren, "contacts.view_duplicatecase")


def fill(chat: Conversation, agent: User, start: int, count: int) -> None:
    """So many of everything that hangs on a person, from the number `start` on."""
    contact, now = chat.identity.contact, timezone.now()
    crm, _made = Connection.objects.get_or_create(slug="hub", defaults={"label": "HubSpot", "kind": "crm", "adapter": "hubspot"})
    for number in range(start, start + count):
        tag = Tag.objects.create(slug=f"tag-{number}", name=f"Tag {number}")
        tag_rule = TagRule.objects.create(name=f"Tag rule {number}", tag=tag, keywords="平啲")
        TagAssignment.objects.create(contact=contact, tag=tag, rule=tag_rule, rule_version=1, by=agent, matched="平啲", assigned_at=now)
        placed = upsert_order(
            f"A{number}", contact=contact, status="paid", currency="HKD", total=Decimal("10"), placed_at=now + timedelta(minutes=number)
        )
        Shipment.objects.create(order=placed.order, carrier="順豐", tracking_number=f"SF{number}")
        other = Conversation.objects.create(
            identity=chat.identity, connection=chat.connection, status="closed", opened_at=now, changed_at=now, last_message_at=now,
            last_preview=f"舊對話 {number}",
        )  # fmt: skip
        Survey.objects.create(conversation=other, agent=agent, state="answered", asked_at=now, answered_at=now, score=4)
        link = {"connection": crm, "synced_at": now}
        ExternalRecord.objects.create(kind="communication", key=f"{chat.pk}:2026-11-{number:02d}", external_id=f"n{number}", **link)
        ExternalRecord.objects.create(kind="deal", key=f"crm:{number}", external_id=f"d{number}", removed_at=now, **link)
        SaleState.objects.create(connection=crm, kind="deal", key=f"crm:{number}", contact=contact, name=f"報價 {number}", changed_at=now)
        rule = Rule.objects.create(name=f"Rule {number}", action="answer_order_status")
        asked: dict[str, Any] = {"contact": contact, "connection": chat.connection, "moment": "queue", "verdict": "allow"}
        for cause in (f"rule:{rule.pk}:v1", f"tag_rule:{tag_rule.pk}:v1", "crm:hub"):
            Decision.objects.create(asked_by="rule", cause=cause, decided_at=now, **asked)
        event = Event.objects.create(contact=contact, kind="message.received", occurred_at=now)
        Run.objects.create(rule=rule, rule_version=1, event=event, contact=contact, verdict="done", evaluated_at=now)
        ahead = now + timedelta(hours=2 + 20 * number)
        LaterMessage.objects.create(
            conversation=chat, author=agent, kind="text", text=f"第{number}件", send_at=ahead, created_at=now,
            idempotency_key=f"later-{number}",
        )  # fmt: skip
        brought = said(chat, f"優惠 {number}", direction="out", source="rule", cause=f"rule:{rule.pk}:v1", author=agent)
        gave = {"cause": brought.cause, "message_pk": brought.pk, "by": agent, "given_at": now}
        Coupon.objects.create(contact=contact, code=f"SAVE{number}", text="九折優惠", expires_at=now + timedelta(days=1), **gave)
        queued = said(chat, f"您的訂單 {number}", direction="out", source="rule", cause=f"rule:{rule.pk}:v1", author=agent)
        Message.objects.filter(pk=queued.pk).update(state="queued", due_at=ahead + timedelta(hours=1))
        twin = people.customer(f"Tai Man {number}", f"852611122{number:02d}").contact
        case = DuplicateCase.objects.create(score=0.87, proposal="review", size=2, created_at=now)
        DuplicateCandidate.objects.create(first=contact, second=twin, case=case, score=0.87, evidence=[], found_at=now)


class Cost:
    def test_is_twelve_statements_for_an_agent_and_somebody_of_whom_there_is_everything(self, ren: User) -> None:
        chat = people.conversation()
        type(chat.connection).objects.filter(pk=chat.connection_id).update(portfolio="P1", facts={"messaging_limit": "1000"})
        fill(chat, ren, 0, 21)
        client, address = seated(ren), f"/admin/inbox/{chat.pk}/beside/"
        client.get(address)
        with CaptureQueriesContext(connection) as asked:
            html = client.get(address).content.decode()
        assert len(asked) <= 12, [query["sql"][:200] for query in asked.captured_queries]
        assert html.count("九折優惠") == 20 and html.count("To the message that brought it") == 20
        # Six deals, five orders, twelve reasons, eight to be sent, three of the others; the reasons by the names of what decided.
        assert [html.count(word) for word in ("報價", "順豐", "舊對話", "4 of 5", "87%")] == [6, 5, 6, 3, 3]
        assert (
            html.count("deleted in the CRM") == 6 and html.count("Automation “Rule") + html.count("Tag rule “") + html.count("HubSpot") > 6
        )
        assert all(f">Tag {number} <q>平啲</q>" in html for number in range(21))

    def test_is_hardly_more_for_nobody_to_be_written_to(self, ren: User, django_assert_max_num_queries: Any) -> None:
        client, address = seated(ren), f"/admin/inbox/{people.conversation().pk}/beside/"
        client.get(address)
        with django_assert_max_num_queries(6):
            client.get(address)


class Content:
    def test_beyond_what_is_shown_is_told_and_leads_to_the_whole_contact(self, ren: User) -> None:
        chat = people.conversation()
        tags = Tag.objects.bulk_create([Tag(slug=f"t{number}", name=f"Tag {number}") for number in range(101)])
        TagAssignment.objects.bulk_create(
            [TagAssignment(contact=chat.identity.contact, tag=tag, assigned_at=timezone.now()) for tag in tags]
        )
        client = seated(ren)
        html = client.get(f"/admin/inbox/{chat.pk}/beside/").content.decode()
        assert ">Tag 99<" in html and ">Tag 100<" not in html and "There are more tags or addresses than these" in html
        TagAssignment.objects.filter(tag=tags[0]).delete()
        html = client.get(f"/admin/inbox/{chat.pk}/beside/").content.decode()
        assert ">Tag 100<" in html and "There are more tags or addresses than these" not in html

    def test_offers_a_tag_that_was_made_a_moment_ago(self, ren: User) -> None:
        client, address = seated(ren), f"/admin/inbox/{people.conversation().pk}/beside/"
        assert "ix-add-tag" not in client.get(address).content.decode()
        Tag.objects.create(slug="vip", name="VIP")
        assert '<option value="VIP">' in client.get(address).content.decode()

    def test_of_orders_is_the_newest_with_their_parcels(self, ren: User) -> None:
        chat = people.conversation()
        fill(chat, ren, 0, 7)
        html = seated(ren).get(f"/admin/inbox/{chat.pk}/beside/").content.decode()
        numbers = [int(word) for word in re.findall(r"<b>A(\d+)</b>", html)]
        assert numbers == [6, 5, 4, 3, 2] and re.findall(r"順豐 SF(\d+)", html) == ["6", "5", "4", "3", "2"]
        assert html.count("Paid · HKD 10.00 · 順豐") == 5

    def test_of_what_decided_is_also_on_a_page_of_its_own(self, ren: User) -> None:
        chat = people.conversation()
        fill(chat, ren, 0, 7)
        html = seated(ren).get(f"/admin/people/{chat.identity.contact_id}/decisions/").content.decode()
        assert html.count("Automation “Rule ") == 7 and html.count("Tag rule “Tag rule ") == 7
