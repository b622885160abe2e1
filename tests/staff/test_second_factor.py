"""The second factor: who needs one, how it is set up, what opens, what is slowed down, who can take it away; on the pages themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pyotp
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings

from scrm.core import clock
from scrm.core.audit_models import AuditEntry
from scrm.staff import second_factor
from scrm.staff.models import RecoveryCode, SecondFactor, User
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)
ASKED, SET_UP, BEHIND = "/admin/second-factor/", "/admin/second-factor/set-up/", "/admin/password_change/"


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.frozen(NOON), override_settings(SECOND_FACTOR="supervisors"):
        yield


@pytest.fixture
def ken() -> User:
    return allow(people.agent("ken", display_name="陳建國"), "staff.see_all")


def code(user: User, steps: int = 0) -> str:
    secret = str(SecondFactor.objects.get(user=user).secret)
    return pyotp.TOTP(secret).at(int(clock.now().timestamp()) + steps * 30)


def protected(user: User) -> list[str]:
    """With a factor in use; gives the recovery codes. The code that confirmed it is spent: half a minute passes."""
    second_factor.begin(user)
    codes = second_factor.confirm(user, code(user))
    assert codes is not None
    clock.advance(timedelta(seconds=30))
    return codes


def logged_in(user: User) -> Client:
    """By the password alone."""
    return seated(User.objects.get(pk=user.pk))


def is_through(client: Client) -> bool:
    return client.get(BEHIND).status_code == 200


class WhoNeedsOne:
    def test_is_who_sees_all_customers_or_changes_rights_connections_and_tokens(self, ken: User) -> None:
        needing = [ken, User.objects.create_superuser("owner"), *(allow(people.agent(right), right) for right in second_factor.STRONG)]
        assert all(second_factor.is_needed(user) for user in needing)
        assert not second_factor.is_needed(allow(people.agent("mei"), "conversations.change_conversation"))

    def test_is_nobody_in_the_sandbox_and_everybody_where_it_is_wanted(self, ken: User) -> None:
        with override_settings(SECOND_FACTOR="off"):
            assert is_through(logged_in(ken))
        with override_settings(SECOND_FACTOR="everybody"):
            assert second_factor.is_needed(people.agent("mei"))

    def test_gets_nowhere_without_it(self, ken: User) -> None:
        client = logged_in(ken)
        for path in (BEHIND, "/admin/", "/admin/inbox/", "/admin/inbox/live/", "/admin/exports/", "/admin/reports/", "/admin/nowhere/"):
            for ask in (client.get, client.post):
                answer = ask(path)
                assert (answer.status_code, answer["Location"]) == (302, SET_UP), path

    def test_costs_those_who_need_none_one_look_a_session(self, django_assert_num_queries: Any) -> None:
        client = logged_in(people.agent("mei"))
        client.get(BEHIND)
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as asked:
            client.get(BEHIND)
        assert not [query for query in asked.captured_queries if "staff_secondfactor" in query["sql"]]

    def test_is_asked_again_when_rights_grow_within_a_session(self) -> None:
        client = logged_in(people.agent("mei"))
        assert is_through(client)
        with override_settings(SECOND_FACTOR="everybody"):
            assert not is_through(client)


class SettingUp:
    def test_shows_a_picture_and_a_key_and_after_the_first_code_the_recovery_codes_once(self, ken: User) -> None:
        client = logged_in(ken)
        html = client.get(SET_UP).content.decode()
        secret = str(SecondFactor.objects.get(user=ken).secret)
        assert "data:image/svg+xml" in html and " ".join(secret[at : at + 4] for at in range(0, 32, 4)) in html
        wrong = client.post(SET_UP, {"code": "000000"}).content.decode()
        assert "This code is not right" in wrong and not is_through(client)
        before = client.session.session_key
        shown = client.post(SET_UP, {"code": code(ken)}).content.decode()
        codes = re.findall(r"<code>([a-z2-9-]{19})</code>", shown)
        assert len(set(codes)) == 10
        assert is_through(client) and client.session.session_key != before
        assert client.get(SET_UP)["Location"] == ASKED

    def test_shows_the_same_key_until_it_is_confirmed(self, ken: User) -> None:
        client = logged_in(ken)
        first = client.get(SET_UP).content
        secret = SecondFactor.objects.get(user=ken).secret
        client.get(SET_UP)
        assert first and SecondFactor.objects.get(user=ken).secret == secret

    def test_ends_the_sessions_that_came_in_with_the_password_alone(self, ken: User) -> None:
        with override_settings(SECOND_FACTOR="off"):
            other, client = logged_in(ken), logged_in(ken)
            assert is_through(other)
            client.get(SET_UP)
            client.post(SET_UP, {"code": code(ken)})
            assert is_through(client) and not is_through(other)

    def test_keeps_no_secret_in_clear(self, ken: User) -> None:
        codes = protected(ken)
        secret = str(SecondFactor.objects.get(user=ken).secret)
        with connection.cursor() as cursor:
            cursor.execute("SELECT secret FROM staff_secondfactor")
            stored = cursor.fetchone()[0]
        assert secret not in stored
        digests = set(RecoveryCode.objects.values_list("digest", flat=True))
        assert not digests & {*codes, *(each.replace("-", "") for each in codes)}


class Codes:
    def test_open_and_once_only(self, ken: User) -> None:
        protected(ken)
        used = code(ken)
        client = logged_in(ken)
        assert client.get("/admin/")["Location"] == ASKED
        assert client.post(ASKED, {"code": f" {used[:3]} {used[3:]}"}).status_code == 302
        assert is_through(client)
        again = logged_in(ken)
        assert "not right" in again.post(ASKED, {"code": used}).content.decode() and not is_through(again)

    def test_may_be_a_step_early_or_late_and_no_more(self, ken: User) -> None:
        protected(ken)
        clock.advance(timedelta(minutes=5))
        given = [second_factor.check(ken, code(ken, steps)) is not None for steps in (-2, -1, 0, 1, 2)]
        assert given == [False, True, True, True, False]

    def test_are_read_as_people_type_them(self, ken: User) -> None:
        protected(ken)
        wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code(ken))
        assert second_factor.check(ken, wide) is not None

    def test_of_recovery_open_once_each_and_say_how_many_are_left(self, ken: User) -> None:
        codes = protected(ken)
        for number, each in enumerate(codes[:8]):
            client = logged_in(ken)
            typed = each.upper() if number else each.replace("-", " ")
            assert client.post(ASKED, {"code": typed}).status_code == 302 and is_through(client)
        assert "2 recovery codes are left" in client.get(ASKED, follow=True).content.decode()
        spent = logged_in(ken)
        assert spent.post(ASKED, {"code": codes[0]}).status_code == 200 and not is_through(spent)

    @pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２", "\x00", "x" * 41, "9" * 16, "００００００"])
    def test_that_are_none_open_nothing(self, typed: str, ken: User) -> None:
        protected(ken)
        client = logged_in(ken)
        assert client.post(ASKED, {"code": typed}).status_code == 200
        assert not is_through(client)


class Guessers:
    def test_have_to_wait_from_the_sixth_try_even_with_the_right_code(self, ken: User) -> None:
        protected(ken)
        client = logged_in(ken)
        for _turn in range(5):
            client.post(ASKED, {"code": "000000"})
        assert "Try again in 30 seconds" in client.post(ASKED, {"code": code(ken)}).content.decode()
        assert not is_through(client)
        clock.advance(timedelta(seconds=31))
        assert client.post(ASKED, {"code": code(ken)}).status_code == 302

    def test_wait_longer_each_time_and_another_session_is_no_way_round(self, ken: User) -> None:
        protected(ken)
        waits = []
        for _turn in range(12):
            second_factor.check(ken, "000000")
            until = SecondFactor.objects.get(user=ken).locked_until
            waits.append((until - clock.now()).total_seconds() if until else 0)
            clock.advance(timedelta(seconds=waits[-1] + 1))
        assert waits == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]

    def test_are_on_record(self, ken: User) -> None:
        protected(ken)
        logged_in(ken).post(ASKED, {"code": "000000"})
        entry = AuditEntry.objects.filter(action="staff.second_factor_failed").latest("id")
        assert (entry.by, entry.subject) == ("ken", f"staff.user:{ken.pk}")


class LostPhones:
    @pytest.fixture
    def admin(self) -> User:
        return allow(people.agent("aya"), "staff.view_user", "staff.change_user")

    def test_are_helped_by_an_administrator_on_record_and_all_sessions_end(self, ken: User, admin: User) -> None:
        protected(ken)
        client = logged_in(ken)
        client.post(ASKED, {"code": code(ken)})
        with override_settings(SECOND_FACTOR="off"):
            answer = self.take_away(logged_in(admin), ken)
        assert "1 second factor was taken away" in answer
        assert not SecondFactor.objects.exists() and client.get(BEHIND)["Location"].startswith("/admin/login/")
        entry = AuditEntry.objects.get(action="staff.second_factor_removed")
        assert (entry.by, entry.subject) == ("aya", f"staff.user:{ken.pk}")

    def take_away(self, client: Client, user: User) -> str:
        given = {"action": "take_factor_away", "_selected_action": [user.pk]}
        return client.post("/admin/staff/user/", given, follow=True).content.decode()

    def test_of_owners_are_helped_by_owners_alone(self, admin: User) -> None:
        owner = User.objects.create_superuser("owner")
        protected(owner)
        with override_settings(SECOND_FACTOR="off"):
            self.take_away(logged_in(admin), owner)
        assert SecondFactor.objects.exists()

    def test_need_a_right(self, ken: User) -> None:
        protected(ken)
        with override_settings(SECOND_FACTOR="off"):
            self.take_away(logged_in(allow(people.agent("mei"), "staff.view_user")), ken)
        assert SecondFactor.objects.exists()

    def test_of_the_last_administrator_are_helped_by_a_command(self, ken: User) -> None:
        protected(ken)
        call_command("remove_second_factor", "ken", reason="phone stolen", stdout=StringIO())
        assert not SecondFactor.objects.exists()
        with pytest.raises(CommandError):
            call_command("remove_second_factor", "ken", reason="again")

    def test_can_be_changed_by_the_person_with_a_code_of_the_old_one(self, ken: User) -> None:
        codes = protected(ken)
        client = logged_in(ken)
        client.post(ASKED, {"code": codes[0]})
        assert client.post(ASKED, {"code": "000000", "do": "phone"}).status_code == 200
        assert client.post(ASKED, {"code": codes[1], "do": "phone"})["Location"] == SET_UP
        assert not is_through(client)
        client.get(SET_UP)
        client.post(SET_UP, {"code": code(ken)})
        assert is_through(client)

    def test_leave_new_recovery_codes_when_asked_for(self, ken: User) -> None:
        codes = protected(ken)
        client = logged_in(ken)
        client.post(ASKED, {"code": codes[0]})
        client.post(ASKED, {"code": codes[1], "do": "codes"})
        assert second_factor.check(ken, codes[2]) is None
        assert RecoveryCode.objects.filter(used_at=None).count() == 10


class Administrators:
    def test_do_not_make_owners_of_themselves_or_others(self) -> None:
        aya = allow(people.agent("aya"), "staff.view_user", "staff.change_user")
        owner = User.objects.create_superuser("owner", password="correct horse")
        told = {"username": "aya", "is_superuser": "on", "is_active": "on", "is_staff": "on"}
        fresh = {"password1": "a new horse 77", "password2": "a new horse 77"}
        with override_settings(SECOND_FACTOR="off"):
            client = logged_in(aya)
            client.post(f"/admin/staff/user/{aya.pk}/change/", told)
            assert client.post(f"/admin/staff/user/{owner.pk}/password/", fresh).status_code == 403
        assert not User.objects.get(pk=aya.pk).is_superuser
        assert User.objects.get(pk=owner.pk).check_password("correct horse")
