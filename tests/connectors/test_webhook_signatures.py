"""Signatures of Meta, LINE and HubSpot."""

from __future__ import annotations

import base64
import inspect
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors import signatures
from connectors.timestamps import milliseconds

BODY = '{"text": "我的包裹在哪裡?"}'.encode()
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URL = "https://crm.example.hk/webhooks/crm/hubspot/?shop=central"


class TestVectors:
    def test_captured_signatures_are_judged_right(self, captured_signatures: list[dict[str, Any]]) -> None:
        verify = {"whatsapp": signatures.verify_hex, "line": signatures.verify_base64}
        for vector in captured_signatures:
            body = base64.b64decode(vector["body_base64"])
            assert verify[vector["channel"]](body, vector["value"], [vector["secret"]]) is vector["valid"], vector["source"]

    def test_known_hex(self) -> None:
        # RFC 4231, test case 2
        expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        assert signatures.verify_hex(b"what do ya want for nothing?", expected, ["Jefe"])


class TestHexAndBase64:
    @pytest.mark.parametrize(
        ("sign", "verify"), [(signatures.sign_hex, signatures.verify_hex), (signatures.sign_base64, signatures.verify_base64)]
    )
    def test_either_secret_of_a_rotation_is_accepted(self, sign: Any, verify: Any) -> None:
        both = signatures.split_secrets("new-secret\n old-secret \n\n")
        assert both == ["new-secret", "old-secret"]
        assert verify(BODY, sign(BODY, "old-secret"), both) and verify(BODY, sign(BODY, "new-secret"), both)
        assert not verify(BODY, sign(BODY, "third-secret"), both)

    @pytest.mark.parametrize("verify", [signatures.verify_hex, signatures.verify_base64])
    @pytest.mark.parametrize("header", [None, "", "sha256=", "sha256=zz", "簽章", "\ud800", "\x00", "sha256=" + "0" * 64])
    def test_malformed_headers_are_refused(self, verify: Any, header: str | None) -> None:
        assert verify(BODY, header, ["secret"]) is False

    def test_empty_secret_opens_nothing(self) -> None:
        assert signatures.verify_hex(BODY, signatures.sign_hex(BODY, ""), [""]) is False
        assert signatures.verify_hex(BODY, signatures.sign_hex(BODY, ""), []) is False

    def test_compares_in_constant_time(self) -> None:
        assert "compare_digest" in inspect.getsource(signatures._matches)


class TestHubSpot:
    def _verify(self, when: datetime = NOW, url: str = URL, signed_url: str = URL, secret: str = "s3", **changes: Any) -> bool:
        timestamp = str(milliseconds(when))
        header = signatures.sign_hubspot_v3(BODY, method="POST", url=signed_url, timestamp=timestamp, secret=secret)
        given: dict[str, Any] = {"method": "POST", "url": url, "timestamp": timestamp, "now": NOW} | changes
        return signatures.verify_hubspot_v3(BODY, header, ["s3"], **given)

    def test_right_signature_is_accepted(self) -> None:
        assert self._verify()

    @pytest.mark.parametrize("minutes", [-6, 6, 1440])
    def test_old_and_future_are_refused(self, minutes: int) -> None:
        assert not self._verify(NOW + timedelta(minutes=minutes))

    def test_five_minutes_either_way_are_allowed(self) -> None:
        assert self._verify(NOW - timedelta(minutes=5)) and self._verify(NOW + timedelta(minutes=5))

    def test_escaped_address_is_signed_decoded(self) -> None:
        assert self._verify(url="https://crm.example.hk/a%3Ab?x=%2F", signed_url="https://crm.example.hk/a:b?x=/")

    @pytest.mark.parametrize(
        "change", [{"url": URL + "x"}, {"method": "GET"}, {"timestamp": None}, {"timestamp": "soon"}, {"timestamp": "٣"}]
    )
    def test_every_part_is_covered(self, change: dict[str, Any]) -> None:
        assert not self._verify(**change)

    def test_other_secret_is_refused(self) -> None:
        assert not self._verify(secret="s4")
