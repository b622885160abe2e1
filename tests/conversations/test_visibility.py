"""Who sees which customers: by team, by channel, by ownership; asked of the rows themselves. The pages are in tests/rights."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Group
from django.db import models

from scrm.api.authentication import Partner
from scrm.api.services import issue_token
from scrm.contacts import merging
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, Event, Identity
from scrm.conversations import visibility
from scrm.conversations.models import Conversation, Message
from scrm.conversations.services import add_note, start_conversation
from scrm.conversations.visibility import PATHS, listed_for, sees, visible_to
from scrm.staff import roles
from scrm.staff.models import Team, User
from tests import people

pytestmark = pytest.mark.django_db


def team(name: str, *numbers: Any) -> Team:
    made = Team.objects.create(name=name)
    made.numbers.set(numbers)
    return made


def of(team: Team | None, username: str) -> User:
    user = people.agent(username, display_name=username)
    if team is not None:
        user.teams.add(team)
    return user


def talk(phone: str, number: Any, **fields: Any) -> Conversation:
    made = start_conversation(people.customer(name=phone, phone=phone), number)
    Conversation.objects.filter(pk=made.pk).update(**fields)
    made.refresh_from_db()
    return made


def seen(viewer: Any, model: type[models.Model] = Conversation) -> set[int]:
    return set(visible_to(model._default_manager.all(), viewer).values_list("pk", flat=True))


@pytest.fixture
def shop() -> dict[str, Any]:
    """Two teams with a number each; each has an unassigned talk on its number, and Taipei's has one on Hong Kong's."""
    hk, jp = people.hong_kong(), people.tokyo()
    hong_kong, japan = team("Hong Kong", hk), team("Japan", jp)
    return {
        "hk": hk, "jp": jp, "hong_kong": hong_kong, "japan": japan, "mei": of(hong_kong, "mei"), "yuki": of(japan, "yuki"),
        "ours": talk("85291230001", hk), "theirs": talk("819012345678", jp), "handed": talk("85291230002", hk, team=japan),
    }  # fmt: skip


class Conversations:
    def test_of_no_team_are_seen_by_those_who_are_there_for_the_number(self, shop: dict[str, Any]) -> None:
        assert seen(shop["mei"]) == {shop["ours"].pk}
        assert seen(shop["yuki"]) == {shop["theirs"].pk, shop["handed"].pk}

    def test_that_are_given_to_a_person_are_theirs_whatever_the_team(self, shop: dict[str, Any]) -> None:
        Conversation.objects.filter(pk=shop["handed"].pk).update(assignee=shop["mei"])
        assert seen(shop["mei"]) == {shop["ours"].pk, shop["handed"].pk}

    def test_on_a_number_that_no_team_took_are_seen_by_people_of_no_team(self, shop: dict[str, Any]) -> None:
        free = people.hong_kong(slug="tw", account_id="106540352242944")
        talked = talk("886912345678", free)
        assert seen(of(None, "newcomer")) == {talked.pk}

    def test_are_all_seen_by_a_team_that_is_there_for_every_number_until_a_team_has_them(self, shop: dict[str, Any]) -> None:
        assert seen(of(team("Night"), "ken")) == {shop["ours"].pk, shop["theirs"].pk}

    def test_are_all_seen_by_supervisors_and_owners(self, shop: dict[str, Any]) -> None:
        roles.install()
        ken = of(shop["hong_kong"], "ken")
        ken.groups.add(Group.objects.get(name=roles.SUPERVISORS))
        owner = User.objects.create_superuser("owner")
        assert len(seen(User.objects.get(pk=ken.pk))) == len(seen(owner)) == 3

    def test_are_all_hidden_from_who_is_deactivated_or_nobody(self, shop: dict[str, Any]) -> None:
        User.objects.filter(pk=shop["mei"].pk).update(is_active=False)
        owner = User.objects.create_superuser("owner", is_active=False)
        for viewer in (User.objects.get(pk=shop["mei"].pk), owner, AnonymousUser(), User(username="unsaved")):
            assert seen(viewer) == seen(viewer, Contact) == seen(viewer, Team) == set()

    def test_carry_their_messages_with_them(self, shop: dict[str, Any]) -> None:
        notes = [add_note(shop[name], text="您好", by=shop["mei"]) for name in ("ours", "handed")]
        assert seen(shop["mei"], Message) == {notes[0].pk}
        assert sees(shop["yuki"], notes[1]) and not sees(shop["yuki"], notes[0])

    @pytest.mark.parametrize("few", [0, 1, 2_000])
    def test_are_the_same_in_a_list(self, few: int, shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """However many somebody sees: up to a number they are looked up one by one, beyond it in the list's own order."""
        monkeypatch.setattr(visibility, "FEW", few)
        Conversation.objects.filter(pk=shop["theirs"].pk).update(assignee=shop["mei"])
        add_note(shop["handed"], text="您好", by=shop["mei"])
        token, _plaintext = issue_token("agency", ["contacts:read"], channels=[shop["jp"]])
        agents = [shop["mei"], shop["yuki"], of(None, "newcomer"), of(team("Night"), "ken")]
        for viewer in [*agents, Partner(token), AnonymousUser(), User.objects.create_superuser("owner")]:
            for model in (Conversation, Message, Contact):
                assert set(listed_for(model._default_manager.all(), viewer).values_list("pk", flat=True)) == seen(viewer, model)

    def test_that_are_many_are_not_counted_at_every_look(
        self, shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
    ) -> None:
        monkeypatch.setattr(visibility, "FEW", 0)
        assert set(listed_for(Conversation.objects.all(), shop["mei"])) == {shop["ours"]}
        again = User.objects.get(pk=shop["mei"].pk)
        with django_assert_num_queries(3):  # rights, teams, the list
            assert set(listed_for(Conversation.objects.all(), again)) == {shop["ours"]}


class Contacts:
    @pytest.mark.parametrize("few", [0, 3, 2_000])
    def test_in_a_list_are_those_who_are_seen_for_whatever_reason(self, few: int, shop: dict[str, Any], monkeypatch: Any) -> None:
        """By a conversation, as one's own, as nobody's; a person who was joined with another and parted again is nobody's once more."""
        monkeypatch.setattr(visibility, "FEW", few)
        twins = [people.customer("Nobody's", f"8529123999{number}").contact for number in (3, 4)]
        later = twins[1].created_at + timedelta(days=1)
        Contact.objects.filter(pk=twins[1].pk).update(created_at=later, last_activity_at=later)
        merging.merge(*twins, by=shop["mei"], reason="the same person")
        owned, nobodys = people.customer("Owned", "85291239991").contact, people.customer("Nobody's", "85291239992").contact
        Contact.objects.filter(pk=owned.pk).update(owner=shop["mei"])
        joined = merging.merge(nobodys, shop["theirs"].identity.contact, by=shop["mei"], reason="the same person")
        current = Contact.objects.filter(merged_into=None)
        for undone in (False, True):
            if undone:
                merging.undo(joined, by=shop["mei"])
            for viewer in (User.objects.get(pk=shop[name].pk) for name in ("mei", "yuki")):
                listed = set(listed_for(current, viewer).values_list("pk", flat=True))
                assert listed == set(visible_to(current, viewer).values_list("pk", flat=True))
                assert (nobodys.pk in listed) is (undone or viewer.username == "yuki")
                assert twins[0].pk in listed
                assert (owned.pk in listed) is (viewer.username == "mei")

    def test_that_are_not_found_in_time_are_listed_as_many_are(self, shop: dict[str, Any], monkeypatch: Any) -> None:
        monkeypatch.setattr(visibility, "rows_within", lambda *asked: None)
        assert set(listed_for(Contact.objects.all(), shop["mei"])) == {shop["ours"].identity.contact}
        assert visibility.few_of(Contact, shop["mei"]) is None

    def test_are_seen_with_the_conversation(self, shop: dict[str, Any]) -> None:
        mine = shop["ours"].identity
        assert seen(shop["mei"], Contact) == {mine.contact_id}
        assert seen(shop["mei"], Identity) == {mine.pk}
        assert seen(shop["mei"], Event) == set(Event.objects.filter(contact=mine.contact_id).values_list("pk", flat=True))

    def test_of_nobody_yet_are_seen_by_all_agents_until_somebody_owns_them(self, shop: dict[str, Any]) -> None:
        written = people.someone()
        assert written.pk in seen(shop["mei"], Contact) & seen(shop["yuki"], Contact)
        Contact.objects.filter(pk=written.pk).update(owner=shop["yuki"])
        assert written.pk in seen(shop["yuki"], Contact) - seen(shop["mei"], Contact)

    def test_that_were_merged_are_seen_with_the_person_in_whom_they_show(self, shop: dict[str, Any]) -> None:
        duplicate = people.someone()
        merging.merge(shop["theirs"].identity.contact, duplicate, by=shop["yuki"])
        assert duplicate.pk in seen(shop["yuki"], Contact) - seen(shop["mei"], Contact)

    def test_are_asked_for_with_a_bounded_number_of_statements(self, shop: dict[str, Any], django_assert_max_num_queries: Any) -> None:
        mei = User.objects.get(pk=shop["mei"].pk)
        with django_assert_max_num_queries(5):  # rights, teams, and three lists
            assert seen(mei) and seen(mei, Contact) and seen(mei, Event)


class Cases:
    def test_are_seen_by_who_sees_all_their_people(self, shop: dict[str, Any]) -> None:
        ours, theirs, nobodys = shop["ours"].identity.contact, shop["theirs"].identity.contact, people.someone()
        mixed, mine = (DuplicateCase.objects.create(score=0.9, created_at=ours.created_at, size=2) for _n in range(2))
        for case, other in ((mixed, theirs), (mine, nobodys)):
            first, second = sorted((ours, other), key=lambda row: row.pk)
            DuplicateCandidate.objects.create(first=first, second=second, case=case, score=0.9, found_at=ours.created_at)
        assert seen(shop["mei"], DuplicateCase) == {mine.pk}


class PartnersTokens:
    def test_see_everything_without_a_limit(self, shop: dict[str, Any]) -> None:
        token, _plaintext = issue_token("shop", ["contacts:read"])
        assert len(seen(Partner(token))) == 3

    def test_see_their_channels_alone_and_the_people_on_them(self, shop: dict[str, Any]) -> None:
        token, _plaintext = issue_token("agency", ["contacts:read"], channels=[shop["jp"]])
        people.someone()
        assert seen(Partner(token)) == {shop["theirs"].pk}
        assert seen(Partner(token), Contact) == {shop["theirs"].identity.contact_id}

    @pytest.mark.parametrize("scope", ["hooks:write", "contacts:write"])
    def test_cannot_have_what_does_not_end_at_a_channel(self, scope: str, shop: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="limited to channels"):
            issue_token("agency", [scope], channels=[shop["jp"]])


class TheListOfPaths:
    def test_names_every_model_that_hangs_on_a_customer(self) -> None:
        customers = {Contact, Identity, Conversation, Message}
        ours = [
            model for model in apps.get_models() if model.__module__.startswith(("scrm.", "reports.")) and "sandbox" not in model.__module__
        ]
        grown = True
        while grown:
            grown = False
            for model in ours:
                if model not in customers and any(_leads_to(field, customers) for field in model._meta.fields):
                    customers.add(model)
                    grown = True
        assert {model._meta.label_lower for model in customers} - PATHS == set()

    def test_names_only_what_there_is(self) -> None:
        assert {model._meta.label_lower for model in apps.get_models()} >= PATHS


def _leads_to(field: Any, models_: set[Any]) -> bool:
    return field.is_relation and field.related_model in models_
