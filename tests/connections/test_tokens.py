"""Access tokens that all workers share: one fetch at a time, rotated refresh tokens kept, nothing legible in the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import close_old_connections
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from connectors import registry
from connectors.contracts import AccessToken, Account, Capabilities, ConfigField, Health, Hint, Json, ObjectType, Outcome, Page, Write
from connectors.errors import ConnectorError, NeedsLogin, Unreachable
from scrm.connections import tokens
from scrm.connections.adapters import account_of, crm_of
from scrm.connections.models import Alert, Connection, KeptToken
from scrm.connections.services import check_now, save_credentials
from scrm.connections.tokens import LEASE, KeptTokens
from scrm.core import clock
from scrm.staff.models import User

HOUR = timedelta(hours=1)


def keeper(row: Connection) -> KeptTokens:
    """As a worker makes one, that reads the connection now."""
    row = Connection.objects.get(pk=row.pk)
    return KeptTokens(row.pk, row.endpoint, account_of(row))


def gives(*given: AccessToken) -> Callable[[AccessToken | None], AccessToken]:
    left = list(given)
    return lambda kept: left.pop(0)


@dataclass
class LogIn:
    """A platform whose refresh tokens work once. `refreshed` are those that were used."""

    valid: str = "entered"
    refreshed: list[str] = field(default_factory=list)
    error: ConnectorError | None = None
    seconds: float = 0.0
    inside: int = 0
    most_inside: int = 0
    open_transactions: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, kept: AccessToken | None) -> AccessToken:
        with self._lock:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            self.open_transactions += database.in_atomic_block
        try:
            time.sleep(self.seconds)
            return self._answer(kept)
        finally:
            with self._lock:
                self.inside -= 1

    def _answer(self, kept: AccessToken | None) -> AccessToken:
        used = (kept.refresh_token if kept else "") or "entered"
        self.refreshed.append(used)
        if self.error is not None:
            raise self.error
        if used != self.valid:
            raise NeedsLogin("The refresh token was used before", code="invalid_grant")
        self.valid = f"refresh {len(self.refreshed)}"
        return AccessToken(f"access {len(self.refreshed)}", None, self.valid, "https://org.example")


@pytest.fixture
def row(crm: Connection) -> Connection:
    crm.secrets = {"refresh_token": "entered", "client_secret": "s"}
    crm.save()
    return crm


class TestKeeping:
    def test_there_is_none_at_first_and_the_fetched_one_afterwards(self, row: Connection) -> None:
        assert keeper(row).current() is None
        until = clock.now() + HOUR
        token = AccessToken("access", until, "refresh", "https://org.example")
        assert keeper(row).renew("", gives(token)) == token
        assert keeper(row).current() == token

    def test_nothing_legible_stands_in_the_database(self, row: Connection) -> None:
        keeper(row).renew("", gives(AccessToken("very-secret-access", None, "very-secret-refresh")))
        with database.cursor() as cursor:
            cursor.execute("SELECT * FROM connections_kepttoken")
            stored = str(cursor.fetchall())
        assert "very-secret" not in stored

    def test_a_worker_with_an_old_token_gets_the_kept_one(self, row: Connection) -> None:
        keeper(row).renew("", gives(AccessToken("second")))
        assert keeper(row).renew("first", gives()).value == "second"

    def test_each_rotated_refresh_token_is_the_next_one_used(self, row: Connection) -> None:
        platform, value = LogIn(), ""
        for _ in range(3):
            value = keeper(row).renew(value, platform).value
        assert platform.refreshed == ["entered", "refresh 1", "refresh 2"]

    def test_a_platform_that_rotates_nothing_keeps_its_refresh_token(self, row: Connection) -> None:
        keeper(row).renew("", gives(AccessToken("a", None, "lasting")))
        keeper(row).renew("a", gives(AccessToken("b")))
        kept = keeper(row).current()
        assert kept is not None and (kept.value, kept.refresh_token) == ("b", "lasting")

    def test_the_two_endpoints_have_their_own(self, row: Connection) -> None:
        keeper(row).renew("", gives(AccessToken("primary")))
        assert KeptTokens(row.pk, "standby", account_of(row)).current() is None


class TestOtherCredentials:
    def test_another_setting_ends_the_access_token_and_not_the_rotated_refresh_token(self, row: Connection) -> None:
        platform = LogIn()
        old = keeper(row).renew("", platform)
        save_credentials(row, settings={"api_version": "68.0"}, secrets={})
        kept = keeper(row).current()
        assert kept is not None and kept.value == "" and kept.expires_at is not None and kept.expires_at < clock.now()
        assert keeper(row).renew(kept.value, platform).value != old.value
        assert platform.refreshed == ["entered", "refresh 1"]

    def test_a_new_refresh_token_ends_both(self, row: Connection) -> None:
        keeper(row).renew("", LogIn())
        save_credentials(row, settings={}, secrets={"refresh_token": "entered anew"})
        assert keeper(row).current() is None

    def test_what_a_slow_worker_with_old_ones_brings_does_not_replace_the_new_ones(self, row: Connection) -> None:
        slow = keeper(row)

        def fetch(kept: AccessToken | None) -> AccessToken:
            save_credentials(row, settings={}, secrets={"refresh_token": "entered anew"})
            clock.advance(LEASE)
            keeper(row).renew("", gives(AccessToken("of the new ones")))
            return AccessToken("of the old ones")

        assert slow.renew("", fetch).value == "of the old ones"
        kept = keeper(row).current()
        assert kept is not None and kept.value == "of the new ones"


class TestFailures:
    def test_what_the_fetch_raises_is_raised_and_the_next_one_may_try(self, row: Connection) -> None:
        platform = LogIn(error=Unreachable("no connection"))
        with pytest.raises(Unreachable, match="no connection"):
            keeper(row).renew("", platform)
        platform.error = None
        assert keeper(row).renew("", platform).value == "access 2"

    def test_a_holder_that_crashed_is_replaced_when_its_lease_ends(self, row: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tokens, "PATIENCE_SECONDS", 0.0)
        monkeypatch.setattr(tokens, "POLL_SECONDS", 0.0)
        KeptToken.objects.create(connection=row, endpoint="primary", holder="dead", lease_until=clock.now() + LEASE)
        with pytest.raises(Unreachable, match="another worker"):
            keeper(row).renew("", LogIn())
        clock.advance(LEASE)
        assert keeper(row).renew("", LogIn()).value == "access 1"

    def test_who_took_over_from_a_slow_one_takes_its_token_when_its_own_refresh_is_refused(self, row: Connection) -> None:
        """The slow holder used the refresh token up; the second is refused and must not report a lost log-in."""
        platform = LogIn()
        second: list[AccessToken] = []

        def slow(kept: AccessToken | None) -> AccessToken:
            clock.advance(LEASE)

            def late(kept: AccessToken | None) -> AccessToken:
                keeper(row)._store("nobody", platform(kept), keeper(row)._look())  # the slow one's answer arrives first
                return platform(kept)

            second.append(keeper(row).renew("", late))
            return second[0]

        assert keeper(row).renew("", slow).value == "access 1"
        assert second[0].value == "access 1" and len(platform.refreshed) == 2


@pytest.mark.django_db(transaction=True)
class TestManyWorkers:
    @pytest.fixture(autouse=True)
    def running_clock(self) -> Iterator[None]:
        """Leases by the database's own clock; the standing one comes back before whoever set it takes it away."""
        standing, clock._frozen = clock._frozen, None
        yield
        clock._frozen = standing

    def at_once(self, count: int, work: Callable[[], str]) -> list[str]:
        gate, found = threading.Barrier(count), list[str]()

        def run() -> None:
            close_old_connections()
            try:
                gate.wait()
                found.append(work())
            except ConnectorError as error:
                found.append(type(error).__name__)
            finally:
                database.close()

        threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def test_eight_with_one_stale_token_refresh_once(self, row: Connection) -> None:
        platform = LogIn(seconds=0.05)
        assert self.at_once(8, lambda: keeper(row).renew("", platform).value) == ["access 1"] * 8
        assert platform.refreshed == ["entered"]
        assert self.at_once(8, lambda: keeper(row).renew("access 1", platform).value) == ["access 2"] * 8
        assert platform.refreshed == ["entered", "refresh 1"]
        assert (platform.most_inside, platform.open_transactions) == (1, 0)

    def test_a_refusal_is_told_to_all_who_waited_and_asked_for_once(self, row: Connection) -> None:
        platform = LogIn(error=NeedsLogin("The refresh token was withdrawn"), seconds=0.3)
        assert self.at_once(8, lambda: keeper(row).renew("", platform).value) == ["NeedsLogin"] * 8
        assert len(platform.refreshed) < 3  # a thread that came after the refusal may ask once more

    def test_a_refresh_in_a_transaction_is_refused_before_it_is_made(self, row: Connection) -> None:
        from django.db import transaction

        platform = LogIn()
        with pytest.raises(RuntimeError), transaction.atomic():
            keeper(row).renew("", platform)
        assert platform.refreshed == []


class TokenCrm:
    """A CRM that knows nothing but how to log in."""

    slug = "log_in"
    label = "CRM with tokens"
    fields = (ConfigField("refresh_token", "Refresh token", secret=True),)
    capabilities = Capabilities(timedelta(seconds=1), False, 1)
    platform = LogIn()

    def __init__(self, account: Account) -> None:
        assert account.tokens is not None
        self.tokens, self.entered = account.tokens, account.secrets["refresh_token"]

    def check(self) -> Health:
        kept = self.tokens.current()
        self.tokens.renew(kept.value if kept else "", lambda kept: self.platform(kept or AccessToken("", None, self.entered)))
        return Health(True, timedelta(milliseconds=20))

    def describe(self) -> list[ObjectType]:
        return []

    def prepare(self) -> None: ...

    def changes(self, kind: str, cursor: Json, limit: int) -> Page:
        return Page((), {}, False)

    def removals(self, kind: str, cursor: Json, known: Collection[str]) -> Page:
        return Page((), {}, False)

    def read(self, kind: str, ids: Sequence[str]) -> list[object]:
        return []

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        return []

    def hints(self, body: bytes, headers: Mapping[str, str], url: str) -> list[Hint]:
        return []


class TestLogInFailure:
    @pytest.fixture
    def connected(self, row: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
        monkeypatch.setitem(registry.CRMS, "log_in", "tests.connections.test_tokens.TokenCrm")
        Connection.objects.filter(pk=row.pk).update(adapter="log_in", label="Taipei CRM")
        monkeypatch.setattr(TokenCrm, "platform", LogIn())
        yield Connection.objects.get(pk=row.pk)

    def test_the_adapter_gets_the_shared_keeper(self, connected: Connection) -> None:
        assert isinstance(crm_of(connected).tokens, KeptTokens)  # type: ignore[attr-defined]

    def test_is_shown_on_the_connections_page_with_what_to_do(self, connected: Connection, client: Client) -> None:
        assert check_now(connected).ok
        TokenCrm.platform.valid = "withdrawn by the administrator"
        assert not check_now(connected).ok
        fresh = Connection.objects.get(pk=connected.pk)
        assert fresh.state == "needs_login"
        assert Alert.objects.get(closed_at=None).key == "login:crm"
        client.force_login(User.objects.create_superuser("chan", password="correct horse"))
        page = client.get(reverse("admin:connections_connection_change", args=[fresh.pk])).content.decode()
        assert "invalid_grant: The refresh token was used before" in page
        assert "Needs new credentials" in page

    def test_ends_with_a_new_refresh_token(self, connected: Connection) -> None:
        TokenCrm.platform.valid = "anew"
        assert not check_now(connected).ok
        save_credentials(Connection.objects.get(pk=connected.pk), settings={}, secrets={"refresh_token": "anew"})
        assert check_now(Connection.objects.get(pk=connected.pk)).ok
        assert Connection.objects.get(pk=connected.pk).state == "active"
