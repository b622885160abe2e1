"""The webhook's edges, inside one process: signatures, sizes, encodings, the handshake. `tests.faults.sieges` uses real sockets."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import inspect
import io
import itertools
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client

from connectors import signatures
from scrm.intake import middleware, pipeline, views
from scrm.intake.middleware import webhooks_first
from scrm.intake.models import InboundEvent, InboundItem
from tests.faults.sabotage import sabotaged
from tests.faults.scale import size
from tests.people import APP_SECRET, body, hong_kong, post, text_message

pytestmark = pytest.mark.django_db
ADDRESS = "/webhooks/whatsapp/hk/"
LIMIT = settings.WEBHOOK_BODY_LIMIT


def right(raw: bytes, secret: str = APP_SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def deliver(raw: bytes, signature: str) -> int:
    headers = {"X-Hub-Signature-256": signature}
    return Client().post(ADDRESS, data=raw, content_type="application/json", headers=headers).status_code


class Signatures:
    """What strangers sign; the rest is with ForgedSignatures."""

    @pytest.mark.parametrize(
        "change",
        [
            str.upper,
            lambda s: s.replace("sha256=", "SHA256="),
            lambda s: f"{s[:-1]}{'0' if s[-1] != '0' else '1'},{s}",
            lambda s: f"{s},{s}",
            lambda s: f"{s} {s}",
            lambda s: f'"{s}"',
            lambda s: s.replace("=", " = "),
            lambda s: s[7:].encode().hex(),
        ],
        ids=["upper case", "upper case prefix", "wrong then right", "twice", "twice, spaced", "quoted", "padded", "hex of hex"],
    )
    def test_that_only_resemble_the_right_one_are_refused(self, change: Callable[[str], str]) -> None:
        hong_kong()
        raw = body(hong_kong(), messages=[text_message("你好")])
        assert deliver(raw, change(right(raw))) == 403
        assert not InboundEvent.objects.exists()

    def test_of_both_secrets_are_taken_while_one_rotates(self) -> None:
        row = hong_kong()
        row.secrets = {**row.secrets, "app_secret": f"{APP_SECRET}\nthe new secret of November"}
        row.save()
        raw = body(row, messages=[text_message("你好")])
        answers = [deliver(raw, right(raw, secret)) for secret in (APP_SECRET, "the new secret of November", "the one before both")]
        assert answers == [200, 200, 403]

    def test_are_compared_in_constant_time(self) -> None:
        """`hmac.compare_digest` stands in the one place where they are compared, and the clock sees no first byte."""
        assert "compare_digest" in inspect.getsource(signatures._matches)
        assert self.unevenness() < 0.05

    def test_would_be_told_apart_by_the_clock_if_compared_byte_by_byte(self) -> None:
        with sabotaged("hasty_compare"):
            assert self.unevenness() > 0.05

    def unevenness(self) -> float:
        """How much longer the median comparison takes when the last byte is wrong than when the first is. The least of three looks."""
        raw, count = b"{}", size(3000, 20_000)
        good = right(raw)
        wrong = {"first": "sha256=" + ("0" if good[7] != "0" else "1") + good[8:], "last": good[:-1] + ("0" if good[-1] != "0" else "1")}
        looks = []
        for _ in range(3):
            took: dict[str, list[int]] = {"first": [], "last": []}
            for name in itertools.islice(itertools.cycle(took), count):
                began = time.perf_counter_ns()
                assert not signatures.verify_hex(raw, wrong[name], [APP_SECRET])
                took[name].append(time.perf_counter_ns() - began)
            first, last = (statistics.median(took[name]) for name in ("first", "last"))
            looks.append(abs(last - first) / first)
        return min(looks)


def of_size(total: int) -> bytes:
    empty = body(hong_kong(), messages=[text_message("", id="wamid.LARGE")])
    return body(hong_kong(), messages=[text_message("A" * (total - len(empty)), id="wamid.LARGE")])


@pytest.fixture
def kept_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's way ends each request by letting go of a connection that is in a transaction, as ours is in a test."""
    monkeypatch.setattr(middleware.database, "close_if_unusable_or_obsolete", lambda: None)


@pytest.mark.usefixtures("kept_open")
class Sizes:
    def test_up_to_three_mebibytes_are_taken(self) -> None:
        assert len(of_size(LIMIT)) == LIMIT
        assert post(hong_kong(), of_size(LIMIT)) == 200
        assert (InboundEvent.objects.get().size, pipeline.drain()) == (LIMIT, 1)

    def test_of_one_byte_more_are_refused(self) -> None:
        assert post(hong_kong(), of_size(LIMIT + 1)) == 413
        assert not InboundEvent.objects.exists()

    def test_that_claim_more_than_they_hold_are_refused_unread(self) -> None:
        raw = of_size(2000)
        assert self.straight(raw, CONTENT_LENGTH=str(10 * 2**30)) == 413

    @pytest.mark.parametrize("claimed", ["-1", "12 monkeys", "１２", "1e3", "0x10", "9" * 5000])
    def test_that_are_no_numbers_are_answered(self, claimed: str) -> None:
        assert self.straight(of_size(2000), CONTENT_LENGTH=claimed) in {400, 403, 413}
        assert not InboundEvent.objects.exists()

    def straight(self, raw: bytes, **environ: str) -> int:
        """Past the test client, which computes the length itself."""
        hong_kong()
        asked: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": ADDRESS,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(raw),
            "wsgi.url_scheme": "http",
            "HTTP_X_HUB_SIGNATURE_256": right(raw),
            **environ,
        }
        answered: list[str] = []
        list(webhooks_first(lambda environ, start: [])(asked, lambda status, headers: answered.append(status)))
        return int(answered[0][:3])


class Bombs:
    """A small body that unpacks to a large one is never unpacked: its bytes are what was signed."""

    def test_stay_as_they_are(self) -> None:
        bomb = gzip.compress(bytes(64 * 2**20), 9)
        assert len(bomb) < 2**17
        tracemalloc.start()
        headers = {"X-Hub-Signature-256": right(bomb), "Content-Encoding": "gzip"}
        hong_kong()
        answer = Client().post(ADDRESS, data=bomb, content_type="application/json", headers=headers)
        pipeline.drain()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert answer.status_code == 200
        assert InboundItem.objects.get().state == "parked"
        assert most < 16 * 2**20, f"{most / 2**20:.0f} MiB"


class Handshakes:
    """GET with the right token and digits is echoed as plain text; nothing else is."""

    QUERY = {"hub.mode": "subscribe", "hub.verify_token": "open sesame", "hub.challenge": "1158201444"}

    def ask(self, **changes: str | None) -> Any:
        hong_kong()
        names = {"mode": "hub.mode", "token": "hub.verify_token", "challenge": "hub.challenge"}
        query: dict[str, Any] = self.QUERY | {names[key]: value for key, value in changes.items()}
        return Client().get(ADDRESS, {key: value for key, value in query.items() if value is not None})

    def test_with_the_right_token_are_answered_in_plain_text(self) -> None:
        answer = self.ask()
        assert (answer.status_code, answer.content) == (200, b"1158201444")
        assert answer["Content-Type"].startswith("text/plain")

    @pytest.mark.parametrize(
        "changes",
        [
            {"token": "open sesam"}, {"token": ""}, {"token": None}, {"token": "OPEN SESAME"}, {"token": "開け胡麻"},
            {"mode": None}, {"mode": "unsubscribe"}, {"mode": "SUBSCRIBE"},
            {"challenge": None}, {"challenge": "<script>alert(1)</script>"}, {"challenge": "1158201444<b>"},
        ],
    )  # fmt: skip
    def test_with_anything_else_are_refused(self, changes: dict[str, str | None]) -> None:
        answer = self.ask(**changes)
        assert answer.status_code == 403
        assert b"script" not in answer.content and b"<b>" not in answer.content

    def test_by_other_methods_are_refused(self) -> None:
        hong_kong()
        assert {Client().generic(method, ADDRESS).status_code for method in ("PUT", "DELETE", "PATCH", "OPTIONS")} == {405}


@pytest.mark.usefixtures("kept_open")
class Trouble:
    """What goes wrong inside is the platform's to repeat: 503, never a page with a traceback."""

    def test_of_our_own_asks_the_platform_to_come_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def stumble(request: WSGIRequest, provider: str, slug: str) -> None:
            raise ZeroDivisionError("secret of the house")

        monkeypatch.setattr(views, "receive", stumble)
        answered: list[str] = []
        environ = {"REQUEST_METHOD": "POST", "PATH_INFO": ADDRESS, "wsgi.input": io.BytesIO(b"{}")}
        content = b"".join(webhooks_first(lambda environ, start: [])(environ, lambda status, headers: answered.append(status)))
        assert answered[0].startswith("503")
        assert b"secret" not in content
