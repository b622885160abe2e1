"""What must hold of the promises that a channel makes about itself: kinds, limits, tokens, settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from connectors.conformance.demands import demand
from connectors.conformance.kit import ChannelKit
from connectors.contracts import Account, Address, Channel, OutboundMessage, TemplateEditor
from connectors.errors import ConnectorError, Misconfigured, Rejected

LARGEST = 300 * 1024 * 1024


def check_capabilities(channel: Channel, samples: Sequence[OutboundMessage], requests: Callable[[], int]) -> None:
    """Every kind that is promised is sent; a kind that is not, or too long a text, is `Rejected` before anything leaves."""
    promised = channel.capabilities.kinds
    demand({sample.kind for sample in samples} == promised, "there is a sample for every promised kind", sorted(promised))
    for sample in samples:
        demand(bool(channel.send(sample).external_id), "a promised kind is sent", sample.kind)
    before = requests()
    refused = [replace(samples[0], kind="hologram", content={})]
    refused += [
        replace(sample, content={"body": "字" * (channel.capabilities.text_limit + 1)}) for sample in samples if sample.kind == "text"
    ]
    for message in refused:
        demand(isinstance(error_of_send(channel, message), Rejected), "what cannot be sent is rejected here", message.kind)
    demand(requests() == before, "what is rejected here never leaves")


def error_of_send(channel: Channel, message: OutboundMessage) -> ConnectorError | None:
    """The error that a send ends in, or None. An error outside our tree passes through and fails the test."""
    try:
        channel.send(message)
    except ConnectorError as error:
        return error
    return None


def is_a_channel(kit: ChannelKit) -> None:
    """It has everything of the contract; its settings have labels, and its secrets no defaults."""
    channel = kit.channel()
    demand(isinstance(channel, Channel), "it is a channel", type(channel))
    demand(bool(channel.slug and channel.label), "it has a name")
    names = [field.name for field in channel.fields]
    demand(len(set(names)) == len(names) and all(field.label for field in channel.fields), "settings are named once", names)
    demand(not any(field.secret and field.default for field in channel.fields), "no secret has a default")
    secrets = {field.name for field in channel.fields if field.secret}
    demand(set(kit.account.secrets) <= secrets, "secrets are fields that are kept as such", sorted(kit.account.secrets))


def names_a_missing_setting(kit: ChannelKit) -> None:
    """Without settings it can be made, read and asked; a call says which setting is missing."""
    empty = kit.adapter(Account(kit.account.slug))
    demand(empty.count(b"{}") >= 1 and len(empty.parse(b"{}")) >= 1, "reading needs no settings")
    error = error_of_send(empty, kit.text)
    demand(isinstance(error, Misconfigured), "a missing setting is told", error)
    known = [field.name for field in empty.fields]
    demand(any(name in str(error) for name in known), "the setting is named", str(error))


def sends_what_it_promises(kit: ChannelKit) -> None:
    """Every promised kind is sent; others, and too long a text, are refused before anything leaves."""
    _good(kit)
    check_capabilities(kit.channel(), kit.samples, lambda: len(kit.server.seen) if kit.server else 0)


def keeps_its_media_limits(kit: ChannelKit) -> None:
    """Limits are of promised kinds and hold types and bytes; a longer caption and too large a file are refused here."""
    channel = kit.channel()
    limits = channel.capabilities.media
    _good(kit)
    before = len(kit.server.seen) if kit.server else 0
    for kind, limit in limits.items():
        demand(kind in channel.capabilities.kinds, "a limit is of a promised kind", kind)
        demand(bool(limit.mime_types) and all("/" in each for each in limit.mime_types), "a limit names types", kind)
        demand(0 < limit.max_bytes <= LARGEST, "a limit has bytes", limit.max_bytes)
        if limit.caption:
            sample = next(each for each in kit.samples if each.kind == kind)
            long = replace(sample, content={**sample.content, "caption": "字" * (limit.caption + 1)})
            demand(isinstance(error_of_send(channel, long), Rejected), "too long a caption is refused", kind)
    if limits:
        most = max(limit.max_bytes for limit in limits.values())
        try:
            channel.upload(bytes(most + 1), "application/pdf", "目錄.pdf")
        except Rejected:
            pass
        else:
            raise AssertionError("too large a file is refused")
    demand(kit.server is None or len(kit.server.seen) == before, "what is refused here never leaves")


def keeps_its_reply_tokens(kit: ChannelKit) -> None:
    """A token is used where the channel has them, and without harm where it has none."""
    life = kit.channel().capabilities.reply_token_life
    demand(life is None or timedelta(0) < life <= timedelta(hours=1), "a token lives for a while", life)
    _good(kit)
    message = replace(kit.text, reply_token=kit.reply_token or "nHuyWiB7yP5Zw52FIkcQobQuGDXCTA")
    demand(bool(kit.channel().send(message).external_id), "a message with a token is sent")
    if kit.server and life is not None:
        demand(kit.server.seen[-1].body.find(message.reply_token.encode()) >= 0, "the token is used")
    if kit.server and life is None:
        demand(kit.server.seen[-1].body.find(message.reply_token.encode()) < 0, "a strange token stays here")


def refuses_addresses_of_others(kit: ChannelKit) -> None:
    """An address of another platform, and an empty one, are refused before anything leaves."""
    _good(kit)
    before = len(kit.server.seen) if kit.server else 0
    for address in (Address("email", "mei@example.hk"), Address("username", "mei.chan"), Address("whatsapp", ""), Address("line_user", "")):
        error = error_of_send(kit.channel(), replace(kit.text, to=address))
        demand(isinstance(error, Rejected), "an address that cannot be reached is refused", address)
    demand(kit.server is None or len(kit.server.seen) == before, "what is refused here never leaves")


def tells_whether_it_has_templates(kit: ChannelKit) -> None:
    """Who promises templates can write them; who does not lists none without asking anybody."""
    channel = kit.channel()
    if channel.capabilities.templates:
        demand("template" in channel.capabilities.kinds, "templates can be sent")
        demand(isinstance(channel, TemplateEditor), "templates can be written")
    elif "template" not in channel.capabilities.kinds:
        demand(channel.templates() == [], "there are no templates")


def _good(kit: ChannelKit) -> None:
    if kit.server:
        kit.server.always(kit.sent)


RULES = (
    is_a_channel,
    names_a_missing_setting,
    sends_what_it_promises,
    keeps_its_media_limits,
    keeps_its_reply_tokens,
    refuses_addresses_of_others,
    tells_whether_it_has_templates,
)
