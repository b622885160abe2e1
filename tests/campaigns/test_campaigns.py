"""A campaign from its draft to the last recipient: who gets it and why not, once each; paused, resumed, stopped; over the days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database

from connectors.contracts import Receipt
from scrm.campaigns import addressing, campaigns, figures, plan
from scrm.campaigns.campaigns import Refused
from scrm.campaigns.models import Campaign, Recipient, Segment
from scrm.connections.models import Connection
from scrm.contacts import merging
from scrm.contacts.models import Contact, Identity
from scrm.conversations import outbox
from scrm.conversations.models import Conversation, Decision, Message, MessagePrice, MessageTemplate
from scrm.core import clock, jobs
from scrm.staff.models import User
from tests import people

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
# A Wednesday at three in the afternoon in Hong Kong: promotions may go.
NOW = datetime(2026, 11, 18, 7, 0, tzinfo=UTC)
BODY = [{"type": "BODY", "text": "Hi {{1}}, our spring sale begins.", "example": {"body_text": [["Amy"]]}}]


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


@pytest.fixture
def boss(db: None) -> User:
    return people.agent("boss", is_superuser=True)


@pytest.fixture
def number(db: None) -> Connection:
    return people.hong_kong()


@pytest.fixture
def template(number: Connection) -> MessageTemplate:
    return MessageTemplate.objects.create(
        connection=number, name="spring", language="en", category="MARKETING", status="APPROVED", components=BODY, synced_at=NOW,
        variables={"body_1": {"source": "contact.first_name", "fallback": "there"}},
    )  # fmt: skip


@pytest.fixture
def campaign(template: MessageTemplate) -> Campaign:
    return Campaign.objects.create(name="Spring", segment=Segment.objects.create(name="All"), template=template)


def work() -> int:
    """Until nothing is left to do now; how many steps."""
    steps = 0
    while jobs.drains()["campaigns"].step():
        steps += 1
        assert steps < 500
    return steps


def ready(campaign: Campaign) -> Campaign:
    campaigns.prepare(campaign)
    work()
    campaign.refresh_from_db()
    return campaign


def running(campaign: Campaign, boss: User) -> Campaign:
    campaigns.start(ready(campaign), by=boss)
    work()
    campaign.refresh_from_db()
    return campaign


class Platform:
    """Takes everything."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    def send(self, message: Any) -> Receipt:
        self.taken.append(message)
        return Receipt(people.wamid(len(self.taken)))


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Platform:
    made = Platform()
    monkeypatch.setattr(outbox, "channel_of", lambda connection: made)
    return made


def send_all() -> None:
    """Until nothing goes any more; a number has its speed, so time passes."""
    while jobs.drains()["outbox"].step():
        clock.advance(timedelta(seconds=1))


class Editing:
    def test_forgets_what_was_checked(self, campaign: Campaign) -> None:
        people.customer()
        ready(campaign)
        other = Segment.objects.create(name="Japan")
        campaigns.edit(campaign, name="Spring", segment=other, template=campaign.template, starts_at=None)
        campaign.refresh_from_db()
        assert (campaign.state, campaign.prepared_at) == ("draft", None)

    def test_of_its_hour_alone_forgets_nothing(self, campaign: Campaign) -> None:
        people.customer()
        ready(campaign)
        campaigns.edit(campaign, name="Spring", segment=campaign.segment, template=campaign.template, starts_at=NOW)
        assert Campaign.objects.get().state == "ready"


class Checking:
    def test_tells_who_gets_it_and_why_others_do_not(self, campaign: Campaign) -> None:
        _, ben, _ = (people.customer(name, f"8529123456{n}") for n, name in enumerate(("Amy", "Ben", "Cho")))
        Identity.objects.filter(pk=ben.pk).update(marketing_opted_out_at=NOW)
        Contact.objects.create(name="Nobody", last_activity_at=NOW, created_at=NOW, updated_at=NOW)
        ready(campaign)
        assert campaign.state == "ready" and (campaign.people, campaign.eligible) == (4, 2)
        said = dict(campaign.recipients.values_list("contact__name", "reason"))
        assert said == {"Amy": "", "Ben": "marketing_opted_out", "Cho": "", "Nobody": "no_address"}
        assert not Message.objects.exists() and not Conversation.objects.exists()

    def test_tells_what_it_costs(self, campaign: Campaign) -> None:
        people.customer(), people.customer("Taipei", "886912345678")
        MessagePrice.objects.create(
            platform="whatsapp", country="HK", category="marketing", currency="USD", amount="0.0732", valid_from=NOW.date()
        )
        ready(campaign)
        assert {currency: float(amount) for currency, amount in campaign.costs.items()} == {"USD": 0.0732}
        assert campaign.unpriced == 1

    def test_what_cannot_be_filled_is_named(self, campaign: Campaign) -> None:
        MessageTemplate.objects.update(variables={"body_1": {"source": "order.number"}})
        people.customer()
        ready(campaign)
        row = campaign.recipients.get()
        assert (row.state, row.reason) == ("left_out", "not_fillable") and "1" in row.note

    def test_a_place_with_neither_source_nor_words_is_no_answer(self, campaign: Campaign) -> None:
        MessageTemplate.objects.update(variables={"body_1": {"source": "", "fallback": ""}})
        with pytest.raises(Refused, match="Nobody said"):
            campaigns.prepare(campaign)

    def test_again_takes_the_audience_anew(self, campaign: Campaign) -> None:
        gone = people.customer("Amy")
        ready(campaign)
        Contact.objects.filter(pk=gone.contact_id).update(country="JP")
        Segment.objects.update(conditions={"term": "contact.country", "op": "is", "value": "HK"})
        people.customer("Ben", "85291112222")
        ready(campaign)
        assert [row.contact.name for row in campaign.recipients.select_related("contact")] == ["Ben"] and campaign.people == 1

    def test_a_segment_that_cannot_be_used_is_refused(self, campaign: Campaign) -> None:
        Segment.objects.update(conditions={"term": "nonsense", "op": "is", "value": 1})
        with pytest.raises(Refused):
            campaigns.prepare(Campaign.objects.get())


class Sending:
    def test_each_gets_it_once_in_their_own_words(self, campaign: Campaign, boss: User, platform: Platform) -> None:
        for n in range(60):
            people.customer(f"Amy{n} Chan", f"852912345{n:02}")
        running(campaign, boss)
        send_all()
        work()
        assert len(platform.taken) == 60 and len({sent.to.value for sent in platform.taken}) == 60
        assert Message.objects.filter(text__startswith="Hi Amy").count() == 60
        clock.advance(timedelta(minutes=1))
        work()
        campaign.refresh_from_db()
        assert campaign.state == "done" and figures.of(campaign).sent == 60

    def test_the_run_equals_the_check(self, campaign: Campaign, boss: User, platform: Platform) -> None:
        for n in range(9):
            made = people.customer(f"P{n}", f"8529123456{n}")
            Identity.objects.filter(pk=made.pk, value__endswith="4").update(opted_out_at=NOW)
        foreseen = dict(ready(campaign).recipients.values_list("contact", "reason"))
        campaigns.start(campaign, by=boss)
        work()
        assert dict(campaign.recipients.values_list("contact", "reason")) == foreseen
        send_all()
        assert len(platform.taken) == campaign.eligible == 8

    def test_started_twice_sends_once(self, campaign: Campaign, boss: User, platform: Platform) -> None:
        people.customer()
        ready(campaign)
        campaigns.start(campaign, by=boss)
        campaigns.start(campaign, by=boss)
        work(), send_all(), work()
        assert len(platform.taken) == 1

    def test_who_was_merged_meanwhile_is_one_person(self, campaign: Campaign, boss: User, platform: Platform) -> None:
        one, two = people.customer("Amy"), people.customer("Amy Chan", "85291112222")
        ready(campaign)
        merging.merge(one.contact_id, two.contact_id, by=boss)
        campaigns.start(campaign, by=boss)
        work(), send_all()
        assert len(platform.taken) == 1
        assert sorted(campaign.recipients.values_list("reason", flat=True)) == ["", "same_person"]

    def test_who_was_merged_after_their_turn_gets_no_second(
        self, campaign: Campaign, boss: User, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from scrm.campaigns import running as steps

        monkeypatch.setattr(steps, "HANDED_OVER", 1)
        one, two = people.customer("Amy"), people.customer("Amy Chan", "85291112222")
        campaigns.start(ready(campaign), by=boss)
        jobs.drains()["campaigns"].step()
        merging.merge(two.contact_id, one.contact_id, by=boss)
        work(), send_all()
        assert len(platform.taken) == 1

    def test_what_the_law_defers_waits(self, campaign: Campaign, boss: User, platform: Platform) -> None:
        people.customer()
        with clock.frozen(NOW - timedelta(days=1)):
            foreseen = ready(campaign).recipients.get()
            assert (foreseen.state, foreseen.reason) == ("waiting", "promotion_slot")
            running(campaign, boss)
            send_all()
            assert platform.taken == [] and figures.of(campaign).waits == {"promotion_slot": 1}

    def test_waits_for_its_hour(self, campaign: Campaign, boss: User) -> None:
        people.customer()
        Campaign.objects.update(starts_at=NOW + timedelta(hours=1))
        running(campaign, boss)
        assert not Message.objects.exists()
        clock.advance(timedelta(hours=1))
        work()
        assert Message.objects.count() == 1

    def test_a_checked_one_that_is_old_is_checked_again(self, campaign: Campaign, boss: User) -> None:
        people.customer()
        ready(campaign)
        clock.advance(timedelta(hours=25))
        with pytest.raises(Refused):
            campaigns.start(campaign, by=boss)

    def test_to_nobody_is_not_started(self, campaign: Campaign, boss: User) -> None:
        with pytest.raises(Refused):
            campaigns.start(ready(campaign), by=boss)


class PausedAndStopped:
    @pytest.fixture
    def queued(self, campaign: Campaign, boss: User, platform: Platform) -> Campaign:
        for n in range(3):
            people.customer(f"P{n}", f"8529123456{n}")
        return running(campaign, boss)

    def test_what_is_queued_waits_while_it_is_paused(self, queued: Campaign, platform: Platform) -> None:
        campaigns.pause(queued, by=people.agent("boss"))
        send_all()
        assert platform.taken == []
        assert set(Message.objects.values_list("decisions__rule", flat=True)) >= {"cause_paused"}
        campaigns.resume(queued, by=people.agent("boss"))
        send_all()
        assert len(platform.taken) == 3

    def test_nothing_leaves_once_it_is_stopped(self, queued: Campaign, platform: Platform) -> None:
        campaigns.stop(queued, by=people.agent("boss"))
        send_all()
        work()
        assert platform.taken == []
        assert set(Message.objects.values_list("state", "error_code")) == {("blocked", "cause_withdrawn")}
        queued.refresh_from_db()
        assert queued.finished_at and figures.of(queued).reasons == {"cause_withdrawn": 3}

    def test_whose_turn_had_not_come_is_told_so(self, campaign: Campaign, boss: User) -> None:
        people.customer()
        Campaign.objects.update(starts_at=NOW + timedelta(hours=1))
        running(campaign, boss)
        campaigns.stop(campaign, by=people.agent("boss"))
        work()
        assert campaign.recipients.get().reason == "stopped" and not Message.objects.exists()

    def test_what_is_over_is_not_paused(self, campaign: Campaign) -> None:
        for act in (campaigns.pause, campaigns.resume, campaigns.stop):
            with pytest.raises(Refused):
                act(campaign, by=people.agent("boss"))

    def test_what_waits_is_asked_about_once_a_day(self, queued: Campaign) -> None:
        campaigns.pause(queued, by=people.agent("boss"))
        send_all()
        before = Decision.objects.count()
        for _hour in range(5):
            clock.advance(timedelta(hours=1))
            send_all()
        assert Decision.objects.count() == before

    def test_a_check_can_be_stopped(self, campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
        from scrm.campaigns import running as steps

        monkeypatch.setattr(steps, "TAKEN", 1)
        people.customer("Amy"), people.customer("Ben", "85291112222")
        campaigns.prepare(campaign)
        jobs.drains()["campaigns"].step()
        campaigns.stop(campaign, by=people.agent("boss"))
        assert work() == 0 and Campaign.objects.get().state == "draft"
        assert ready(campaign).people == 2

    def test_what_was_started_is_not_started_again(self, queued: Campaign, boss: User) -> None:
        Campaign.objects.update(state="done")
        with pytest.raises(Refused, match="started already"):
            campaigns.start(queued, by=boss)


class Files:
    """A picture that goes with every message is handed to the platform once, while nothing is locked, and not for a check."""

    def test_are_handed_over_outside_of_a_transaction(
        self, campaign: Campaign, boss: User, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handed: list[int] = []

        def handing(connection: Any, sample: Any, kind: str) -> dict[str, str]:
            handed.append(len(database.savepoint_ids))
            return {"id": "media-7"}

        monkeypatch.setattr(addressing, "handed_over", handing)
        monkeypatch.setattr(addressing, "held_files", lambda template: {"header": {"path": "a.jpg"}})
        header = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW"]}}
        MessageTemplate.objects.update(components=[header, *BODY])
        outside = len(database.savepoint_ids)
        people.customer()
        ready(campaign)
        assert handed == []
        campaigns.start(campaign, by=boss)
        work(), send_all()
        assert set(handed) == {outside}
        assert "media-7" in str(platform.taken[0].content)


class OverTheDays:
    def test_a_large_one_goes_in_batches(self, campaign: Campaign, boss: User, number: Connection) -> None:
        """Six people and three exchanges each are more than four fifths of ten messages a day: two a day."""
        Connection.objects.update(daily_cap=10)
        MessageTemplate.objects.update(category="UTILITY")
        for n in range(6):
            people.customer(f"P{n}", f"8529123456{n}")
        ready(campaign)
        foreseen = plan.calendar(Campaign.objects.get(), NOW)
        assert [going for _day, going in foreseen] == [2, 2, 2]
        campaigns.start(campaign, by=boss)
        sent = []
        for _day in range(4):
            work()
            sent.append(Message.objects.count())
            clock.advance(timedelta(days=1))
        assert sent == [2, 4, 6, 6]

    def test_a_small_one_goes_at_once(self, campaign: Campaign) -> None:
        people.customer()
        ready(campaign)
        assert plan.calendar(Campaign.objects.get(), NOW) == [(NOW.date(), 1)]


class Trouble:
    def test_unforeseen_pauses_it_and_says_so(self, campaign: Campaign, boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
        from scrm.campaigns import running as steps

        people.customer()
        campaigns.start(ready(campaign), by=boss)
        monkeypatch.setattr(steps, "queue_many", lambda drafts: 1 / 0)
        work()
        campaign.refresh_from_db()
        assert campaign.state == "paused" and campaign.trouble
        assert campaign.recipients.get().state == "waiting" and not Conversation.objects.exists()
        monkeypatch.undo()
        campaigns.resume(campaign, by=people.agent("boss"))
        work()
        assert Message.objects.count() == 1 and Recipient.objects.get().state == "sent"
