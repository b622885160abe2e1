"""Calls to the Messaging API: what leaves, and what the answers become."""

from __future__ import annotations

import hashlib
import logging
import uuid
from datetime import timedelta
from typing import Any

import pytest
from line_bodies import ICHING, YUKI
from line_samples import SAMPLES, text
from line_server import TOKEN, FakeLine, answer, refusal

from connectors import conformance
from connectors.channels.line import LineMessaging, explain
from connectors.channels.line.errors import CODES
from connectors.conformance import Answer
from connectors.contracts import Account, Address, MediaRef, ProfileSource, QuotaSource
from connectors.errors import ConnectorError, Gone, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater, Unreachable

PUSH, REPLY = "/v2/bot/message/push", "/v2/bot/message/reply"
MONTHLY = refusal("You have reached your monthly limit.", 429)


def channel_at(url: str, **settings: str) -> LineMessaging:
    secrets = {"channel_access_token": TOKEN, "channel_secret": "s"}
    return LineMessaging(Account("line", {"base_url": url, "data_url": url, **settings}, secrets))


@pytest.fixture
def line(loopback: Any) -> FakeLine:
    fake = FakeLine()
    loopback.respond = fake
    return fake


@pytest.fixture
def channel(loopback: Any, line: FakeLine) -> LineMessaging:
    return channel_at(loopback.url)


class TestConformance:
    def test_capabilities(self, channel: LineMessaging, loopback: Any) -> None:
        conformance.check_capabilities(channel, SAMPLES, lambda: len(loopback.seen))

    def test_it_tells_names_and_quota(self, channel: LineMessaging) -> None:
        assert isinstance(channel, ProfileSource) and isinstance(channel, QuotaSource)

    def test_error_tree_of_a_push(self, channel: LineMessaging, loopback: Any) -> None:
        cases: list[tuple[Answer, type[ConnectorError]]] = [
            (refusal("The request body has 1 error(s)", 400, ("messages[0].text", "May not be empty")), Rejected),
            (refusal("The property, 'to', in the request body is invalid (line: -, column: -)", 400), Rejected),
            (refusal("Failed to send messages", 400), Rejected),
            (Answer(400, b"<html>"), Rejected),
            (refusal("Authentication failed", 401), NeedsLogin),
            (refusal("Access to this API is not available for your account", 403), Misconfigured),
            (refusal("Not found", 404), Rejected),
            (refusal("Request too large", 413), Rejected),
            (refusal("The API rate limit has been exceeded. Try again later.", 429), TryLater),
            (Answer(429, b"slow down", {"Retry-After": "120"}), TryLater),
            (MONTHLY, Rejected),
            (refusal("The retry key is already accepted", 500), OutcomeUnknown),
            (Answer(503, b"<html>"), OutcomeUnknown),
            (Answer(408), OutcomeUnknown),
            (Answer(409, b"{}"), OutcomeUnknown),
            (Answer(200, b"<html>"), OutcomeUnknown),
            (Answer(200, b"[]"), OutcomeUnknown),
            (Answer(302, b"", {"Location": "http://127.0.0.1:1/"}), Misconfigured),
            (Answer(0, broken=True), OutcomeUnknown),
        ]
        conformance.check_error_tree(channel, text(), loopback.always, cases)
        assert len(loopback.seen) == len(cases), "a send was repeated"

    def test_nobody_listening_proves_that_nothing_was_done(self, refused_url: str) -> None:
        with pytest.raises(Unreachable):
            channel_at(refused_url).send(text())

    def test_refusals_name_what_follows(self, channel: LineMessaging, loopback: Any) -> None:
        for said, code, remedy in (
            (MONTHLY, "monthly_limit", "pause_campaigns"),
            (refusal("The property, 'to', in the request body is invalid", 400), "invalid_recipient", "mark_address"),
            (refusal("The request body has 1 error(s)", 400, ("messages[0].originalContentUrl", "Must be https")), "400", "fix_media"),
        ):
            loopback.always(said)
            error = conformance.error_of_send(channel, text())
            assert isinstance(error, Rejected) and (error.code, error.remedy) == (code, remedy)

    def test_details_are_told_and_secrets_are_not(self, channel: LineMessaging, loopback: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        loopback.always(refusal("The request body has 1 error(s)", 400, ("messages[0].text", "x" * 5000)))
        with pytest.raises(Rejected) as caught:
            channel.send(text("内緒の話"))
        assert caught.value.detail.startswith("The request body has 1 error(s); messages[0].text: xx") and len(caught.value.detail) == 500
        assert TOKEN not in caplog.text + str(caught.value) and "内緒" not in caplog.text

    def test_rate_limit_holds_the_whole_connection(self, channel: LineMessaging, loopback: Any) -> None:
        loopback.always(refusal("The API rate limit has been exceeded. Try again later.", 429))
        error = conformance.error_of_send(channel, text())
        assert isinstance(error, TryLater) and (error.scope, error.times) == ("connection", None)


class TestPush:
    def test_request_and_receipt(self, channel: LineMessaging, loopback: Any) -> None:
        receipt = channel.send(text("こんにちは"))
        (seen,) = loopback.seen
        assert (seen.method, seen.path, seen.headers["authorization"]) == ("POST", PUSH, f"Bearer {TOKEN}")
        assert seen.json == {"to": YUKI, "messages": [{"type": "text", "text": "こんにちは"}]}
        assert receipt.external_id == "46124097000010" and receipt.raw["sentMessages"][0]["quoteToken"] == "q1"

    def test_retry_key_belongs_to_message_and_person(self, channel: LineMessaging, loopback: Any) -> None:
        for message in (text(), text(), text(client_ref="m18.x"), text(to=Address("line_user", ICHING))):
            channel.send(message)
        keys = [uuid.UUID(seen.headers["x-line-retry-key"]) for seen in loopback.seen]
        assert keys[0] == keys[1] and len(set(keys)) == 3

    def test_without_a_reference_each_send_is_a_new_one(self, channel: LineMessaging, line: FakeLine) -> None:
        channel.send(text(client_ref=""))
        channel.send(text(client_ref=""))
        assert len(line.delivered) == 2

    def test_sent_twice_is_delivered_once(self, channel: LineMessaging, line: FakeLine) -> None:
        first, second = channel.send(text()), channel.send(text())
        assert len(line.delivered) == 1 and first.external_id == second.external_id

    def test_repeat_after_a_lost_answer_is_delivered_once(self, channel: LineMessaging, line: FakeLine) -> None:
        line.lost = 1
        with pytest.raises(OutcomeUnknown):
            channel.send(text())
        assert len(line.delivered) == 1
        assert channel.send(text()).external_id == "46124097000010"
        assert len(line.delivered) == 1 and channel.capabilities.idempotent_send

    def test_conflict_without_ids_of_messages_gives_the_first_requests(self, channel: LineMessaging, loopback: Any) -> None:
        loopback.always(refusal("The retry key is already accepted", 409, X_Line_Accepted_Request_Id="5f3e2b1a"))
        assert channel.send(text()).external_id == "5f3e2b1a"

    def test_empty_answer_of_older_days_is_success(self, channel: LineMessaging, loopback: Any) -> None:
        loopback.always(answer({}, X_Line_Request_Id="0b1c"))
        assert channel.send(text()).external_id == "0b1c"
        loopback.always(answer({}))
        assert channel.send(text()).external_id.startswith("push:")

    @pytest.mark.parametrize("address", [Address("whatsapp", "85291234567"), Address("line_user", ""), Address("line_user", "../x")])
    def test_others_cannot_be_written_to(self, channel: LineMessaging, loopback: Any, address: Address) -> None:
        with pytest.raises(Rejected) as caught:
            channel.send(text(to=address))
        assert caught.value.remedy == "mark_address" and not loopback.seen


class TestReply:
    def test_goes_out_while_the_token_is_good(self, channel: LineMessaging, loopback: Any, line: FakeLine) -> None:
        assert channel.send(text(reply_token="good-token")).external_id == "46124097000010"
        (seen,) = loopback.seen
        assert seen.path == REPLY and seen.json == {"replyToken": "good-token", "messages": [{"type": "text", "text": "到著時間是明天"}]}
        assert "x-line-retry-key" not in seen.headers and line.used == 120

    def test_spent_token_falls_back_to_a_push(self, channel: LineMessaging, loopback: Any, line: FakeLine) -> None:
        channel.send(text(reply_token="good-token"))
        channel.send(text(reply_token="good-token", client_ref="m18.x"))
        assert [seen.path for seen in loopback.seen] == [REPLY, REPLY, PUSH]
        assert [person for person, _ in line.delivered] == [YUKI, YUKI]

    def test_lost_answer_is_unknown_and_not_pushed(self, channel: LineMessaging, loopback: Any, line: FakeLine) -> None:
        line.lost = 1
        with pytest.raises(OutcomeUnknown):
            channel.send(text(reply_token="good-token"))
        assert len(loopback.seen) == 1 and len(line.delivered) == 1

    @pytest.mark.parametrize(
        ("said", "error"),
        [
            (Answer(503), OutcomeUnknown),
            (refusal("Authentication failed", 401), NeedsLogin),
            (refusal("The request body has 1 error(s)", 400, ("messages[0].text", "May not be empty")), Rejected),
            (refusal("The API rate limit has been exceeded. Try again later.", 429), TryLater),
        ],
    )
    def test_other_refusals_are_not_pushed(self, channel: LineMessaging, loopback: Any, said: Answer, error: type[ConnectorError]) -> None:
        loopback.always(said)
        assert type(conformance.error_of_send(channel, text(reply_token="good-token"))) is error
        assert [seen.path for seen in loopback.seen] == [REPLY]


class TestFiles:
    PICTURE = b"\xff\xd8 picture"

    def test_picture(self, channel: LineMessaging, loopback: Any, line: FakeLine) -> None:
        line.files["4683000003"] = Answer(200, self.PICTURE, {"Content-Type": "image/jpeg"})
        media = channel.download(MediaRef("4683000003", "image"))
        assert (media.content, media.mime_type, media.sha256) == (self.PICTURE, "image/jpeg", hashlib.sha256(self.PICTURE).hexdigest())
        assert [(seen.path, seen.headers["accept"]) for seen in loopback.seen] == [("/v2/bot/message/4683000003/content", "*/*")]

    def test_comes_from_the_host_for_files(self, loopback: Any, line: FakeLine, refused_url: str) -> None:
        line.files["1"] = Answer(200, self.PICTURE, {"Content-Type": "image/png"})
        assert channel_at(refused_url, data_url=loopback.url + "/").download(MediaRef("1", "image")).mime_type == "image/png"

    def test_video_is_waited_for(self, channel: LineMessaging, line: FakeLine) -> None:
        line.preparing["9"] = ["processing"]
        line.files["9"] = Answer(200, b"moov", {"Content-Type": "video/mp4"})
        with pytest.raises(TryLater, match="preparing"):
            channel.download(MediaRef("9", "video"))
        assert channel.download(MediaRef("9", "video")).content == b"moov"

    def test_video_that_cannot_be_prepared_is_gone(self, channel: LineMessaging, line: FakeLine) -> None:
        line.preparing["9"] = ["failed"]
        with pytest.raises(Gone, match="send it again"):
            channel.download(MediaRef("9", "audio"))

    @pytest.mark.parametrize(
        ("said", "error"),
        [
            (Answer(202), TryLater),
            (Answer(404), Gone),
            (Answer(410), Gone),
            (Answer(401), NeedsLogin),
            (Answer(500), TryLater),
            (Answer(0, broken=True), TryLater),
        ],
    )
    def test_answers(self, channel: LineMessaging, loopback: Any, said: Answer, error: type[ConnectorError]) -> None:
        loopback.always(said)
        with pytest.raises(error):
            channel.download(MediaRef("9", "image"))

    @pytest.mark.parametrize("external_id", ["", "../push", "1/content?x=", "號"])
    def test_id_cannot_lead_elsewhere(self, channel: LineMessaging, loopback: Any, external_id: str) -> None:
        with pytest.raises(Gone):
            channel.download(MediaRef(external_id, "image"))
        assert not loopback.seen

    def test_upload_is_refused_in_words(self, channel: LineMessaging, loopback: Any) -> None:
        with pytest.raises(Rejected, match="public address") as caught:
            channel.upload(self.PICTURE, "image/jpeg", "照片.jpg")
        assert caught.value.remedy == "fix_media" and not loopback.seen


class TestAccount:
    def test_health_tells_of_the_account_and_what_is_left(self, channel: LineMessaging) -> None:
        health = channel.check()
        assert health.ok and health.detail.startswith("Harbour Beauty") and health.latency > timedelta(0)
        assert {"quota_used": "120", "quota_limit": "5000", "chat_mode": "bot", "user_id": "Ub"}.items() <= health.facts.items()

    def test_account_that_answers_is_well_without_its_quota(self, channel: LineMessaging, line: FakeLine) -> None:
        line.quota = None
        assert channel.check().ok

    @pytest.mark.parametrize(("said", "error"), [(Answer(401), NeedsLogin), (Answer(403), Misconfigured), (Answer(503), TryLater)])
    def test_failed_test_call_raises(self, channel: LineMessaging, loopback: Any, said: Answer, error: type[ConnectorError]) -> None:
        loopback.always(said)
        with pytest.raises(error):
            channel.check()

    @pytest.mark.parametrize(("plan", "limit"), [({"type": "limited", "value": 200}, 200), ({"type": "none"}, None)])
    def test_quota(self, channel: LineMessaging, line: FakeLine, plan: Any, limit: int | None) -> None:
        line.quota = plan
        assert (channel.quota().used, channel.quota().limit) == (120, limit)

    def test_profile(self, channel: LineMessaging) -> None:
        profile = channel.profile(Address("line_user", YUKI))
        assert (profile.name, profile.language) == ("田中 由紀", "ja")
        with pytest.raises(Gone):
            channel.profile(Address("line_user", ICHING))

    def test_templates_do_not_exist(self, channel: LineMessaging, loopback: Any) -> None:
        assert channel.templates() == [] and not channel.capabilities.templates and not loopback.seen

    def test_missing_token_is_named(self, loopback: Any) -> None:
        with pytest.raises(Misconfigured, match="channel_access_token"):
            LineMessaging(Account("line", {"base_url": loopback.url})).send(text())


class TestSmallCalls:
    def test_mark_read_by_token(self, channel: LineMessaging, line: FakeLine) -> None:
        channel.mark_read("30yhdy232")
        assert line.bodies == [("chat/markAsRead", {"markAsReadToken": "30yhdy232"})]

    def test_a_messages_id_marks_nothing(self, channel: LineMessaging, loopback: Any) -> None:
        with pytest.raises(Rejected, match="token"):
            channel.mark_read("4683000001")
        assert not loopback.seen

    def test_typing_shows_the_loading_dots(self, channel: LineMessaging, line: FakeLine) -> None:
        channel.mark_read(YUKI, typing=True)
        channel.mark_read(YUKI)
        assert line.bodies == [("chat/loading/start", {"chatId": YUKI, "loadingSeconds": 20})]

    @pytest.mark.parametrize(("asked", "shown"), [(0, 5), (5, 5), (6, 10), (59, 60), (600, 60)])
    def test_loading_goes_in_steps_of_five(self, channel: LineMessaging, line: FakeLine, asked: int, shown: int) -> None:
        channel.show_loading(Address("line_user", YUKI), asked)
        assert line.bodies[0][1]["loadingSeconds"] == shown

    def test_validate_asks_without_sending(self, channel: LineMessaging, line: FakeLine, loopback: Any) -> None:
        channel.validate(text())
        channel.validate(text(reply_token="good-token"))
        assert [path for path, _ in line.bodies] == ["message/validate/push", "message/validate/reply"]
        assert line.bodies[0][1] == {"messages": [{"type": "text", "text": "到著時間是明天"}]} and not line.delivered
        loopback.always(refusal("The request body has 1 error(s)", 400, ("messages[0].text", "May not be empty")))
        with pytest.raises(Rejected, match="May not be empty"):
            channel.validate(text())

    def test_link_token(self, channel: LineMessaging, loopback: Any) -> None:
        assert channel.link_token(Address("line_user", YUKI)).startswith("NMZ")
        assert loopback.seen[0].path == f"/v2/bot/user/{YUKI}/linkToken"


class TestExplain:
    @pytest.mark.parametrize("code", [*sorted(CODES), 500, 429, "503"])
    def test_every_code_has_two_sentences(self, code: int | str) -> None:
        meaning, advice = explain(code)
        assert meaning.endswith(".") and advice.endswith(".") and "not in its published list" not in meaning

    def test_unknown_code_gets_an_honest_answer(self) -> None:
        assert "418" in explain(418)[0]
