"""One person answers, everybody sees it, it ends by itself, and it is taken over only on purpose."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections

from scrm.contacts.models import Event
from scrm.conversations import claims
from scrm.conversations.models import Claim, Conversation
from scrm.conversations.services import assign
from scrm.core import clock
from scrm.staff.models import User
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def mei(db: None) -> User:
    return people.agent("mei")


@pytest.fixture
def kenji(db: None) -> User:
    return people.agent("kenji", display_name="佐藤健二")


def end(conversation: Conversation) -> None:
    Claim.objects.filter(conversation=conversation).update(until=clock.now() - timedelta(seconds=1))


class Claims:
    def test_tell_the_second_who_is_answering(self, mei: User, kenji: User) -> None:
        chat = people.conversation()
        assert claims.take(chat.pk, by=kenji) is None
        told = claims.take(chat.pk, by=mei)
        assert told is not None and (told.name, told.holder) == ("佐藤健二", kenji.pk)
        assert claims.held(chat.pk) == told and claims.held(chat.pk, but=kenji) is None

    def test_last_two_minutes_from_the_last_letter(self, mei: User, kenji: User) -> None:
        chat = people.conversation()
        claims.take(chat.pk, by=kenji)
        Claim.objects.update(until=clock.now() + timedelta(seconds=5))
        claims.take(chat.pk, by=kenji)
        left = Claim.objects.get().until - clock.now()
        assert timedelta(seconds=110) < left <= claims.LASTS

    def test_end_by_themselves(self, mei: User, kenji: User) -> None:
        chat = people.conversation()
        claims.take(chat.pk, by=kenji)
        end(chat)
        assert claims.held(chat.pk) is None and claims.standing() == []
        assert claims.take(chat.pk, by=mei) is None
        assert Claim.objects.get().holder == mei

    def test_are_given_back_by_their_holder_alone(self, mei: User, kenji: User) -> None:
        chat = people.conversation()
        claims.take(chat.pk, by=kenji)
        claims.release(chat.pk, by=mei)
        assert claims.held(chat.pk) is not None
        claims.release(chat.pk, by=kenji)
        assert claims.held(chat.pk) is None


class TakingOver:
    def test_is_on_the_timeline(self, mei: User, kenji: User) -> None:
        chat = people.conversation()
        claims.take(chat.pk, by=kenji)
        assert claims.take(chat.pk, by=mei, over=True) is None
        assert Claim.objects.get().holder == mei
        assert Event.objects.get(kind="conversation.taken_over").data == {"conversation": chat.pk, "by": "mei"}

    def test_of_the_one_it_is_assigned_to_assigns_it(self, mei: User, kenji: User) -> None:
        chat = people.conversation()
        assign(chat, to=kenji, by=kenji)
        claims.take(chat.pk, by=kenji)
        claims.take(chat.pk, by=mei, over=True)
        assert Conversation.objects.get(pk=chat.pk).assignee == mei

    def test_where_nobody_answers_is_an_ordinary_claim(self, mei: User, kenji: User) -> None:
        chat = people.conversation()
        assign(chat, to=kenji, by=kenji)
        claims.take(chat.pk, by=mei, over=True)
        assert Conversation.objects.get(pk=chat.pk).assignee == kenji
        assert not Event.objects.filter(kind="conversation.taken_over").exists()


class NextPlease:
    def test_passes_by_what_somebody_answers(self, mei: User, kenji: User) -> None:
        first, second = people.conversation(), people.conversation(people.customer("山田花子", "819012345678"))
        waiting = [first.pk, second.pk]
        assert claims.take_next(waiting, by=kenji) == first.pk
        assert claims.take_next(waiting, by=mei) == second.pk
        assert claims.take_next(waiting, by=people.agent("aya")) is None

    def test_sweeps_away_what_is_long_over(self, mei: User) -> None:
        old = people.conversation()
        Claim.objects.create(conversation=old, holder=mei, until=clock.now() - timedelta(hours=2))
        claims.take_next([], by=mei)
        assert not Claim.objects.exists()


@pytest.mark.django_db(transaction=True)
class InTheSameMoment:
    def test_one_of_many_has_it_and_all_others_are_told(self) -> None:
        chat = people.conversation()
        agents = [people.agent(f"agent{number}") for number in range(6)]

        def claim(user: User) -> str:
            try:
                other = claims.take(chat.pk, by=user)
                return other.name if other else ""
            finally:
                connections.close_all()

        with ThreadPoolExecutor(6) as pool:
            told = list(pool.map(claim, agents))
        holder = Claim.objects.get().holder
        assert sorted(told) == sorted(["", *[str(holder)] * 5])
