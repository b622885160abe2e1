"""The product's adapter against the sandbox's real server: every rule for channels that a platform can be asked for."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from connectors import conformance, signatures
from connectors.channels.whatsapp import WhatsAppCloud
from connectors.conformance import ChannelKit, Situation
from connectors.contracts import Account, Address, InboundMessage, MediaRef, OutboundMessage, StatusUpdate
from connectors.errors import NeedsLogin, OutcomeUnknown, Rejected, TryLater
from tests.sandbox.second_address import Platform, control

pytestmark = [pytest.mark.processes, pytest.mark.any_database, pytest.mark.django_db(databases=["default", "sandbox"])]

PHONE = "85291230000"
PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8
PATIENCE_SECONDS = 0.3
TAI_MAN = {"name": {"formatted_name": "陳大文", "first_name": "大文"}, "phones": [{"phone": "+85291234567"}]}


@dataclass
class Ear:
    """Where the platform posts: raw bodies with the headers that came with them."""

    url: str = ""
    heard: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    def wait(self, done: Callable[[list[tuple[bytes, dict[str, str]]]], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not done(self.heard):
            assert time.monotonic() < deadline, f"{len(self.heard)} webhooks came"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    made = Platform()
    try:
        made.prepare()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def first(platform: Platform) -> str:
    return platform.start()


@pytest.fixture(scope="module")
def second(platform: Platform, first: str) -> str:
    return platform.start()


@pytest.fixture
def ear() -> Iterator[Ear]:
    listening = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            listening.heard.append((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """The test's output stays clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    listening.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield listening
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def at_rest(first: str) -> Iterator[None]:
    yield
    control(first, "faults/sandbox-hk", {"reset": True})
    control(first, "endpoint", {"reset": True})


def account(platform: Platform, url: str) -> Account:
    number = platform.number("sandbox-hk")
    settings = {name: number[name] for name in ("phone_number_id", "waba_id", "portfolio_id")}
    secrets = {name: number[name] for name in ("access_token", "app_secret", "verify_token")}
    return Account("whatsapp_cloud", {**settings, "base_url": f"{url}/sandbox/graph"}, secrets)


def out(kind: str, content: dict[str, Any], **parts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref="out-17", to=Address("whatsapp", PHONE), kind=kind, content=content, **parts)


def samples(channel: WhatsAppCloud, url: str) -> list[OutboundMessage]:
    """A message of every kind, to a customer who has just written; files are really uploaded."""
    written = control(url, "inbound", {"person": {"phone": PHONE, "name": "何小姐"}, "number": "sandbox-hk", "text": "你好"})
    files = {
        "image": ("image/jpeg", PICTURE),
        "video": ("video/mp4", b"\0\0\0\x18ftypmp42"),
        "audio": ("audio/ogg", b"OggS"),
        "document": ("application/pdf", b"%PDF-1.7"),
        "sticker": ("image/webp", b"RIFF\0\0\0\0WEBP"),
    }
    ids = {kind: channel.upload(body, mime_type, f"a.{kind}") for kind, (mime_type, body) in files.items()}
    template = next(each for each in channel.templates() if each["name"] == "order_update" and each["language"] == "zh_HK")
    variables = [{"type": "text", "text": words} for words in ("何小姐", "A1024")]
    track = {"type": "button", "sub_type": "url", "index": "0", "parameters": [variables[1]]}
    filled = {"name": template["name"], "language": "zh_HK", "components": [{"type": "body", "parameters": variables}, track]}
    table = {
        "text": out("text", {"body": "你的包裹今天到達觀塘"}),
        **{kind: out(kind, {"id": file_id}) for kind, file_id in ids.items()},
        "template": out("template", filled, category="utility"),
        "interactive": out("interactive", {"type": "button", "body": "要嗎?", "buttons": [{"id": "y", "title": "要"}]}),
        "location": out("location", {"latitude": 22.28, "longitude": 114.15, "name": "IFC"}),
        "reaction": out("reaction", {"message_id": written["wamid"], "emoji": "👍"}),
        "contacts": out("contacts", {"contacts": [TAI_MAN]}),
    }
    return [table[kind] for kind in ["text", *sorted(channel.capabilities.kinds - {"text"})]]


def situations(url: str) -> list[Situation]:
    def with_faults(**knobs: Any) -> Callable[[], None]:
        def arrange() -> None:
            control(url, "endpoint", {"reset": True})
            control(url, "faults/sandbox-hk", {"reset": True, **knobs})

        return arrange

    def with_address(**faults: Any) -> Callable[[], None]:
        def arrange() -> None:
            control(url, "faults/sandbox-hk", {"reset": True})
            control(url, "endpoint", {"reset": True, **faults})

        return arrange

    slow = 4 * PATIENCE_SECONDS
    return [
        Situation("a good day", with_faults(), None),
        Situation("an error before acceptance", with_faults(server_error_before_percent=100), OutcomeUnknown),
        Situation("an error after acceptance", with_faults(server_error_after_percent=100), OutcomeUnknown),
        Situation("a lost answer", with_faults(drop_reply_percent=100), OutcomeUnknown),
        Situation("a late answer", with_faults(stall_percent=100, stall_seconds=slow), OutcomeUnknown),
        Situation("too many requests", with_faults(too_many_requests_percent=100, retry_after_seconds=7), TryLater),
        Situation("an expired token", with_faults(token_expired=True), NeedsLogin),
        Situation("a refusal", with_faults(error_rates={"131048": 100}), Rejected),
        Situation("an address that is down", with_address(down=True), OutcomeUnknown),
        Situation("an address that is slow", with_address(slow_seconds=slow), OutcomeUnknown),
        Situation("another good day", with_faults(), None),
    ]


def batch(platform: Platform, items: Sequence[object]) -> bytes:
    number = platform.number("sandbox-hk")
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": number["phone_number_id"]}, "messages": list(items)}
    entry = {"id": number["waba_id"], "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def item(number: int) -> dict[str, Any]:
    said = {"type": "text", "text": {"body": f"訂單 {number}"}}
    return {"from": f"8529{number:07d}", "id": f"wamid.{number}", "timestamp": "1795000000", **said}


class Adapter:
    def test_keeps_every_rule_against_the_real_server(self, platform: Platform, first: str, ear: Ear, at_rest: None) -> None:
        own = account(platform, first)
        channel = WhatsAppCloud(own)
        control(first, "numbers/sandbox-hk", {"webhook_url": ear.url})
        sent = samples(channel, first)
        ear.wait(lambda heard: bool(heard))
        body, headers = ear.heard[0]
        assert channel.verify(body, headers), "the sandbox's own signature is right"
        challenge = {"hub.mode": "subscribe", "hub.verify_token": own.secrets["verify_token"], "hub.challenge": "1158201444"}
        kit = ChannelKit(
            adapter=WhatsAppCloud,
            account=own,
            url=own.settings["base_url"],
            samples=sent,
            bodies=[each for each, _ in ear.heard],
            sign=lambda raw: {"x-hub-signature-256": signatures.sign_hex(raw, own.secrets["app_secret"])},
            gate="x-hub-signature-256",
            handshake=(challenge, "1158201444"),
            batch=lambda items: batch(platform, items),
            item=item,
            situations=situations(first),
        )
        verdict = conformance.check_channel(kit)
        assert {"sends_what_it_promises", "ends_as_arranged", "refuses_who_cannot_prove_it"} <= set(verdict.held)
        assert set(verdict.left_out.values()) == {"server"}, "only the rules that need a server which obeys are left out"

    def test_reads_every_webhook_of_what_it_sent(self, platform: Platform, first: str, ear: Ear, at_rest: None) -> None:
        channel = WhatsAppCloud(account(platform, first))
        control(first, "numbers/sandbox-hk", {"webhook_url": ear.url})
        control(first, "inbound", {"person": {"phone": PHONE, "name": "何小姐"}, "number": "sandbox-hk", "text": "在嗎?"})
        receipt = channel.send(out("text", {"body": "在"}))

        def items(heard: list[tuple[bytes, dict[str, str]]]) -> list[Any]:
            return [each for body, _ in heard for each in conformance.check_body(channel, body)]

        ear.wait(lambda heard: any(isinstance(each, StatusUpdate) and each.external_id == receipt.external_id for each in items(heard)))
        ear.wait(lambda heard: any(isinstance(each, InboundMessage) and each.text == "在嗎?" for each in items(heard)))
        assert all(channel.verify(body, headers) for body, headers in ear.heard)

    def test_fetches_what_it_uploaded_and_asks_after_its_health(self, platform: Platform, first: str) -> None:
        channel = WhatsAppCloud(account(platform, first))
        assert channel.download(MediaRef(channel.upload(PICTURE, "image/jpeg", "a.jpg"), "image")).content == PICTURE
        assert channel.check().ok


class SecondAddress:
    def test_is_the_same_platform(self, platform: Platform, first: str, second: str) -> None:
        here, there = WhatsAppCloud(account(platform, first)), WhatsAppCloud(account(platform, second))
        uploaded = here.upload(PICTURE, "image/jpeg", "a.jpg")
        assert there.download(MediaRef(uploaded, "image")).content == PICTURE, "files are fetched through the address in use"
        control(first, "inbound", {"person": {"phone": PHONE, "name": "何小姐"}, "number": "sandbox-hk", "text": "你好"})
        assert there.send(out("text", {"body": "這裡也收到"})).external_id

    def test_goes_on_while_the_first_is_down_and_slow(self, platform: Platform, first: str, second: str, at_rest: None) -> None:
        here, there = WhatsAppCloud(account(platform, first)), WhatsAppCloud(account(platform, second))
        control(first, "endpoint", {"down": True})
        with pytest.raises(TryLater):
            here.check()
        assert there.check().ok
        assert control(first, "endpoint", {"down": False, "slow_seconds": 0.4}) == {"down": False, "slow_seconds": 0.4}
        assert here.check().latency.total_seconds() >= 0.4 > there.check().latency.total_seconds()

    def test_refuses_nonsense(self, first: str, at_rest: None) -> None:
        for body in ({"down": "yes"}, {"slow_seconds": -1}, {"slow_seconds": 1e9}, {"moon": True}, ["down"]):
            with pytest.raises(urllib.error.HTTPError) as caught:
                control(first, "endpoint", body)
            assert caught.value.code == 400
        assert control(first, "endpoint") == {"down": False, "slow_seconds": 0.0}
