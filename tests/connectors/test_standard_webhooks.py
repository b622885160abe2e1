"""Signatures of outgoing webhooks: the specification's vector, rotation, and what a receiver must refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import standard_webhooks as webhooks
from connectors.conformance import Answer
from connectors.errors import BadSignature, Misconfigured

# The vector of the specification's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, STAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
AT = datetime.fromtimestamp(STAMP, UTC)


class TestSignature:
    def test_is_the_specifications(self) -> None:
        assert webhooks.sign(SECRET, ID, STAMP, BODY) == SIGNATURE

    def test_a_hong_kong_time_signs_as_the_same_moment(self) -> None:
        assert webhooks.headers([SECRET], ID, AT.astimezone(timezone(timedelta(hours=8))), BODY)["webhook-signature"] == SIGNATURE

    def test_both_secrets_of_a_rotation_are_accepted(self) -> None:
        old, new = webhooks.new_secret(), webhooks.new_secret()
        sent = webhooks.headers([new, old], ID, AT, BODY)
        for known in ([old], [new]):
            webhooks.verify(known, sent, BODY, AT)
        with pytest.raises(BadSignature):
            webhooks.verify([webhooks.new_secret()], sent, BODY, AT)

    @given(st.binary(max_size=300), st.text("abc_0", min_size=1, max_size=40), st.integers(0, 2**31))
    def test_covers_body_id_and_time(self, body: bytes, message_id: str, stamp: int) -> None:
        at = datetime.fromtimestamp(stamp, UTC)
        sent = webhooks.headers([SECRET], message_id, at, body)
        webhooks.verify([SECRET], sent, body, at)
        for changed, other in ((sent, body + b" "), ({**sent, "webhook-id": message_id + "x"}, body)):
            with pytest.raises(BadSignature):
                webhooks.verify([SECRET], changed, other, at)

    @pytest.mark.parametrize("minutes", [-6, 6])
    def test_old_and_future_messages_are_refused(self, minutes: int) -> None:
        with pytest.raises(BadSignature):
            webhooks.verify([SECRET], webhooks.headers([SECRET], ID, AT, BODY), BODY, AT + timedelta(minutes=minutes))

    @pytest.mark.parametrize("signature", ["", "v1", "v1,", "v2," + SIGNATURE[3:], "v1,簽章", SIGNATURE[:-2], "=" * 500])
    def test_malformed_signatures_are_refused(self, signature: str) -> None:
        sent = {**webhooks.headers([SECRET], ID, AT, BODY), "webhook-signature": signature}
        with pytest.raises(BadSignature):
            webhooks.verify([SECRET], sent, BODY, AT)

    @pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", "whsec_" + "QQ==", "密鑰"])
    def test_unfit_secrets_are_told(self, secret: str) -> None:
        with pytest.raises(Misconfigured):
            webhooks.sign(secret, ID, STAMP, BODY)


class TestPoster:
    def test_sends_signature_and_header(self, loopback: Any) -> None:
        poster = webhooks.Poster(loopback.url + "/hook", secrets=[SECRET], header=("X-Webhook-Token", "s3cret-1"))
        assert poster.post(BODY, ID, AT).ok
        (seen,) = loopback.seen
        webhooks.verify([SECRET], seen.headers, seen.body, AT)
        assert (seen.path, seen.headers["x-webhook-token"], seen.headers["content-type"]) == ("/hook", "s3cret-1", "application/json")

    def test_follows_no_redirect(self, loopback: Any) -> None:
        loopback.always(Answer(302, b"", {"Location": loopback.url + "/elsewhere"}))
        with pytest.raises(Misconfigured):
            webhooks.Poster(loopback.url + "/hook", secrets=[SECRET]).post(BODY, ID, AT)
        assert [seen.path for seen in loopback.seen] == ["/hook"]

    def test_reads_no_huge_answer(self, loopback: Any) -> None:
        loopback.always(Answer(200, b"x" * (20 * webhooks.MAX_ANSWER)))
        reply = webhooks.Poster(loopback.url, secrets=[SECRET]).post(BODY, ID, AT)
        assert (reply.status, len(reply.body)) == (200, webhooks.MAX_ANSWER)

    @pytest.mark.parametrize(
        ("name", "value"), [("host", "x"), ("webhook-id", "x"), ("X Y", "x"), ("X-Token", "a\r\nb"), ("X-Token", "密"), ("", "x")]
    )
    def test_headers_that_no_request_may_carry_are_refused(self, name: str, value: str) -> None:
        with pytest.raises(Misconfigured):
            webhooks.check_header(name, value)
