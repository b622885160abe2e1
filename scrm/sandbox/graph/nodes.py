"""Nodes by id (number, account, template, media) and what hangs on accounts and numbers."""

from __future__ import annotations

import secrets
from typing import Any

import httpx2
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from scrm.sandbox import ratings
from scrm.sandbox.graph import media, templates
from scrm.sandbox.graph.access import caller, json_body
from scrm.sandbox.graph.answers import graph_call, wrong_method
from scrm.sandbox.graph.contract import array, record, text
from scrm.sandbox.graph.errors import GraphError, missing_object
from scrm.sandbox.models import Chat, MediaFile, MessageTemplate, Number, Person

PROFILE_FIELDS = {"about": 139, "address": 256, "description": 512, "email": 128}
SUBSCRIPTION = record({}, {"override_callback_uri": text(most=200, pattern=r"https?://\S+"), "verify_token": text()})


@graph_call
def node(request: HttpRequest, node_id: str) -> HttpResponseBase:
    number = caller(request)
    if request.method == "GET":
        return JsonResponse(_chosen_fields(request, _read(number, node_id)))
    if request.method == "POST" and (template := _template(number, node_id)):
        return JsonResponse(templates.edit(template, json_body(request)))
    if request.method == "DELETE" and (stored := media.find(number, node_id)):
        MediaFile.objects.filter(pk=stored.pk).delete()
        return JsonResponse({"success": True})
    if request.method == "DELETE":
        raise missing_object(node_id)
    raise wrong_method(request)


def _read(number: Number, node_id: str) -> dict[str, Any]:
    if node_id == number.phone_number_id:
        return phone_node(number)
    if node_id == number.waba_id:
        return account_node(number)
    if template := _template(number, node_id):
        return template.node()
    if stored := media.find(number, node_id):
        return media.node(stored)
    raise missing_object(node_id)


def _template(number: Number, node_id: str) -> MessageTemplate | None:
    return MessageTemplate.objects.select_related("number").filter(number=number, template_id=node_id).first()


def phone_node(number: Number) -> dict[str, Any]:
    return {
        "id": number.phone_number_id,
        "verified_name": number.label,
        "display_phone_number": number.display_phone_number,
        "quality_rating": number.quality_rating,
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "STANDARD" if number.throughput <= ratings.STANDARD_SPEED else "HIGH"},
        "status": "CONNECTED",
        "is_on_biz_app": number.throughput <= ratings.WITH_PHONE_APP,
        "whatsapp_business_manager_messaging_limit": number.messaging_tier,
        "webhook_configuration": {"phone_number": number.webhook_url} if number.webhook_url else {},
        "health_status": _health("PHONE_NUMBER", number.phone_number_id),
    }


def account_node(number: Number) -> dict[str, Any]:
    return {
        "id": number.waba_id,
        "name": number.label,
        "currency": "USD",
        "timezone_id": "1",
        "message_template_namespace": f"sandbox_{number.waba_id}",
        "health_status": _health("WABA", number.waba_id),
    }


def _health(kind: str, object_id: str) -> dict[str, Any]:
    entity = {"entity_type": kind, "id": object_id, "can_send_message": "AVAILABLE"}
    return {"can_send_message": "AVAILABLE", "entities": [entity]}


def _chosen_fields(request: HttpRequest, whole: dict[str, Any]) -> dict[str, Any]:
    """`fields=` narrows the answer, the id always stays; health is given only when asked for."""
    wanted = [name.split("{")[0].strip() for name in request.GET.get("fields", "").split(",") if name.strip()]
    if not wanted:
        return {name: part for name, part in whole.items() if name != "health_status"}
    unknown = [name for name in wanted if name not in whole]
    if unknown:
        raise GraphError(100, f"Tried accessing nonexisting field ({unknown[0]})")
    return {name: part for name, part in whole.items() if name in wanted or name == "id"}


@graph_call
def phone_numbers(request: HttpRequest, waba_id: str) -> HttpResponseBase:
    number = _account(request, waba_id)
    shown = {name: part for name, part in phone_node(number).items() if name != "health_status"}
    return JsonResponse({"data": [shown], "paging": {"cursors": {"before": "MA", "after": "MA"}}})


@graph_call
def subscribed_apps(request: HttpRequest, waba_id: str) -> HttpResponseBase:
    number = _account(request, waba_id)
    if request.method == "GET":
        app = {"id": number.portfolio_id, "name": "Sandbox app", "link": "https://www.facebook.com/games/"}
        entry: dict[str, Any] = {"whatsapp_business_api_data": app}
        if number.webhook_url:
            entry["override_callback_uri"] = number.webhook_url
        return JsonResponse({"data": [entry] if number.subscribed else []})
    if request.method == "POST":
        body = json_body(request)
        SUBSCRIPTION(body, "body")
        _subscribe(number, body)
    elif request.method == "DELETE":
        Number.objects.filter(pk=number.pk).update(subscribed=False, webhook_url="")
    else:
        raise wrong_method(request)
    return JsonResponse({"success": True})


def _subscribe(number: Number, body: dict[str, Any]) -> None:
    """An address of one's own is asked for its handshake before it is used."""
    url = body.get("override_callback_uri", "")
    if url and not shake_hands(url, body.get("verify_token", "")):
        raise GraphError(100, "Override callback verification failed", subcode=2200)
    Number.objects.filter(pk=number.pk).update(subscribed=True, webhook_url=url)


def shake_hands(url: str, verify_token: str) -> bool:
    """GET with a challenge; the callback must answer 200 with exactly the challenge."""
    challenge = str(secrets.randbelow(10**9))
    query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
    try:
        answer = httpx2.get(url, params=query, timeout=10, trust_env=False)
    except httpx2.HTTPError:
        return False
    return answer.status_code == 200 and answer.text == challenge


def _account(request: HttpRequest, waba_id: str) -> Number:
    number = caller(request)
    if number.waba_id != waba_id:
        raise missing_object(waba_id)
    return number


def _phone(request: HttpRequest, phone_number_id: str) -> Number:
    number = caller(request)
    if number.phone_number_id != phone_number_id:
        raise missing_object(phone_number_id)
    return number


@graph_call
def business_profile(request: HttpRequest, phone_number_id: str) -> HttpResponseBase:
    number = _phone(request, phone_number_id)
    if request.method == "GET":
        return JsonResponse({"data": [{"messaging_product": "whatsapp", **number.profile}]})
    if request.method != "POST":
        raise wrong_method(request)
    body = json_body(request)
    members = {name: text(most=most, least=0) for name, most in PROFILE_FIELDS.items()}
    record({"messaging_product": text()}, {**members, "websites": array(text(most=256), most=2)})(body, "body")
    number.profile |= {name: part for name, part in body.items() if name != "messaging_product"}
    number.save(update_fields=["profile"])
    return JsonResponse({"success": True})


@graph_call
def block_users(request: HttpRequest, phone_number_id: str) -> HttpResponseBase:
    """The business blocks customers: their messages do not arrive any more, and none can be sent to them."""
    number = _phone(request, phone_number_id)
    if request.method not in ("POST", "DELETE"):
        raise wrong_method(request)
    body = json_body(request)
    users = array(record({"user": text()}), least=1)
    record({"messaging_product": text(), "block_users": users})(body, "body")
    done = []
    for user in body["block_users"]:
        digits = "".join(c for c in user["user"] if c.isdigit())
        person = Person.objects.filter(phone=digits).first() or Person.objects.filter(user_id=user["user"]).first()
        if person:
            Chat.objects.update_or_create(number=number, person=person, defaults={"blocked": request.method == "POST"})
            done.append({"input": user["user"], "wa_id": person.phone or person.user_id})
    name = "added_users" if request.method == "POST" else "removed_users"
    return JsonResponse({"messaging_product": "whatsapp", "block_users": {name: done}})
