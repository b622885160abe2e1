"""What each channel brings along to the rules for channels."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import line_bodies
from line_samples import SAMPLES as LINE_SAMPLES
from whatsapp_bodies import RAW

from connectors import signatures
from connectors.channels.bsp import WhatsAppBsp
from connectors.channels.chatapi import ChatApi
from connectors.channels.line import LineMessaging
from connectors.channels.whatsapp import WhatsAppCloud
from connectors.conformance import Answer, ChannelKit, FileSample, TemplateSample
from connectors.contracts import Account, Address, MediaRef, OutboundMessage
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, OutcomeUnknown, Rejected, TryLater

MEI = Address("whatsapp", "85291234567")
NUMBER, WABA = "106540352242922", "102290129340398"
PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
TOKEN, APP_SECRET, WEBHOOK_SECRET = "EAAG-token-of-causeway-bay", "5ca1ab1e-app-secret", "a-long-word-for-webhooks-77"


def answer(document: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(document).encode(), {name.replace("_", "-"): value for name, value in headers.items()})


def out(kind: str, content: dict[str, Any], **parts: Any) -> OutboundMessage:
    return OutboundMessage(client_ref="out-17", to=MEI, kind=kind, content=content, **parts)


# --- the Cloud API and what mirrors it -------------------------------------------------------------------------------

REACHED = {"input": "+85291234567", "wa_id": "85291234567"}
SENT = answer({"messaging_product": "whatsapp", "contacts": [REACHED], "messages": [{"id": "wamid.out1"}]})
TAI_MAN = {"name": {"formatted_name": "陳大文", "first_name": "大文"}, "phones": [{"phone": "+85291234567"}]}
CLOUD_SAMPLES: dict[str, OutboundMessage] = {
    "text": out("text", {"body": "你的包裹今天到達觀塘"}),
    **{kind: out(kind, {"id": "1273"}) for kind in ("image", "video", "audio", "document", "sticker")},
    "template": out("template", {"name": "order_update", "language": "zh_HK", "components": []}, category="utility"),
    "interactive": out("interactive", {"type": "button", "body": "要嗎?", "buttons": [{"id": "y", "title": "要"}]}),
    "location": out("location", {"latitude": 22.28, "longitude": 114.15, "name": "IFC"}),
    "reaction": out("reaction", {"message_id": "wamid.in1", "emoji": "👍"}),
    "contacts": out("contacts", {"contacts": [TAI_MAN]}),
}


def graph(code: int, status: int = 400, words: str = "", **extra: Any) -> Answer:
    return answer({"error": {"message": words or f"(#{code})", "code": code, **extra}}, status)


def cloud_batch(items: Sequence[object]) -> bytes:
    metadata = {"display_phone_number": "85230001234", "phone_number_id": NUMBER}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": list(items)}
    change = {"field": "messages", "value": value}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [change]}]}).encode()


def cloud_item(number: int) -> dict[str, Any]:
    return {
        "from": f"8529{number:07d}",
        "id": f"wamid.HBg{number}",
        "timestamp": str(1_795_000_000 + number),
        "type": "text",
        "text": {"body": f"訂單 {number} 在哪裡?"},
    }


CLOUD_BODIES = [cloud_batch([cloud_item(1), cloud_item(2)]), *[body for body in RAW if b'"errors"' not in body]]


def cloud_file(request: Any) -> Answer:
    if request.path.endswith("/1273"):
        where = f"http://{request.headers['host']}/whatsapp_business/attachments/?mid=1273&ext=1795000300&hash=ATv"
        return answer({"messaging_product": "whatsapp", "url": where, "mime_type": "image/jpeg", "id": "1273"})
    if request.path.endswith("/whatsapp_business/attachments/") and request.query["mid"] == "1273":
        return Answer(200, PICTURE, {"Content-Type": "image/jpeg"})
    return Answer(404)


def _template(name: str) -> dict[str, Any]:
    return {"id": f"59{len(name)}7", "name": name, "language": "zh_HK", "category": "UTILITY", "status": "APPROVED", "components": []}


NAMES = [f"order_update_{number}" for number in range(5)]


def cloud_templates(request: Any) -> Answer:
    place = int(request.query.get("after", "0"))
    paging: dict[str, Any] = {"cursors": {"before": "b", "after": str(place + 2)}}
    if place + 2 < len(NAMES):
        paging["next"] = f"https://graph.facebook.com/x?after={place + 2}"
    return answer({"data": [_template(name) for name in NAMES[place : place + 2]], "paging": paging})


GRAPH_ERRORS: list[tuple[Answer, type[ConnectorError]]] = [
    (graph(131047), Rejected),
    (graph(131026), Rejected),
    (graph(131056), TryLater),
    (graph(130429, 429), TryLater),
    (graph(190, 401, error_subcode=463), NeedsLogin),
    (graph(368, 403), Misconfigured),
    (graph(132001, 404), Rejected),
    (graph(100, 400, error_subcode=33), Misconfigured),
    (graph(131016, 500), OutcomeUnknown),
    (Answer(404, b'{"error": "text"}'), Rejected),
]


def _samples(table: dict[str, OutboundMessage], kinds: frozenset[str]) -> list[OutboundMessage]:
    return [table[kind] for kind in ["text", *sorted(kinds - {"text"})] if kind in table]


def cloud(server: Any) -> ChannelKit:
    return ChannelKit(
        adapter=WhatsAppCloud,
        account=Account(
            "whatsapp_cloud",
            {"phone_number_id": NUMBER, "waba_id": WABA, "portfolio_id": "506914307656634"},
            {"access_token": TOKEN, "app_secret": APP_SECRET, "verify_token": "開門的話"},
        ),
        url=server.url,
        server=server,
        samples=_samples(CLOUD_SAMPLES, WhatsAppCloud.capabilities.kinds),
        bodies=CLOUD_BODIES,
        sign=lambda body: {"x-hub-signature-256": signatures.sign_hex(body, APP_SECRET)},
        gate="x-hub-signature-256",
        handshake=({"hub.mode": "subscribe", "hub.verify_token": "開門的話", "hub.challenge": "1158201444"}, "1158201444"),
        batch=cloud_batch,
        item=cloud_item,
        sent=SENT,
        errors=[*GRAPH_ERRORS, (graph(131047, 200), OutcomeUnknown)],
        echo=lambda words: graph(100, 400, f"Malformed access token {words}"),
        file=FileSample(MediaRef("1273", "image"), PICTURE, cloud_file),
        templates=TemplateSample(cloud_templates, NAMES),
        healthy=answer({"id": NUMBER, "verified_name": "Harbour Beauty", "status": "CONNECTED", "quality_rating": "GREEN"}),
        read=answer({"success": True}),
        read_id="wamid.in1",
    )


def bsp_file(request: Any) -> Answer:
    """Meta's own address comes back, though files are to be fetched from the provider."""
    found, own = cloud_file(request), f"http://{request.headers['host']}"
    return Answer(found.status, found.body.replace(own.encode(), b"https://lookaside.fbsbx.com"), found.headers)


def bsp_templates(request: Any) -> Answer:
    limit, offset = 2, int(request.query["offset"])
    rows = [{**_template(name), "id": f"p{name}", "external_id": "59", "status": "approved"} for name in NAMES]
    page = rows[offset : offset + int(request.query["limit"])]
    return answer({"count": len(page), "limit": limit, "offset": offset, "total": len(NAMES), "waba_templates": page})


def bsp(server: Any) -> ChannelKit:
    """As 360dialog has it: no number in the path, its own list of templates, its own key header."""
    refused = {"meta": {"success": False, "http_code": 401, "developer_message": "Invalid api key"}}
    return ChannelKit(
        adapter=WhatsAppBsp,
        account=Account("whatsapp_bsp", {"phone_number_id": NUMBER}, {"api_key": TOKEN, "webhook_secret": WEBHOOK_SECRET}),
        url=server.url,
        server=server,
        samples=_samples(CLOUD_SAMPLES, WhatsAppBsp.capabilities.kinds),
        bodies=CLOUD_BODIES,
        sign=lambda body: {"x-webhook-token": WEBHOOK_SECRET},
        gate="x-webhook-token",
        signed=False,
        batch=cloud_batch,
        item=cloud_item,
        sent=SENT,
        errors=[
            *GRAPH_ERRORS,
            (graph(131047, 200), Rejected),
            (answer(refused, 401), NeedsLogin),
            (answer({"message": "no"}, 402), Misconfigured),
            (answer({"errors": [{"code": 131026, "title": "Message undeliverable"}]}, 400), Rejected),
        ],
        echo=lambda words: answer({"meta": {"developer_message": f"Invalid api key {words}"}}, 400),
        file=FileSample(MediaRef("1273", "image"), PICTURE, bsp_file),
        templates=TemplateSample(bsp_templates, NAMES),
        healthy=answer({"health_status": {"can_send_message": "AVAILABLE", "entities": []}}),
        read=answer({"success": True}),
        read_id="wamid.in1",
    )


def bsp_with_metas_paths(server: Any) -> ChannelKit:
    """A provider that keeps Meta's paths, behind Authorization."""
    account = Account(
        "whatsapp_bsp",
        {
            "phone_number_id": NUMBER,
            "waba_id": WABA,
            "number_in_path": "on",
            "key_header": "Authorization",
            "api_version": "v25.0",
            "templates_path": "message_templates",
        },
        {"api_key": TOKEN, "webhook_secret": WEBHOOK_SECRET},
    )
    plain, metas = bsp(server), cloud(server)
    parts = {name: getattr(plain, name) for name in plain.__slots__}
    return ChannelKit(
        **{
            **parts,
            "account": account,
            "sign": lambda body: {"authorization": f"Bearer {WEBHOOK_SECRET}"},
            "gate": "authorization",
            "templates": metas.templates,
            "healthy": metas.healthy,
        }
    )


# --- the ChatAPI dialect ---------------------------------------------------------------------------------------------

INSTANCE = "214017"


def chat_batch(items: Sequence[object]) -> bytes:
    return json.dumps({"instanceId": INSTANCE, "messages": list(items)}).encode()


def chat_message(**parts: Any) -> dict[str, Any]:
    return {
        "id": "false_85291234567@c.us_3EB0D8A1",
        "body": "我的包裹在哪裡?",
        "fromMe": False,
        "self": 0,
        "isForwarded": 0,
        "author": "85291234567@c.us",
        "time": 1_795_000_000,
        "chatId": "85291234567@c.us",
        "messageNumber": 100,
        "type": "chat",
        "senderName": "陳大文",
        "caption": None,
        "quotedMsgId": None,
        "chatName": "陳大文",
        **parts,
    }


def chat_item(number: int) -> dict[str, Any]:
    who = f"8529{number:07d}@c.us"
    return chat_message(id=f"false_{who}_3EB0{number}", author=who, chatId=who, body=f"訂單 {number}", time=1_795_000_000 + number)


def chat_ack(**parts: Any) -> dict[str, Any]:
    return {"id": "true_85291234567@c.us_3EB0OUT", "queueNumber": 7, "chatId": "85291234567@c.us", "status": "delivered", **parts}


CHAT_BODIES = [
    chat_batch([chat_item(1), chat_item(2)]),
    *[
        chat_batch([chat_message(id=f"false_85291234567@c.us_{kind}", type=kind, body=body, caption="收據")])
        for kind, body in {
            "image": "https://files.gateway.example/a.jpg",
            "ptt": "https://files.gateway.example/b.oga",
            "document": "https://files.gateway.example/%E7%9B%AE%E9%8C%84.pdf",
            "location": "22.2838;114.1588",
            "vcard": "BEGIN:VCARD\nVERSION:3.0\nFN:田中\nTEL;type=CELL;waid=819012345678:+81 90-1234-5678\nEND:VCARD",
            "call_log": "",
        }.items()
    ],
    json.dumps({"instanceId": INSTANCE, "ack": [chat_ack(), chat_ack(status="viewed"), chat_ack(status="pending")]}).encode(),
    json.dumps({"instanceId": INSTANCE, "chatUpdate": [{"old": {"id": "1"}, "new": {"id": "1", "name": "陳"}}]}).encode(),
    json.dumps({"instanceId": INSTANCE, "instanceStatus": "loading"}).encode(),
]
CHAT_SENT = answer({"sent": True, "message": "Sent to 85291234567@c.us", "id": "true_85291234567@c.us_3EB0OUT", "queueNumber": 7})
CHAT_SAMPLES: dict[str, OutboundMessage] = {
    "text": out("text", {"body": "你的包裹今天到達觀塘"}, reply_to="false_85291234567@c.us_3EB0D8A1"),
    **{kind: out(kind, {"link": f"https://shop.example.hk/{kind}.bin"}) for kind in ("image", "video", "audio", "document")},
    "location": out("location", {"latitude": 22.28, "longitude": 114.15, "name": "IFC"}),
    "contacts": CLOUD_SAMPLES["contacts"],
}


def refused(words: str, status: int = 200, **extra: Any) -> Answer:
    return answer({"sent": False, "message": words, **extra}, status)


CHAT_ERRORS: list[tuple[Answer, type[ConnectorError]]] = [
    (refused("510 recipient number invalid"), Rejected),
    (refused("recipient number invalid", code=510), Rejected),
    (refused("recipient number invalid", 510, code=510), Rejected),
    (refused("Chat with this phone does not exist"), Rejected),
    (refused("Something that nobody has seen"), Rejected),
    (refused("File could not be downloaded"), Rejected),
    (refused("Too many messages in the queue"), TryLater),
    (refused("Scan the QR code first"), NeedsLogin),
    (answer({"error": "Wrong token. Please provide token as a GET parameter."}), NeedsLogin),
    (answer({"error": "Wrong token"}, 401), NeedsLogin),
    (answer({"error": "Instance is not paid"}, 402), Misconfigured),
    (answer({"error": "Instance 214017 not found"}, 404), Misconfigured),
    (refused("internal", 500), OutcomeUnknown),
    (Answer(400, b"<html>"), Rejected),
]


def chat_file(request: Any) -> Answer:
    return Answer(200, PICTURE, {"Content-Type": "image/jpeg"}) if request.path == "/instance214017/files/a.jpg" else Answer(404)


def chatapi(server: Any) -> ChannelKit:
    return ChannelKit(
        adapter=ChatApi,
        account=Account("chatapi", {}, {"token": TOKEN, "webhook_secret": f"{WEBHOOK_SECRET}\nthe-older-word-of-webhooks"}),
        url=f"{server.url}/instance{INSTANCE}",
        server=server,
        samples=_samples(CHAT_SAMPLES, ChatApi.capabilities.kinds),
        bodies=CHAT_BODIES,
        sign=lambda body: {"x-webhook-token": WEBHOOK_SECRET},
        gate="x-webhook-token",
        signed=False,
        batch=chat_batch,
        item=chat_item,
        sent=CHAT_SENT,
        errors=CHAT_ERRORS,
        echo=lambda words: refused(f"Cannot send with {words}"),
        file=FileSample(MediaRef("", "image", url=f"{server.url}/instance{INSTANCE}/files/a.jpg"), PICTURE, chat_file),
        healthy=answer({"accountStatus": "authenticated", "qrCode": ""}),
        read=answer({"result": "success"}),
        read_id="false_85291234567@c.us_3EB0D8A1",
    )


def chatapi_with_a_header(server: Any) -> ChannelKit:
    plain = chatapi(server)
    parts = {name: getattr(plain, name) for name in plain.__slots__}
    return ChannelKit(**{**parts, "account": Account("chatapi", {"token_header": "X-Api-Key"}, dict(plain.account.secrets))})


# --- LINE ------------------------------------------------------------------------------------------------------------


def line_item(number: int) -> dict[str, Any]:
    return line_bodies.message("text", number, text=f"注文 {number}")


def line_file(request: Any) -> Answer:
    found = request.path == "/v2/bot/message/4683000001/content"
    return Answer(200, PICTURE, {"Content-Type": "image/jpeg"}) if found else Answer(404, b'{"message": "Not found"}')


def line(server: Any) -> ChannelKit:
    return ChannelKit(
        adapter=LineMessaging,
        account=Account("line", {}, {"channel_access_token": TOKEN, "channel_secret": APP_SECRET}),
        url=server.url,
        url_settings=("base_url", "data_url"),
        server=server,
        samples=LINE_SAMPLES,
        bodies=[line_bodies.raw(line_item(1), line_item(2)), line_bodies.raw(line_bodies.event("follow", 3)), line_bodies.raw()],
        sign=lambda body: {"x-line-signature": signatures.sign_base64(body, APP_SECRET)},
        gate="x-line-signature",
        batch=lambda items: line_bodies.raw(*items),
        item=line_item,
        sent=answer({"sentMessages": [{"id": "461230966842064897", "quoteToken": "IStG5h1Tz7b"}]}),
        repeated=answer({"message": "The retry key is already accepted"}, 409, x_line_accepted_request_id="123e4567-e89b-12d3"),
        errors=[
            (answer({"message": "The request body has 1 error(s)"}, 400), Rejected),
            (answer({"message": "Authentication failed: invalid token"}, 401), NeedsLogin),
            (answer({"message": "The API rate limit has been exceeded. Try again later."}, 429), TryLater),
            (answer({"message": "You have reached your monthly limit."}, 429), Rejected),
            (answer({"message": "Internal server error"}, 500), OutcomeUnknown),
        ],
        says_no_with_200=False,
        silent=(b"{}",),
        echo=lambda words: answer({"message": f"Invalid {words}"}, 400),
        file=FileSample(MediaRef("4683000001", "image"), PICTURE, line_file),
        healthy=answer({"userId": line_bodies.BOT, "basicId": "@216ru", "displayName": "好物店", "chatMode": "bot"}),
        read=answer({}),
        read_id="030e9a0d-mark-as-read-token",
        reply_token="nHuyWiB7yP5Zw52FIkcQobQuGDXCTA",
    )


KITS: dict[str, Callable[[Any], ChannelKit]] = {
    "whatsapp_cloud": cloud,
    "whatsapp_bsp": bsp,
    "whatsapp_bsp with Meta's paths": bsp_with_metas_paths,
    "chatapi": chatapi,
    "chatapi with a header": chatapi_with_a_header,
    "line": line,
}
