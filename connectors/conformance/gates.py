"""What must hold at the door: who may post a webhook, and who may subscribe."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.conformance.demands import demand
from connectors.conformance.kit import ChannelKit
from connectors.contracts import Channel

_BODY = '{"text": "你好"}'.encode()


def check_signatures(channel: Channel, body: bytes, headers: Mapping[str, str], header: str) -> None:
    """The right signature is accepted; every other, a missing one, and the right one over another body are refused."""
    check_gate(channel, body, headers, header)
    demand(not channel.verify(body + b" ", headers), "the signature covers every byte")


def check_gate(channel: Channel, body: bytes, headers: Mapping[str, str], header: str) -> None:
    """The right proof is accepted; every other and a missing one are refused, whatever characters they hold."""
    right = headers[header]
    demand(channel.verify(body, headers), "the right signature is accepted")
    wrong = [
        "",
        " ",
        right[:-1],
        right + "0",
        right[1:],
        right.swapcase(),
        right + ", " + right,
        "sha1=" + right,
        "簽章",
        "\ud800",
        "\x00",
        "=" * 500,
    ]
    for value in wrong:
        demand(not channel.verify(body, {**headers, header: value}), "a wrong signature is refused", value)
    demand(not channel.verify(body, {name: value for name, value in headers.items() if name != header}), "a missing signature is refused")


def refuses_who_cannot_prove_it(kit: ChannelKit) -> None:
    """Webhooks: the right proof, over these very bytes where the platform signs them, and nothing else."""
    for body in (_BODY, b"", *kit.bodies[:1]):
        check = check_signatures if kit.signed else check_gate
        check(kit.channel(), body, kit.sign(body), kit.gate)


def refuses_everybody_without_a_secret(kit: ChannelKit) -> None:
    """Nothing is let in while no secret was entered; not even an empty proof."""
    for headers in (kit.sign(_BODY), {}, {kit.gate: ""}, {kit.gate: "Bearer "}, {kit.gate: "sha256="}):
        demand(not kit.stranger().verify(_BODY, headers), "without a secret nobody is let in", dict(headers))


def answers_subscriptions_to_who_knows(kit: ChannelKit) -> None:
    """The subscription check repeats the challenge to who knows the token, and nothing to others."""
    channel = kit.channel()
    strange: list[Mapping[str, str]] = [
        {},
        {"hub.mode": "subscribe"},
        {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": ""},
    ]
    if kit.handshake is not None:
        query, answer = kit.handshake
        demand(channel.handshake(query) == answer, "the challenge is repeated", channel.handshake(query))
        strange += [{**query, name: value + "x"} for name, value in query.items()]
    for each in strange:
        demand(channel.handshake(each) is None, "a strange subscription is refused", dict(each))
        demand(kit.stranger().handshake(each) is None, "without a secret nobody subscribes", dict(each))


RULES = (refuses_who_cannot_prove_it, refuses_everybody_without_a_secret, answers_subscriptions_to_who_knows)
