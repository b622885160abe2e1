"""What a failed call proves, and what it does not."""

from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.conformance import Answer
from connectors.errors import Misconfigured, OutcomeUnknown, Unreachable
from connectors.http import HttpClient, retry_after

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class TestTransportFailures:
    def test_refused_connection_never_left(self, refused_url: str) -> None:
        with pytest.raises(Unreachable):
            HttpClient(refused_url).request("POST", "/messages", json={})

    def test_unknown_name_never_left(self) -> None:
        with pytest.raises(Unreachable):
            HttpClient("http://no-such-host.invalid").request("POST", "/messages", json={})

    def test_broken_connection_leaves_the_outcome_open(self, loopback: Any) -> None:
        loopback.always(Answer(0, broken=True))
        with pytest.raises(OutcomeUnknown):
            HttpClient(loopback.url).request("POST", "/messages", json={})
        assert len(loopback.seen) == 1

    def test_late_answer_leaves_the_outcome_open(self, loopback: Any) -> None:
        loopback.delay = 0.5
        with pytest.raises(OutcomeUnknown):
            HttpClient(loopback.url, read=timedelta(seconds=0.1)).request("POST", "/messages", json={})
        assert len(loopback.seen) == 1

    def test_half_a_body_leaves_the_outcome_open(self, loopback: Any) -> None:
        loopback.half = True
        with pytest.raises(OutcomeUnknown):
            HttpClient(loopback.url).request("POST", "/messages", json={})

    def test_too_large_an_answer_is_cut_off(self, loopback: Any) -> None:
        loopback.always(Answer(200, b" " * 300_000))
        with pytest.raises(OutcomeUnknown, match="larger"):
            HttpClient(loopback.url).request("GET", "/", max_reply=100_000)

    def test_declared_ten_gigabytes_are_not_waited_for(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def declare() -> None:
                client, _ = server.accept()
                with client:
                    client.recv(65536)
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n")
                    client.recv(1)

            threading.Thread(target=declare, daemon=True).start()
            with pytest.raises(OutcomeUnknown, match="larger"):
                HttpClient(f"http://127.0.0.1:{server.getsockname()[1]}").request("GET", "/", overall=timedelta(seconds=5))

    def test_packed_answer_is_measured_unpacked(self, loopback: Any) -> None:
        loopback.always(Answer(200, gzip.compress(b" " * 5_000_000), {"Content-Encoding": "gzip"}))
        with pytest.raises(OutcomeUnknown, match="larger"):
            HttpClient(loopback.url).request("GET", "/", max_reply=1_000_000)

    def test_redirect_is_not_followed(self, loopback: Any) -> None:
        loopback.always(Answer(302, b"", {"Location": loopback.url + "/elsewhere"}))
        with pytest.raises(Misconfigured, match="redirects"):
            HttpClient(loopback.url).request("GET", "/")
        assert [seen.path for seen in loopback.seen] == ["/"]

    def test_proxy_of_the_environment_is_ignored(self, loopback: Any, refused_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, refused_url)
        assert HttpClient(loopback.url).request("GET", "/").ok

    @pytest.mark.parametrize("token", ["line\nbreak", "鍵"])
    def test_token_that_no_header_can_carry_is_a_setting(self, loopback: Any, token: str) -> None:
        with pytest.raises(Misconfigured):
            HttpClient(loopback.url).request("GET", "/", headers={"authorization": token})

    @pytest.mark.parametrize("address", ["graph.facebook.com", "ftp://graph.facebook.com", ""])
    def test_address_without_a_scheme_is_a_setting(self, address: str) -> None:
        with pytest.raises(Misconfigured, match="base_url"):
            HttpClient(address)


class TestRepeating:
    def test_idempotent_call_is_repeated(self, loopback: Any) -> None:
        loopback.answers += [Answer(503), Answer(0, broken=True)]
        assert HttpClient(loopback.url).request("GET", "/", idempotent=True).ok
        assert len(loopback.seen) == 3

    def test_attempts_end_with_the_last_answer(self, loopback: Any) -> None:
        loopback.always(Answer(502, b"<html>"))
        assert HttpClient(loopback.url).request("GET", "/", idempotent=True).status == 502
        assert len(loopback.seen) == 3

    def test_other_calls_are_made_once(self, loopback: Any) -> None:
        loopback.always(Answer(503))
        assert HttpClient(loopback.url).request("POST", "/messages", json={}).status == 503
        assert len(loopback.seen) == 1

    def test_refusals_are_not_repeated(self, loopback: Any) -> None:
        loopback.always(Answer(429))
        assert HttpClient(loopback.url).request("GET", "/", idempotent=True).status == 429
        assert len(loopback.seen) == 1


class TestAnswers:
    @pytest.mark.parametrize(
        "body",
        [b"<html>Bad Gateway</html>", b'{"messages": [', b"", b"[" * 100_000, b'{"n": ' + b"9" * 5000],
        ids=["html", "cut", "empty", "deep", "huge"],
    )
    def test_what_is_no_json_says_so(self, loopback: Any, body: bytes) -> None:
        loopback.always(Answer(200, body))
        reply = HttpClient(loopback.url).request("GET", "/")
        assert reply.json_or_none() is None
        with pytest.raises(OutcomeUnknown, match="cannot be read"):
            reply.json()

    def test_numbers_beyond_64_bits_become_text(self, loopback: Any) -> None:
        loopback.always(Answer(200, b'{"id": 123456789012345678901234567890, "x": 1e999, "y": NaN}'))
        assert HttpClient(loopback.url).request("GET", "/").json() == {"id": "123456789012345678901234567890", "x": "1e999", "y": "NaN"}

    def test_threads_share_a_client(self, loopback: Any) -> None:
        client, statuses = HttpClient(loopback.url), []
        threads = [threading.Thread(target=lambda: statuses.append(client.request("GET", "/").status)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 16

    def test_log_holds_no_body_token_or_query(self, loopback: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        loopback.answers.append(Answer(503, "祕密".encode()))
        client = HttpClient(loopback.url)
        client.request(
            "POST", "/m", json={"body": "私の荷物"}, params={"q": "sig-77"}, headers={"authorization": "Bearer tok-77"}, idempotent=True
        )
        text = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
        assert not [word for word in ("tok-77", "sig-77", "荷物", "祕密") if word in text]


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("0", 0),
            ("30", 30),
            (" 7 ", 7),
            ("3600", 3600),
            ("99999999", 3600),
            ("9" * 40, 3600),
            ("Sun, 22 Nov 2026 12:01:30 GMT", 90),
            ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
            ("Mon, 23 Nov 2026 12:00:00 GMT", 3600),
        ],
    )
    def test_reads_seconds_and_dates(self, header: str, seconds: int) -> None:
        assert retry_after(header, NOW) == timedelta(seconds=seconds)

    @pytest.mark.parametrize("header", ["", "soon", "-5", "1.5", "十", "Sun, 99 Nov 2026 99:00:00 GMT"])
    def test_unreadable_is_none(self, header: str) -> None:
        assert retry_after(header, NOW) is None


def test_an_answer_that_drips_ends_in_time() -> None:
    """One byte after the other, each well within the time for a byte."""
    listening = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        made, _ = listening.accept()
        with made, contextlib.suppress(OSError):
            made.recv(65536)
            made.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
            for _ in range(4000):
                made.sendall(b".")
                time.sleep(0.05)

    threading.Thread(target=drip, daemon=True).start()
    began = time.monotonic()
    with listening, pytest.raises(OutcomeUnknown):
        HttpClient(f"http://127.0.0.1:{listening.getsockname()[1]}").request("GET", "/", overall=timedelta(seconds=0.3))
    assert time.monotonic() - began < 60
