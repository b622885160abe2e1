"""A provider's address, key and paths around the Cloud API's bodies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from conformance_kits import NUMBER, PICTURE, SENT, TOKEN, WABA, WEBHOOK_SECRET, answer, bsp, bsp_with_metas_paths, cloud_file, graph, out

from connectors.channels.bsp import WhatsAppBsp, explain
from connectors.conformance import Answer
from connectors.contracts import MediaRef, TemplateEditor
from connectors.errors import Misconfigured, NeedsLogin, OutcomeUnknown, Rejected

HELLO = out("text", {"body": "你好"})
TEMPLATE = {
    "name": "order_update",
    "language": "zh_HK",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "你的訂單已寄出。"}],
}


def made(kit: Any, **settings: str) -> WhatsAppBsp:
    channel = replace(kit, account=replace(kit.account, settings={**kit.account.settings, **settings})).channel()
    assert isinstance(channel, WhatsAppBsp)
    return channel


class TestAddresses:
    def test_messages_stand_alone_behind_the_providers_key(self, loopback: Any) -> None:
        loopback.always(SENT)
        assert made(bsp(loopback)).send(HELLO).external_id == "wamid.out1"
        (seen,) = loopback.seen
        assert (seen.method, seen.path, seen.headers["d360-api-key"]) == ("POST", "/messages", TOKEN)
        assert (
            "authorization" not in seen.headers and seen.json["to"] == "+85291234567" and seen.json["biz_opaque_callback_data"] == "out-17"
        )

    def test_metas_paths_are_kept_where_the_provider_keeps_them(self, loopback: Any) -> None:
        loopback.always(SENT)
        made(bsp_with_metas_paths(loopback)).send(HELLO)
        assert (loopback.seen[0].path, loopback.seen[0].headers["authorization"]) == (f"/v25.0/{NUMBER}/messages", f"Bearer {TOKEN}")

    def test_number_without_a_version(self, loopback: Any) -> None:
        loopback.always(SENT)
        made(bsp(loopback), number_in_path="on", key_header="X-Api-Key").send(HELLO)
        assert (loopback.seen[0].path, loopback.seen[0].headers["x-api-key"]) == (f"/{NUMBER}/messages", TOKEN)

    def test_marketing_has_its_own_endpoint(self, loopback: Any) -> None:
        loopback.always(SENT)
        message = out("template", {"name": "autumn_sale", "language": "ja"}, category="marketing")
        made(bsp(loopback), marketing_messages="on").send(message)
        assert loopback.seen[0].path == "/marketing_messages"

    def test_upload_and_reading_marks(self, loopback: Any) -> None:
        loopback.say({"id": "77"})
        loopback.say({"success": True})
        channel = made(bsp(loopback))
        assert channel.upload(PICTURE, "image/jpeg", "a.jpg") == "77"
        channel.mark_read("wamid.in1")
        assert [seen.path for seen in loopback.seen] == ["/media", "/messages"]

    @pytest.mark.parametrize("missing", ["base_url", "api_key"])
    def test_missing_setting_is_named(self, loopback: Any, missing: str) -> None:
        kit = bsp(loopback)
        account = replace(kit.account, settings={**kit.account.settings, "base_url": loopback.url})
        bare = replace(account, **{"settings" if missing == "base_url" else "secrets": {}})
        with pytest.raises(Misconfigured, match=missing):
            WhatsAppBsp(bare).send(HELLO)


class TestDoor:
    @pytest.mark.parametrize("headers", [{"x-webhook-token": WEBHOOK_SECRET}, {"authorization": f"Bearer {WEBHOOK_SECRET}"}])
    def test_who_knows_the_word_is_let_in(self, loopback: Any, headers: dict[str, str]) -> None:
        assert made(bsp(loopback)).verify(b"{}", headers)

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"authorization": f"Basic {WEBHOOK_SECRET}"},
            {"authorization": WEBHOOK_SECRET},
            {"x-webhook-token": TOKEN},
            {"x-hub-signature-256": "sha256=00"},
            {"x-webhook-token": "", "authorization": "Bearer"},
        ],
    )
    def test_nobody_else_is(self, loopback: Any, headers: dict[str, str]) -> None:
        assert not made(bsp(loopback)).verify(b"{}", headers)

    def test_two_words_hold_while_one_is_being_changed(self, loopback: Any) -> None:
        kit = bsp(loopback)
        changing = replace(kit, account=replace(kit.account, secrets={"webhook_secret": "the new word\nthe old word"})).channel()
        assert changing.verify(b"{}", {"x-webhook-token": "the new word"}) and changing.verify(b"{}", {"x-webhook-token": "the old word"})


class TestRefusals:
    def test_metas_code_is_kept_behind_http_200(self, loopback: Any) -> None:
        loopback.always(graph(131047, 200))
        with pytest.raises(Rejected) as caught:
            made(bsp(loopback)).send(HELLO)
        assert (caught.value.code, caught.value.remedy) == ("131047", "use_template")

    def test_key_that_is_refused_names_the_providers_words(self, loopback: Any) -> None:
        loopback.always(answer({"meta": {"success": False, "http_code": 401, "developer_message": "Invalid api key"}}, 401))
        with pytest.raises(NeedsLogin) as caught:
            made(bsp(loopback)).send(HELLO)
        assert caught.value.detail == "Invalid api key"

    def test_older_list_of_errors_is_read(self, loopback: Any) -> None:
        loopback.always(answer({"errors": [{"code": 131026, "title": "Message undeliverable", "details": "no WhatsApp"}]}, 400))
        with pytest.raises(Rejected) as caught:
            made(bsp(loopback)).send(HELLO)
        assert (caught.value.code, caught.value.detail) == ("131026", "Message undeliverable: no WhatsApp")
        assert explain(131026)[0].startswith("The message cannot be delivered")

    def test_a_plain_refusal_keeps_its_words(self, loopback: Any) -> None:
        loopback.always(answer({"detail": "Channel is suspended"}, 400))
        with pytest.raises(Rejected) as caught:
            made(bsp(loopback)).send(HELLO)
        assert caught.value.detail == "Channel is suspended"

    def test_providers_fault_leaves_it_open_whatever_it_says(self, loopback: Any) -> None:
        loopback.always(answer({"errors": [{"code": 131026}]}, 502))
        with pytest.raises(OutcomeUnknown):
            made(bsp(loopback)).send(HELLO)


class TestFiles:
    def test_come_from_the_providers_host_with_its_key(self, loopback: Any) -> None:
        def respond(request: Any) -> Answer:
            own = f"http://{request.headers['host']}".encode()
            found = cloud_file(request)
            return Answer(found.status, found.body.replace(own, b"https://lookaside.fbsbx.com"), found.headers)

        loopback.respond = respond
        assert made(bsp(loopback)).download(MediaRef("1273", "image")).content == PICTURE
        look, fetch = loopback.seen
        assert (look.path, look.query) == ("/1273", {})
        assert fetch.path == "/whatsapp_business/attachments/" and fetch.query == {"mid": "1273", "ext": "1795000300", "hash": "ATv"}
        assert fetch.headers["d360-api-key"] == TOKEN

    def test_a_strange_host_is_replaced_as_well(self, loopback: Any) -> None:
        loopback.say({"url": "https://evil.example//x?y=1"})
        loopback.answers.append(Answer(200, b"x", {"Content-Type": "image/png"}))
        made(bsp(loopback)).download(MediaRef("1273", "image"))
        assert [seen.path for seen in loopback.seen] == ["/1273", "/x"]


class TestTemplates:
    def test_of_the_provider_in_metas_words(self, loopback: Any) -> None:
        row = {
            "id": "wqTpl",
            "external_id": "594425479261596",
            "name": "order_update",
            "language": "zh_HK",
            "category": "utility",
            "status": "rejected",
            "rejected_reason": "INVALID_FORMAT",
            "quality_score": {"score": "GREEN"},
            "components": [{"type": "BODY", "text": "…"}],
        }
        loopback.say({"count": 1, "total": 1, "waba_templates": [row, "broken"]})
        (template,) = made(bsp(loopback)).templates()
        assert template["status"] == "REJECTED" and template["reason"] == "INVALID_FORMAT" and template["quality"] == "GREEN"
        assert (template["external_id"], template["category"]) == ("594425479261596", "UTILITY")
        assert (loopback.seen[0].path, loopback.seen[0].query) == ("/v1/configs/templates", {"limit": "200", "offset": "0"})

    def test_are_submitted_and_deleted_by_name(self, loopback: Any) -> None:
        channel = made(bsp(loopback))
        assert isinstance(channel, TemplateEditor)
        loopback.say({"id": "wqTpl", "status": "submitted"}, 201)
        assert channel.create_template(TEMPLATE) == {"external_id": "wqTpl", "status": "SUBMITTED", "category": "UTILITY"}
        loopback.answers += [Answer(200, b"{}"), Answer(404, b"{}")]
        channel.delete_template("order_update")
        channel.delete_template("order_update")
        assert [(seen.method, seen.path) for seen in loopback.seen] == [
            ("POST", "/v1/configs/templates"),
            *[("DELETE", "/v1/configs/templates/order_update")] * 2,
        ]

    def test_what_the_provider_cannot_do_is_said(self, loopback: Any) -> None:
        channel = made(bsp(loopback))
        for call in (
            lambda: channel.edit_template("1", {"category": "MARKETING"}),
            lambda: channel.delete_template("order_update", "1"),
            lambda: channel.upload_sample(PICTURE, "image/jpeg", "a.jpg"),
        ):
            with pytest.raises(Rejected):
                call()
        assert loopback.seen == []

    def test_metas_way_where_the_provider_keeps_it(self, loopback: Any) -> None:
        loopback.say({"id": "594425479261596", "status": "PENDING", "category": "UTILITY"})
        made(bsp_with_metas_paths(loopback)).create_template(TEMPLATE)
        loopback.say({"success": True})
        made(bsp_with_metas_paths(loopback)).delete_template("order_update", "594425479261596")
        assert [(seen.method, seen.path) for seen in loopback.seen] == [
            ("POST", f"/v25.0/{WABA}/message_templates"),
            ("DELETE", f"/v25.0/{WABA}/message_templates"),
        ]


class TestCheck:
    def test_blocked_is_not_well(self, loopback: Any) -> None:
        loopback.say({"health_status": {"can_send_message": "BLOCKED"}})
        health = made(bsp(loopback)).check()
        assert not health.ok and health.facts["can_send"] == "BLOCKED" and loopback.seen[0].path == "/health_status"

    def test_an_address_that_leads_nowhere_is_named(self, loopback: Any) -> None:
        loopback.always(Answer(404, b"<html>Not Found</html>"))
        with pytest.raises(Misconfigured, match="base_url or health_path"):
            made(bsp(loopback)).check()
