"""A campaign's page: written, checked, started, paused and stopped with buttons; who gets it, who does not, and why."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from scrm.campaigns.models import Campaign, Segment
from scrm.contacts.models import Identity
from scrm.conversations.models import Message, MessageTemplate
from scrm.core import clock, jobs
from scrm.core.audit_models import AuditEntry
from scrm.staff import roles
from tests import people

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
NOW = datetime(2026, 11, 18, 7, 0, tzinfo=UTC)
LIST = "/admin/campaigns/campaign/"
BODY = [{"type": "BODY", "text": "Hi {{1}}, our spring sale begins.", "example": {"body_text": [["Amy"]]}}]


@pytest.fixture(autouse=True)
def now() -> Any:
    with clock.frozen(NOW):
        yield


@pytest.fixture
def template(db: None) -> MessageTemplate:
    return MessageTemplate.objects.create(
        connection=people.hong_kong(), name="spring", language="en", category="UTILITY", status="APPROVED", components=BODY,
        synced_at=NOW, variables={"body_1": {"source": "contact.first_name", "fallback": "there"}},
    )  # fmt: skip


@pytest.fixture
def boss() -> Client:
    roles.install()
    person = people.agent("boss")
    person.groups.add(Group.objects.get(name=roles.SUPERVISORS))
    client = Client()
    client.force_login(person)
    return client


def work() -> None:
    while jobs.drains()["campaigns"].step():
        pass


def words(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(answer.content.decode())).split())


def write(client: Client, template: MessageTemplate) -> Campaign:
    segment, _made = Segment.objects.get_or_create(name="Everybody")
    given = {"name": "Spring", "segment": segment.pk, "template": template.pk, "starts_at_0": "", "starts_at_1": ""}
    answer = client.post(f"{LIST}add/", given)
    row = Campaign.objects.get()
    assert answer.headers["Location"] == page_of(row)
    return row


def page_of(row: Campaign) -> str:
    return f"{LIST}{row.pk}/change/"


def press(client: Client, row: Campaign, act: str, status: int = 302) -> str:
    """What the page says then."""
    assert client.post(f"{LIST}{row.pk}/do/", {"act": act}).status_code == status
    return words(client, page_of(row)) if status == 302 else ""


class Page:
    def test_leads_from_the_draft_to_the_sending(self, boss: Client, template: MessageTemplate) -> None:
        for n in range(3):
            people.customer(f"Amy{n} Chan", f"8529123456{n}")
        Identity.objects.filter(value__endswith="2").update(opted_out_at=NOW)
        row = write(boss, template)
        assert "Check who gets it" in words(boss, page_of(row)) and "Nothing is sent by checking." in words(boss, page_of(row))
        assert "Being checked" in press(boss, row, "prepare")
        work()
        ready = words(boss, page_of(row))
        assert "In the segment 3" in ready and "Will get it 2" in ready and "1 · The customer asked for no more messages." in ready
        assert "Hi Amy0, our spring sale begins." in ready and not Message.objects.exists()
        assert "Running" in press(boss, row, "start")
        work()
        assert "Still to come 2 2 of them in the outbox" in words(boss, page_of(row))
        assert "Go on" in press(boss, row, "pause") and "Pause" in press(boss, row, "resume")
        assert "Stopped" in press(boss, row, "stop")
        told = AuditEntry.objects.filter(action__startswith="campaigns.").order_by("pk").values_list("action", "by")
        assert list(told) == [(f"campaigns.{done}", "boss") for done in ("started", "paused", "resumed", "stopped")]

    def test_says_what_the_template_lacks(self, boss: Client, template: MessageTemplate) -> None:
        MessageTemplate.objects.update(variables={})
        row = write(boss, template)
        assert "Nobody said what belongs into the template at: 1." in press(boss, row, "prepare")

    def test_is_fixed_once_it_is_started(self, boss: Client, template: MessageTemplate) -> None:
        people.customer()
        row = write(boss, template)
        press(boss, row, "prepare")
        work()
        press(boss, row, "start")
        answer = boss.post(page_of(row), {"name": "Autumn", "segment": row.segment_id, "template": template.pk})
        assert answer.status_code == 403 and Campaign.objects.get().name == "Spring"
        assert boss.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403

    def test_written_anew_is_to_be_checked_anew(self, boss: Client, template: MessageTemplate) -> None:
        people.customer()
        row = write(boss, template)
        press(boss, row, "prepare")
        work()
        other = Segment.objects.create(name="Japan", conditions={"term": "contact.country", "op": "is", "value": "JP"})
        given = {"name": "Spring", "segment": other.pk, "template": template.pk, "starts_at_0": "", "starts_at_1": ""}
        assert boss.post(page_of(row), given).status_code == 302
        assert Campaign.objects.get().state == "draft"
        assert "Check it first" in press(boss, row, "start")

    def test_is_followed_while_it_moves(self, boss: Client, template: MessageTemplate) -> None:
        row = write(boss, template)
        press(boss, row, "prepare")
        panel = boss.get(f"{LIST}{row.pk}/figures/").content.decode()
        assert 'data-moving="1"' in panel and "<html" not in panel
        work()
        assert 'data-moving="0"' in boss.get(f"{LIST}{row.pk}/figures/").content.decode()

    def test_offers_only_templates_that_may_be_sent(self, boss: Client, template: MessageTemplate) -> None:
        MessageTemplate.objects.update(status="REJECTED")
        assert "spring · English" not in words(boss, f"{LIST}add/")

    def test_is_not_for_agents(self, template: MessageTemplate, boss: Client) -> None:
        row = write(boss, template)
        mei = people.agent()
        mei.groups.add(Group.objects.get(name=roles.AGENTS))
        agents = Client()
        agents.force_login(mei)
        assert agents.get(page_of(row)).status_code == 403
        assert agents.get(f"{LIST}{row.pk}/figures/").status_code == 403
        press(agents, row, "start", status=403)


class Recipients:
    def test_are_listed_with_the_reason_in_words(self, boss: Client, template: MessageTemplate) -> None:
        people.customer("Amy Chan")
        people.customer("Ben", "85291112222")
        Identity.objects.filter(value="85291112222").update(opted_out_at=NOW)
        row = write(boss, template)
        press(boss, row, "prepare")
        work()
        press(boss, row, "start")
        work()
        listed = words(boss, f"/admin/campaigns/recipient/?campaign__id__exact={row.pk}")
        assert "Amy Chan" in listed and "Handed to the outbox" in listed and "The customer asked for no more messages." in listed
        message = Message.objects.get()
        assert "Campaign “Spring”" in words(boss, f"/admin/messages/{message.pk}/why/")

    def test_cost_the_same_however_many_they_are(self, boss: Client, template: MessageTemplate, django_assert_max_num_queries: Any) -> None:
        for n in range(12):
            people.customer(f"Amy{n} Chan", f"852912345{n:02}")
        row = write(boss, template)
        press(boss, row, "prepare")
        work()
        for address in (f"/admin/campaigns/recipient/?campaign__id__exact={row.pk}", LIST, page_of(row)):
            boss.get(address)
            with django_assert_max_num_queries(14):
                boss.get(address)


class Testing:
    def test_goes_to_one_number_and_says_so(self, boss: Client, template: MessageTemplate) -> None:
        people.customer("Amy")
        row = write(boss, template)
        assert "Send a test to" in words(boss, page_of(row))
        shown = re.search(r'name="once" value="(\w{32})"', boss.get(page_of(row)).content.decode())
        assert shown
        for _twice in range(2):
            given = {"number": "+852 9123 4567", "once": shown[1]}
            assert boss.post(f"{LIST}{row.pk}/test/", given).status_code == 302
        assert "The test is on its way to +852 9123 4567." in words(boss, page_of(row))
        assert Message.objects.get().source == "agent"

    def test_says_why_it_does_not_go(self, boss: Client, template: MessageTemplate) -> None:
        MessageTemplate.objects.update(category="MARKETING")
        amy = people.customer("Amy")
        Identity.objects.filter(pk=amy.pk).update(marketing_opted_out_at=NOW)
        row = write(boss, template)
        boss.post(f"{LIST}{row.pk}/test/", {"number": "+85291234567"})
        said = words(boss, page_of(row))
        assert "The test does not go to +85291234567:" in said and "Why?" in said
        boss.post(f"{LIST}{row.pk}/test/", {"number": "12"})
        assert "Nobody here has 12 on WhatsApp." in words(boss, page_of(row))

    def test_is_not_offered_once_it_runs(self, boss: Client, template: MessageTemplate) -> None:
        people.customer("Amy")
        row = write(boss, template)
        press(boss, row, "prepare")
        work()
        press(boss, row, "start")
        assert "Send a test to" not in words(boss, page_of(row))
