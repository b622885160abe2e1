"""Typed addresses lead to the public internet only, whatever they are written as and whatever a name answers the second time."""

from __future__ import annotations

import socket
from typing import Any

import httpx2
import pytest

from connectors import guard
from connectors.errors import Misconfigured, Unreachable
from connectors.http import HttpClient

INSIDE = [
    "127.0.0.1",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "10.0.0.5",
    "172.16.9.9",
    "172.31.255.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "0.0.0.0",
    "192.0.0.192",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd12::8]",
    "[fec0::1]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "１２７.0.0.1",
    "①②⑦.0.0.1",
]
MALFORMED = [
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/",
    "ftp://example.com/",
    "javascript:alert(1)",
    "//example.com/",
    "https://",
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com/#here",
    "https://exa mple.com/",
    "hook",
    "",
]


def answers(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """A resolver that says one thing after the other; returns the list of the names asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if host.replace(".", "").isdigit():
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        said = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in said]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


class TestGuard:
    @pytest.fixture(autouse=True)
    def nothing_open(self) -> None:
        guard.allow(())

    @pytest.mark.parametrize("host", INSIDE)
    def test_refuses_addresses_inside(self, host: str) -> None:
        with pytest.raises((Misconfigured, Unreachable)):
            guard.check(f"https://{host}/hook")

    @pytest.mark.parametrize("address", MALFORMED)
    def test_refuses_other_forms(self, address: str) -> None:
        with pytest.raises(Misconfigured):
            guard.check(address)

    @pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "172.15.0.1", "172.32.0.1", "11.0.0.1"])
    def test_public_addresses_are_open(self, address: str) -> None:
        assert guard.is_open(address)

    def test_one_address_inside_spoils_the_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answers(monkeypatch, ["8.8.8.8", "10.0.0.1"])
        with pytest.raises(Misconfigured):
            guard.check("https://hooks.example.com/")

    @pytest.mark.parametrize("address", ["https://hooks.example.com:8443/", "https://hooks.example.com:22/", "http://hooks.example.com/"])
    def test_public_hosts_are_called_by_https_on_its_port(self, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
        answers(monkeypatch, ["8.8.8.8"])
        with pytest.raises(Misconfigured):
            guard.check(address)
        assert guard.check("https://hooks.example.com/") == guard.Target("hooks.example.com", 443, ("8.8.8.8",))

    def test_operator_opens_a_network_to_any_port(self) -> None:
        guard.allow(["10.1.0.0/16"])
        assert guard.check("http://10.1.2.3:8069/api").port == 8069
        with pytest.raises(Misconfigured):
            guard.check("http://10.2.2.3:8069/api")

    def test_unknown_name_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answers(monkeypatch, [])
        with pytest.raises(Unreachable):
            guard.check("https://nowhere.example/")


class TestPinnedConnection:
    def test_goes_to_the_address_that_was_looked_at(self, monkeypatch: pytest.MonkeyPatch, loopback: Any) -> None:
        """The name answers a public address at the second look: nobody asks a second time."""
        port = httpx2.URL(loopback.url).port
        asked = answers(monkeypatch, ["127.0.0.1"], ["8.8.8.8"])
        client = HttpClient(f"http://hooks.example.com:{port}", transport=guard.GuardedTransport)
        assert client.request("GET", "/x").ok
        client.close()
        assert asked[0] == "hooks.example.com" and asked.count("hooks.example.com") == 1
        assert loopback.seen[0].headers["host"] == f"hooks.example.com:{port}"

    def test_rebound_name_is_refused_and_nothing_is_sent(self, monkeypatch: pytest.MonkeyPatch, loopback: Any) -> None:
        """Typed while the name was public, called when it points inside."""
        guard.allow(())
        answers(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
        guard.check("https://hooks.example.com/")
        client = HttpClient("https://hooks.example.com", transport=guard.GuardedTransport)
        with pytest.raises(Misconfigured):
            client.request("POST", "/x", json={})
        client.close()
        assert loopback.seen == []

    @pytest.mark.parametrize("host", INSIDE)
    def test_nothing_reaches_the_canary(self, host: str, loopback: Any) -> None:
        guard.allow(())
        client = HttpClient(f"http://{host}:{httpx2.URL(loopback.url).port}", transport=guard.GuardedTransport)
        with pytest.raises((Misconfigured, Unreachable)):
            client.request("GET", "/")
        client.close()
        assert loopback.seen == []
