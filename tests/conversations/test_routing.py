"""Every waiting conversation gets a team, a time until which its answer is due, and somebody who is here to give it."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database
from django.test import Client

from scrm.connections.models import Alert
from scrm.contacts.models import Event
from scrm.conversations import routing, services
from scrm.conversations.models import Conversation, Message
from scrm.core import clock
from scrm.intake import pipeline
from scrm.staff import services as staff
from scrm.staff.models import BusinessHours, Shift, Team, User
from scrm.tags.models import Tag, TagAssignment
from tests import people
from tests.faults.sabotage import sabotaged

# 12:00 on Wednesday 18 November in Hong Kong.
NOON = people.NOON


@pytest.fixture
def day_shift(db: None) -> BusinessHours:
    return BusinessHours.objects.create(name="HK", time_zone="Asia/Hong_Kong", country="HK")


@pytest.fixture
def team(day_shift: BusinessHours) -> Team:
    return Team.objects.create(name="Service", takes_new=True, hours=day_shift, first_response_minutes=10)


def member(team: Team, name: str, **fields: object) -> User:
    user = people.agent(name, display_name=name, **{"seen_at": clock.now(), **fields})
    user.teams.add(team)
    return user


def waiting(phone: str = "85291234567", since: datetime | None = None) -> Conversation:
    made = people.conversation(people.customer(phone=phone))
    Conversation.objects.filter(pk=made.pk).update(waiting_since=since or clock.now())
    made.refresh_from_db()
    return made


@pytest.mark.django_db
class DueTimes:
    def test_count_in_the_teams_hours(self, team: Team) -> None:
        with clock.frozen(NOON):
            evening = datetime(2026, 11, 18, 9, 55, tzinfo=UTC)  # 17:55
            talk = waiting(since=evening)
            assert routing.plan() == 1 and routing.plan() == 0
        talk.refresh_from_db()
        assert talk.team == team
        assert talk.due_now == datetime(2026, 11, 19, 1, 5, tzinfo=UTC)  # Thursday 09:05

    def test_have_a_general_target_where_there_is_no_team(self) -> None:
        with clock.frozen(NOON):
            talk = waiting()
            routing.plan()
        talk.refresh_from_db()
        assert talk.team is None and talk.due_now == NOON + timedelta(minutes=6)

    def test_are_worked_out_anew_for_a_new_wait(self, team: Team) -> None:
        with clock.frozen(NOON):
            talk = waiting()
            routing.plan()
        Conversation.objects.filter(pk=talk.pk).update(waiting_since=None)
        talk.refresh_from_db()
        assert talk.due_now is None
        later = NOON + timedelta(hours=2)
        Conversation.objects.filter(pk=talk.pk).update(waiting_since=later)
        with clock.frozen(later):
            talk.refresh_from_db()
            assert talk.due_now is None
            routing.plan()
        talk.refresh_from_db()
        assert talk.due_now == later + timedelta(minutes=10)

    def test_begin_with_the_customers_message(self, team: Team) -> None:
        number = people.hong_kong()
        people.post(number, people.body(number, messages=[people.text_message("請問幾時送到?")]))
        pipeline.drain()
        routing.plan()
        talk = Conversation.objects.get()
        assert talk.team == team and talk.due_now is not None

    def test_what_is_overdue_is_told_once(self, team: Team) -> None:
        with clock.frozen(NOON):
            talk = waiting()
            routing.plan()
            assert routing.note_breaches() == 0
        with clock.frozen(NOON + timedelta(minutes=11)):
            assert routing.note_breaches() == 1 and routing.note_breaches() == 0
            assert list(Conversation.objects.overdue(clock.now())) == [talk]
        assert Event.objects.filter(kind="conversation.overdue").count() == 1
        assert Alert.objects.filter(key="overdue", closed_at=None).count() == 1
        Conversation.objects.update(waiting_since=None)
        with clock.frozen(NOON + timedelta(minutes=12)):
            routing.note_breaches()
        assert not Alert.objects.filter(key="overdue", closed_at=None).exists()


@pytest.mark.django_db
class Assigning:
    def test_takes_turns_among_those_who_are_here(self, team: Team) -> None:
        with clock.frozen(NOON):
            for name in ("an", "bo", "chi"):
                member(team, name)
            for n in range(6):
                waiting(f"8529123{n:04d}")
            routing.plan()
            assert routing.assign_waiting() == 6
        assert Counter(Conversation.objects.values_list("assignee__username", flat=True)) == {"an": 2, "bo": 2, "chi": 2}
        assert Event.objects.filter(kind="conversation.assigned").count() == 6

    def test_nobody_who_is_away_gone_full_or_off_shift(self, team: Team) -> None:
        with clock.frozen(NOON):
            member(team, "away", presence="away")
            member(team, "gone", seen_at=NOON - timedelta(minutes=6))
            member(team, "full", capacity=0)
            off = member(team, "off")
            Shift.objects.create(user=off, starts_at=NOON + timedelta(hours=1), ends_at=NOON + timedelta(hours=9))
            waiting()
            routing.plan()
            assert routing.assign_waiting() == 0
            Shift.objects.create(user=off, starts_at=NOON - timedelta(hours=1), ends_at=NOON + timedelta(minutes=30))
            assert routing.assign_waiting() == 1
        assert Conversation.objects.get().assignee == off

    def test_goes_back_to_whoever_spoke_with_the_customer_last(self, team: Team) -> None:
        with clock.frozen(NOON):
            member(team, "an")
            known = member(team, "bo")
            old = waiting()
            services.assign(old, to=known, by=known)
            services.close(old, by=known)
            waiting()
            routing.plan()
            routing.assign_waiting()
        assert Conversation.objects.get(status="open").assignee == known

    def test_follows_language_and_tags(self, team: Team) -> None:
        with clock.frozen(NOON):
            member(team, "an")
            returns = Team.objects.create(name="Returns", takes_new=True, skills=["return"])
            expert = member(returns, "rei", languages=["zh"])
            talk = waiting()
            tag = Tag.objects.create(name="return")
            TagAssignment.objects.create(contact=talk.identity.contact, tag=tag, assigned_at=clock.now())
            routing.plan()
            routing.assign_waiting()
        talk.refresh_from_db()
        assert (talk.team, talk.assignee) == (returns, expert)

    def test_leaves_alone_what_a_person_assigned(self, team: Team) -> None:
        boss = people.agent("boss")
        with clock.frozen(NOON):
            member(team, "an")
            talk = waiting()
            services.assign(talk, to=boss, by=boss)
            routing.plan()
            assert routing.assign_waiting() == 0
        talk.refresh_from_db()
        assert talk.assignee == boss

    def test_a_team_without_automatic_assignment_gives_nothing_away(self, team: Team) -> None:
        Team.objects.update(takes_new=False)
        with clock.frozen(NOON):
            member(team, "an")
            waiting()
            routing.plan()
            assert routing.assign_waiting() == 0


@pytest.mark.django_db
class HandingOver:
    def test_gives_the_note_to_whoever_gets_it(self, team: Team) -> None:
        mei, colleague = people.agent("mei"), people.agent("bo")
        talk = waiting()
        routing.transfer(talk, to=colleague, note="客人想換尺寸", by=mei)
        talk.refresh_from_db()
        assert talk.assignee == colleague
        assert Message.objects.get(direction="note").text == "客人想換尺寸"

    def test_to_a_team_counts_its_own_target(self, team: Team) -> None:
        with clock.frozen(NOON):
            mei, free = people.agent("mei"), member(team, "bo")
            talk = waiting()
            routing.transfer(talk, team=team, by=mei)
            routing.plan()
            routing.assign_waiting()
        talk.refresh_from_db()
        assert (talk.team, talk.assignee, talk.due_now) == (team, free, NOON + timedelta(minutes=10))


@pytest.mark.django_db
class Console:
    @pytest.fixture
    def desk(self) -> Client:
        from tests.console.conftest import allow, seated

        return seated(allow(people.agent("mei"), "conversations.view_conversation", "conversations.change_conversation"))

    def test_one_is_seen_while_the_inbox_is_open_and_can_step_away(self, desk: Client) -> None:
        desk.get("/admin/inbox/live/")
        mei = User.objects.get(username="mei")
        assert mei.seen_at is not None and staff.here([mei.pk], clock.now()) == {mei.pk}
        desk.post("/admin/inbox/presence/", {"presence": "away"})
        assert staff.here([mei.pk], clock.now()) == set()
        desk.post("/admin/inbox/presence/", {"presence": "nonsense"})
        assert User.objects.get(pk=mei.pk).presence == "away"

    def test_the_overdue_queue_shows_and_counts_them(self, desk: Client) -> None:
        talk = waiting(since=clock.now() - timedelta(hours=1))
        routing.plan()
        page = desk.get("/admin/inbox/?queue=overdue").content.decode()
        assert f"/admin/inbox/{talk.pk}/" in page and "overdue" in page

    def test_says_until_when_it_should_be_closed(self, desk: Client, team: Team) -> None:
        Team.objects.update(resolution_hours=8)
        User.objects.get(username="mei").teams.add(team)
        talk = waiting()
        opened = datetime(2026, 11, 18, 8, 0, tzinfo=UTC)  # 16:00: two hours today, six tomorrow
        Conversation.objects.filter(pk=talk.pk).update(team=team, opened_at=opened)
        talk = Conversation.objects.get(pk=talk.pk)
        assert routing.resolve_by(talk) == datetime(2026, 11, 19, 7, 0, tzinfo=UTC)
        assert "To be closed by" in desk.get(f"/admin/inbox/{talk.pk}/").content.decode()
        services.close(talk, by=User.objects.get(username="mei"))
        assert routing.resolve_by(Conversation.objects.get(pk=talk.pk)) is None

    def test_hands_over_with_a_note(self, desk: Client, team: Team) -> None:
        talk = waiting()
        address, script = f"/admin/inbox/{talk.pk}/transfer/", {"X-Requested-With": "fetch"}
        assert desk.post(address, {"to": "x"}, headers=script).status_code == 422
        answer = desk.post(address, {"to": f"team:{team.pk}", "note": "Please"}, headers=script)
        assert answer.json()["ok"] and Conversation.objects.get(pk=talk.pk).team == team
        # It is the other team's now, and out of sight.
        assert desk.post(address, {"to": f"team:{team.pk}"}, headers=script).status_code == 404

    def test_wrong_hours_are_named(self) -> None:
        User.objects.create_superuser("root", password="correct horse")
        client = Client()
        client.force_login(User.objects.get(username="root"))
        page = client.post("/admin/staff/businesshours/add/", {"name": "HK", "time_zone": "Asia/Hong_Kong", "mon": "nine to five"})
        assert page.status_code == 200 and not BusinessHours.objects.exists()
        assert "write it as" in page.content.decode()
        posted = {"name": "Returns", "takes_new": "on", "languages": "ja、 zh, ja", "skills": ""}
        client.post("/admin/staff/team/add/", posted)
        assert Team.objects.get().languages == ["ja", "zh"]


@pytest.mark.django_db(transaction=True)
class WorkersSideBySide:
    """Eight of them, thirty customers, two people who can carry five each."""

    def shared_out(self, day_shift: BusinessHours) -> Counter[str]:
        if database.vendor != "postgresql":
            pytest.skip("SQLite has one writer: its turn is taken in the database, only PostgreSQL can show the race")
        team = Team.objects.create(name="Service", takes_new=True)
        for name in ("an", "bo"):
            member(team, name, capacity=5)
        for n in range(30):
            waiting(f"8529123{n:04d}")
        routing.plan()

        rows = list(Conversation.objects.owed().select_related("identity__contact"))
        needs = routing.needs_of(rows)

        def work(place: int) -> None:
            try:
                for row in rows[place::8]:
                    routing.give(row.pk, needs[row.pk])
            finally:
                database.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        return Counter(Conversation.objects.exclude(assignee=None).values_list("assignee__username", flat=True))

    def test_never_give_one_more_than_they_can_carry(self, day_shift: BusinessHours) -> None:
        assert self.shared_out(day_shift) == {"an": 5, "bo": 5}

    def test_would_without_the_teams_lock(self, day_shift: BusinessHours) -> None:
        with sabotaged("no_team_lock"):
            assert max(self.shared_out(day_shift).values()) > 5
