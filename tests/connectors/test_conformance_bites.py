"""The rules themselves: each finds the channel that breaks it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from conformance_kits import chatapi

from connectors import conformance
from connectors.channels.chatapi import ChatApi
from connectors.conformance import Answer, ChannelKit, Situation
from connectors.contracts import ConfigField, Health, InboundItem, Json, Media, MediaRef, OutboundMessage, Receipt
from connectors.errors import ConnectorError, NeedsLogin, OutcomeUnknown, Rejected, TryLater


class LetsEverybodyIn(ChatApi):
    def verify(self, body: bytes, headers: Mapping[str, str]) -> bool:
        return True


class AcceptsNoSecret(ChatApi):
    def verify(self, body: bytes, headers: Mapping[str, str]) -> bool:
        return headers.get("x-webhook-token", "") == self._settings.get("webhook_secret").split("\n")[0]


class AnswersAnySubscription(ChatApi):
    def handshake(self, query: Mapping[str, str]) -> str | None:
        return query.get("hub.challenge")


class LosesTheRestOfABatch(ChatApi):
    def parse(self, body: bytes) -> list[InboundItem]:
        return super().parse(body)[:1]

    def count(self, body: bytes) -> int:
        return 1


class NumbersItsKeys(ChatApi):
    def parse(self, body: bytes) -> list[InboundItem]:
        return [replace(item, key=f"msg:{place}") for place, item in enumerate(super().parse(body))]


class RaisesOnGarbage(ChatApi):
    def parse(self, body: bytes) -> list[InboundItem]:
        body.decode()
        return super().parse(body)


class TriesAgain(ChatApi):
    def send(self, message: OutboundMessage) -> Receipt:
        try:
            return super().send(message)
        except OutcomeUnknown:
            return super().send(message)


class BelievesInSuccess(ChatApi):
    def send(self, message: OutboundMessage) -> Receipt:
        try:
            return super().send(message)
        except OutcomeUnknown:
            return Receipt("assumed")


class IsInAHurry(ChatApi):
    def send(self, message: OutboundMessage) -> Receipt:
        try:
            return super().send(message)
        except TryLater as error:
            error.after = timedelta(seconds=1)
            raise


class TellsItsToken(ChatApi):
    def send(self, message: OutboundMessage) -> Receipt:
        try:
            return super().send(message)
        except ConnectorError as error:
            error.detail = f"token {self._settings.get('token')}"
            raise


class PrintsItsToken(ChatApi):
    def __repr__(self) -> str:
        return f"<ChatApi {self._settings.get('token')}>"


class SendsTheTokenAnywhere(ChatApi):
    def download(self, ref: MediaRef) -> Media:
        url = ref.url or ref.external_id
        reply = self._http.request("GET", url, params={"token": self._settings.need("token")})
        return Media(reply.body, "image/jpeg", "")


class LosesFiles(ChatApi):
    def download(self, ref: MediaRef) -> Media:
        try:
            return super().download(ref)
        except ConnectorError as error:
            raise Rejected("no file") from error


class GuessesItsLatency(ChatApi):
    def check(self) -> Health:
        return replace(super().check(), latency=timedelta(milliseconds=1))


class ForgivesARefusedToken(ChatApi):
    def check(self) -> Health:
        try:
            return super().check()
        except NeedsLogin:
            return Health(False, timedelta(0))


class PromisesTooMuch(ChatApi):
    capabilities = replace(ChatApi.capabilities, kinds=ChatApi.capabilities.kinds | {"template"})


class TakesEndlessTexts(ChatApi):
    capabilities = replace(ChatApi.capabilities, text_limit=100)


class PromisesTemplates(ChatApi):
    capabilities = replace(ChatApi.capabilities, templates=True)


class InventsTemplates(ChatApi):
    def templates(self) -> list[Json]:
        return [{"name": "hello_world"}]


class PassesTokensOn(ChatApi):
    def send(self, message: OutboundMessage) -> Receipt:
        if message.reply_token:
            message = replace(message, reply_to=message.reply_token)
        return super().send(message)


class HasADefaultSecret(ChatApi):
    fields = (*ChatApi.fields, ConfigField("pin", "PIN", secret=True, default="0000"))


BREAKERS: dict[type[ChatApi], str] = {
    LetsEverybodyIn: "refuses_who_cannot_prove_it",
    AcceptsNoSecret: "refuses_everybody_without_a_secret",
    AnswersAnySubscription: "answers_subscriptions_to_who_knows",
    LosesTheRestOfABatch: "poison_harms_no_neighbour",
    NumbersItsKeys: "keys_mean_one_item",
    RaisesOnGarbage: "reads_whatever_comes",
    TriesAgain: "leaves_the_outcome_open",
    BelievesInSuccess: "invents_no_success",
    IsInAHurry: "waits_as_asked",
    TellsItsToken: "tells_no_secret",
    PrintsItsToken: "tells_no_secret",
    SendsTheTokenAnywhere: "keeps_the_key_at_home",
    LosesFiles: "tells_lost_files",
    GuessesItsLatency: "measures_its_check",
    ForgivesARefusedToken: "measures_its_check",
    PromisesTooMuch: "sends_what_it_promises",
    TakesEndlessTexts: "sends_what_it_promises",
    PromisesTemplates: "tells_whether_it_has_templates",
    InventsTemplates: "tells_whether_it_has_templates",
    PassesTokensOn: "keeps_its_reply_tokens",
    HasADefaultSecret: "is_a_channel",
}


def kit_of(adapter: type[ChatApi], server: Any, **parts: Any) -> ChannelKit:
    return replace(chatapi(server), adapter=adapter, **parts)


def rule_of(name: str) -> conformance.Rule:
    return next(rule for rule in conformance.RULES if rule.__name__ == name)


class TestRules:
    @pytest.mark.parametrize("adapter", BREAKERS, ids=lambda adapter: adapter.__name__)
    def test_find_the_channel_that_breaks_them(self, adapter: type[ChatApi], loopback: Any) -> None:
        with pytest.raises((AssertionError, UnicodeDecodeError)):
            rule_of(BREAKERS[adapter])(kit_of(adapter, loopback))

    def test_a_time_out_that_is_sent_again_is_found(self, loopback: Any) -> None:
        with pytest.raises(AssertionError, match="twice"):
            rule_of("leaves_a_time_out_open")(kit_of(TriesAgain, loopback))
        time.sleep(0.7)

    def test_a_kit_without_samples_of_a_kind_is_found(self, loopback: Any) -> None:
        kit = chatapi(loopback)
        with pytest.raises(AssertionError, match="sample"):
            rule_of("sends_what_it_promises")(replace(kit, samples=kit.samples[:2]))

    def test_a_situation_that_ends_otherwise_is_found(self, loopback: Any) -> None:
        def closed() -> None:
            loopback.always(Answer(401, b'{"error": "Wrong token"}'))

        kit = kit_of(ChatApi, loopback, situations=[Situation("a closed door", closed, NeedsLogin)])
        rule_of("ends_as_arranged")(kit)
        with pytest.raises(AssertionError, match="a closed door"):
            rule_of("ends_as_arranged")(replace(kit, situations=[Situation("a closed door", closed, None)]))

    def test_one_call_names_the_broken_rule_and_what_was_left_out(self, loopback: Any) -> None:
        plain = replace(chatapi(loopback), server=None, mutations=5)
        offline = replace(plain, samples=(), bodies=plain.bodies[:1])
        with pytest.raises(AssertionError, match="refuses_who_cannot_prove_it"):
            conformance.check_channel(replace(offline, adapter=LetsEverybodyIn))
        assert conformance.lacking(offline, rule_of("sends_once")) == "server"
        assert conformance.lacking(offline, rule_of("ends_as_arranged")) == "situations"
        assert conformance.lacking(chatapi(loopback), rule_of("recognises_a_repeat")) == "repeated"
