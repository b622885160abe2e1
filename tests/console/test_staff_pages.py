"""The pages of users and roles: in words that a supervisor understands, and with what they look for."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from scrm.staff import roles
from scrm.staff.models import Team, User
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def mei(db: None) -> User:
    roles.install()
    user = people.agent("mei", display_name="陳美儀")
    user.groups.add(Group.objects.get(name=roles.AGENTS))
    user.teams.add(Team.objects.create(name="觀塘"))
    return user


def saved(client: Client, user: User, **more: Any) -> Any:
    form = {"username": user.username, "presence": "online", "capacity": 20, "is_active": "on", "is_staff": "on", **more}
    return client.post(f"/admin/staff/user/{user.pk}/change/", form)


class TheListOfUsers:
    def test_says_who_has_which_role_and_team(self, owner: Client, mei: User) -> None:
        html = owner.get("/admin/staff/user/").content.decode()
        for words in ("Agents", "觀塘", "Account owner", "陳美儀"):
            assert words in html

    def test_costs_the_same_for_thirty_as_for_one(self, owner: Client, mei: User, django_assert_max_num_queries: Any) -> None:
        for number in range(30):
            people.agent(f"agent{number}").groups.add(Group.objects.get(name=roles.AGENTS))
        with django_assert_max_num_queries(12):
            owner.get("/admin/staff/user/")

    def test_names_the_roles_in_the_readers_language(self, owner: Client, mei: User) -> None:
        html = owner.get("/admin/staff/user/", headers={"Accept-Language": "ja"}).content.decode()
        assert "オペレーター" in html and "Agents" not in html


class TheFormOfAUser:
    def test_offers_the_languages_that_there_are(self, owner: Client, mei: User) -> None:
        html = owner.get(f"/admin/staff/user/{mei.pk}/change/").content.decode()
        assert '<option value="zh-hant"' in html and "as the browser asks" in html
        assert saved(owner, mei, language="ja").status_code == 302
        mei.refresh_from_db()
        assert mei.language == "ja"

    def test_refuses_another(self, owner: Client, mei: User) -> None:
        answer = saved(owner, mei, language="klingon")
        assert answer.status_code == 200 and "not one of the available choices" in answer.content.decode()

    def test_speaks_of_roles_and_not_of_the_frameworks_flags(self, owner: Client, mei: User) -> None:
        html = owner.get(f"/admin/staff/user/{mei.pk}/change/").content.decode()
        assert "Roles" in html and "May log in here" in html
        for machinery in ("Superuser status", "Staff status", "Designates", ">Groups<"):
            assert machinery not in html


class Roles:
    def test_are_called_so_wherever_they_stand(self, owner: Client, mei: User) -> None:
        role = Group.objects.get(name=roles.AGENTS)
        for page in ("", f"{role.pk}/change/", "add/"):
            html = owner.get(f"/admin/auth/group/{page}").content.decode()
            head = html[html.index("<title>") : html.index("</title>")]
            assert "role" in head.lower() or "Agents" in head
            assert "Authentication and Authorization" not in html and "Delete group" not in html
            assert "Groups: add" not in html and "Permissions:" not in html

    def test_tell_how_many_people_have_them(self, owner: Client, mei: User) -> None:
        html = owner.get("/admin/auth/group/").content.decode()
        row = html[html.index(">Agents<") :]
        assert 'data-label="People">1<' in row.partition("</tr>")[0]


class TheHeading:
    def test_leaves_the_names_that_people_gave_alone(self, owner: Client) -> None:
        user = people.agent("wei", display_name="")
        html = owner.get(f"/admin/staff/user/{user.pk}/change/").content.decode()
        assert ">wei</a>" in html and ">Wei</a>" not in html
