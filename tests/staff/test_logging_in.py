"""Log-ins: guessing is slow and tells nothing, sessions end when they should, and all of it is on record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory, override_settings

from scrm.core import clock
from scrm.core.addresses import client_address
from scrm.core.audit_models import AuditDetail, AuditEntry
from scrm.staff import guessing, jobs, roles
from scrm.staff.models import Guessing, User
from tests import people

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)
PASSWORD = "correct horse"
PAGE = "/admin/password_change/"


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.frozen(NOON), override_settings(SESSION_IDLE_MINUTES=30, SESSION_HOURS=12):
        yield


def log_in(client: Client, username: str = "mei", password: str = PASSWORD, address: str = "203.0.113.5") -> Any:
    return client.post("/admin/login/", {"username": username, "password": password}, REMOTE_ADDR=address)


def is_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def actions() -> list[str]:
    return list(AuditEntry.objects.filter(action__startswith="staff.").order_by("id").values_list("action", flat=True))


@pytest.fixture
def mei() -> User:
    return people.agent("mei")


@pytest.fixture
def desk(mei: User) -> Client:
    client = Client()
    assert log_in(client).status_code == 302
    return client


class Guessers:
    def test_of_one_account_have_to_wait_from_the_sixth_try_even_with_the_right_password(self, mei: User) -> None:
        answers = [log_in(Client(), password=f"wrong {n}", address=f"203.0.113.{n}").status_code for n in range(5)]
        assert answers == [200] * 5
        refused = log_in(Client(), address="203.0.113.99")
        assert "Try again in 30 seconds" in refused.content.decode()
        clock.advance(timedelta(seconds=31))
        assert log_in(Client(), address="203.0.113.99").status_code == 302

    def test_wait_longer_with_each_further_wrong_one_and_never_longer_than_a_quarter_of_an_hour(self) -> None:
        waits = [guessing.ACCOUNT.wait(attempts).total_seconds() for attempts in (4, 5, 6, 9, 10, 10_000)]
        assert waits == [0, 30, 60, 480, 900, 900]

    def test_who_try_one_password_on_many_accounts_have_to_wait_too(self) -> None:
        for n in range(5):
            log_in(Client(), username=f"name {n}")
        assert "Try again in" in log_in(Client(), username="name 6").content.decode()
        assert "Try again in" not in log_in(Client(), username="name 6", address="198.51.100.7").content.decode()

    def test_learn_nothing_about_names(self, mei: User) -> None:
        def body(name: str) -> tuple[int, str]:
            answer = log_in(Client(), username=name, password="wrong", address="")
            return answer.status_code, answer.content.decode().replace(name, "NAME").split("</form>")[0].split("csrfmiddlewaretoken")[0]

        assert [body("mei") for _n in range(8)] == [body("nob") for _n in range(8)]

    def test_are_forgotten_when_the_password_is_right(self, mei: User) -> None:
        for _turn in range(4):
            log_in(Client(), password="wrong")
        assert log_in(Client()).status_code == 302
        assert not Guessing.objects.filter(key=guessing.key_of(guessing.ACCOUNT, "MEI ")).exists()

    def test_cannot_clear_an_address_with_an_account_of_their_own(self, mei: User) -> None:
        for n in range(4):
            log_in(Client(), username=f"name {n}")
        log_in(Client())
        log_in(Client(), username="name 8")
        assert "Try again in" in log_in(Client(), username="name 9").content.decode()

    def test_are_forgotten_after_a_day(self) -> None:
        log_in(Client(), username="nobody")
        clock.advance(timedelta(days=2))
        jobs.forget_old()
        assert not Guessing.objects.exists()


class Addresses:
    @pytest.mark.parametrize(
        ("proxies", "header", "address"),
        [(0, "6.6.6.6", "10.0.0.1"), (1, "6.6.6.6, 203.0.113.5", "203.0.113.5"), (2, "6.6.6.6, 203.0.113.5, 10.0.0.9", "203.0.113.5"),
         (1, "", "10.0.0.1")],
    )  # fmt: skip
    def test_are_believed_as_far_as_our_own_proxies_write_them(self, proxies: int, header: str, address: str) -> None:
        request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=header, REMOTE_ADDR="10.0.0.1")
        with override_settings(PROXIES=proxies):
            assert client_address(request) == address


class Sessions:
    def test_get_a_new_key_at_the_log_in(self, mei: User) -> None:
        client = Client()
        client.get("/admin/login/")
        client.session["x"] = 1
        before = client.session.session_key
        log_in(client)
        assert client.cookies["sessionid"].value != before

    def test_end_after_half_an_hour_without_anybody_at_work(self, desk: Client) -> None:
        for _turn in range(3):
            clock.advance(timedelta(minutes=29))
            assert is_in(desk)
        clock.advance(timedelta(minutes=30))
        assert not is_in(desk) and not is_in(desk)
        assert actions()[-1] == "staff.session_ended"

    def test_are_not_kept_alive_by_an_open_page_alone(self, desk: Client) -> None:
        for _turn in range(3):
            clock.advance(timedelta(minutes=10))
            desk.get("/admin/inbox/live/")
        assert not is_in(desk)

    def test_are_kept_alive_by_a_page_at_which_somebody_works(self, desk: Client) -> None:
        for _turn in range(6):
            clock.advance(timedelta(minutes=10))
            desk.get("/admin/inbox/live/?active=1")
        assert is_in(desk)

    def test_end_after_twelve_hours_whatever_is_done(self, desk: Client) -> None:
        for _turn in range(12 * 3 - 1):
            clock.advance(timedelta(minutes=20))
            assert is_in(desk)
        clock.advance(timedelta(minutes=20))
        assert not is_in(desk)

    def test_open_nothing_after_the_log_out(self, desk: Client) -> None:
        stolen = desk.cookies["sessionid"].value
        desk.post("/admin/logout/")
        thief = Client()
        thief.cookies["sessionid"] = stolen
        assert not is_in(thief)

    @pytest.mark.parametrize("change", ["deactivated", "password", "role", "right", "superuser", "role the other way round"])
    def test_end_when_the_person_changes(self, change: str, mei: User, desk: Client) -> None:
        roles.install()
        agents = Group.objects.get(name=roles.AGENTS)
        user = User.objects.get(pk=mei.pk)
        if change == "deactivated":
            user.is_active = False
            user.save()
        elif change == "password":
            user.set_password("another horse")
            user.save()
        elif change == "role":
            user.groups.add(agents)
        elif change == "role the other way round":
            agents.user_set.add(user)
        elif change == "right":
            user.user_permissions.add(agents.permissions.first())
        else:
            user.is_superuser = True
            user.save(update_fields=["is_superuser"])
        assert not is_in(desk)

    def test_go_on_when_something_else_changes(self, mei: User, desk: Client) -> None:
        user = User.objects.get(pk=mei.pk)
        user.display_name = "美儀"
        user.save()
        assert is_in(desk)

    def test_of_ones_own_go_on_after_changing_ones_password(self, desk: Client) -> None:
        given = {"old_password": PASSWORD, "new_password1": "a longer horse 7", "new_password2": "a longer horse 7"}
        assert desk.post(PAGE, {**given, "old_password": "wrong"}).status_code == 200
        assert desk.post(PAGE, given).status_code == 302
        assert is_in(desk)
        assert actions()[-1] == "staff.password_changed"

    def test_have_a_cookie_that_no_script_and_no_other_site_can_use(self, desk: Client) -> None:
        cookie = desk.cookies["sessionid"]
        assert (cookie["httponly"], cookie["samesite"], cookie["domain"]) == (True, "Lax", "")


class TheLogInPage:
    def told(self, client: Client, **headers: str) -> bool:
        return "Your log-in has ended." in client.get("/admin/login/", headers=headers).content.decode()

    def test_says_nothing_at_a_first_visit_and_after_a_log_out(self, mei: User, desk: Client) -> None:
        assert not self.told(Client())
        desk.post("/admin/logout/")
        assert not self.told(desk)
        # Nor to who only tried.
        stranger = Client()
        log_in(stranger, password="wrong")
        assert not self.told(stranger)

    @pytest.mark.parametrize("ends", ["idle", "password", "cookie"])
    def test_says_that_a_log_in_ended_and_what_became_of_what_was_written(self, ends: str, mei: User, desk: Client) -> None:
        if ends == "idle":
            clock.advance(timedelta(minutes=31))
        elif ends == "password":
            mei.set_password("battery staple 7")
            mei.save()
        else:
            # The browser drops it at its end, over night for instance.
            del desk.cookies["sessionid"]
        answer = desk.get("/admin/inbox/", follow=True)
        page = answer.content.decode()
        assert answer.redirect_chain and "Your log-in has ended." in page and "after 12 hours" in page
        assert "it is kept in this browser" in page and "entered anew" in page
        assert self.told(desk)
        log_in(desk, password="battery staple 7" if ends == "password" else PASSWORD)
        desk.post("/admin/logout/")
        assert not self.told(desk)

    def test_says_so_a_week_long_in_a_cookie_that_no_script_reads(self, desk: Client) -> None:
        cookie = desk.cookies["seated"]
        assert (cookie.value, cookie["max-age"], cookie["httponly"], cookie["samesite"]) == ("1", 7 * 86400, True, "Lax")

    @pytest.mark.parametrize(("language", "words"), [("ja", "ログイン"), ("zh-hant", "登入"), ("zh-hans", "登录")])
    def test_says_so_in_the_readers_language(self, language: str, words: str, desk: Client) -> None:
        del desk.cookies["sessionid"]
        page = desk.get("/admin/login/", headers={"accept-language": language}).content.decode()
        told = page[page.index('role="status"') :].split("</div>")[0]
        assert words in told and "log-in" not in told


class TheRecord:
    def test_tells_of_log_ins_wrong_passwords_and_log_outs_with_the_address(self, mei: User) -> None:
        client = Client()
        log_in(client, password="wrong")
        log_in(client)
        client.post("/admin/logout/")
        told = [action for action in actions() if action != "staff.rights_changed"]
        assert told == ["staff.login_failed", "staff.logged_in", "staff.logged_out"]
        entry = AuditEntry.objects.get(action="staff.logged_in")
        assert (entry.by, entry.subject, entry.detail.body["address"]) == ("mei", f"staff.user:{mei.pk}", "203.0.113.5")

    def test_keeps_no_name_that_nobody_has_for_it_may_be_a_password(self) -> None:
        log_in(Client(), username="S3cret-in-the-wrong-box")
        assert AuditEntry.objects.filter(action="staff.login_failed", subject="").exists()
        assert not [row for row in AuditDetail.objects.all() if "S3cret" in str(row.body)]

    def test_does_not_grow_with_tries_that_have_to_wait(self) -> None:
        for _turn in range(20):
            log_in(Client(), username="nobody")
        assert AuditEntry.objects.filter(action="staff.login_failed").count() == 5
