"""The stand-in's reviewers: what they approve, reject, pause and file elsewhere, and the webhooks that tell of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client

from scrm.sandbox import review
from scrm.sandbox.models import MessageTemplate, Number, PendingUpdate, WebhookDelivery
from scrm.sandbox.updates import pack_due
from tests.sandbox.conftest import Graph, error_code

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

BODY = {"type": "BODY", "text": "您好 {{1}}，您的包裹已送達。", "example": {"body_text": [["陳生"]]}}
NEW = {"name": "parcel_ready", "language": "zh_HK", "category": "UTILITY", "components": [BODY]}


def content(answer: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(answer.content)
    return parsed


@pytest.fixture
def made(graph: Graph, hongkong: Number) -> MessageTemplate:
    """Created through the API and approved by its review."""
    template_id = content(graph(f"/{hongkong.waba_id}/message_templates", NEW))["id"]
    MessageTemplate.objects.filter(template_id=template_id).update(approve_at=0)
    PendingUpdate.objects.all().delete()
    return MessageTemplate.objects.select_related("number").get(template_id=template_id)


def notices() -> list[tuple[str, dict[str, Any]]]:
    return [(row.field, row.value) for row in PendingUpdate.objects.order_by("pk")]


class Reviews:
    def test_reject_what_bears_the_mark(self, graph: Graph, hongkong: Number) -> None:
        graph(f"/{hongkong.waba_id}/message_templates", {**NEW, "name": f"a_{review.REJECT_MARK}"})
        ((_field, told),) = notices()
        assert told["event"] == "REJECTED" and told["reason"] == "TAG_CONTENT_MISMATCH" and told["rejection_info"]
        MessageTemplate.objects.update(approve_at=0)
        listed = content(graph(f"/{hongkong.waba_id}/message_templates?name=a_{review.REJECT_MARK}"))["data"][0]
        assert (listed["status"], listed["rejected_reason"]) == ("REJECTED", "TAG_CONTENT_MISMATCH")

    def test_file_an_offer_as_marketing_only_when_allowed(self, graph: Graph, hongkong: Number) -> None:
        body = {"type": "BODY", "text": "訂單已寄出，下次享優惠。"}
        for name, allowed, category in (("a", True, "MARKETING"), ("b", False, "UTILITY")):
            wanted = {**NEW, "name": name, "components": [body], "allow_category_change": allowed}
            assert content(graph(f"/{hongkong.waba_id}/message_templates", wanted))["category"] == category

    def test_write_the_words_of_authentication(self, graph: Graph, hongkong: Number) -> None:
        parts = [
            {"type": "BODY", "add_security_recommendation": True},
            {"type": "FOOTER", "code_expiration_minutes": 5},
            {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
        ]
        graph(
            f"/{hongkong.waba_id}/message_templates", {"name": "code", "language": "en", "category": "AUTHENTICATION", "components": parts}
        )
        body, footer, buttons = MessageTemplate.objects.get(name="code").components
        assert "{{1}}" in body["text"] and "5 minutes" in footer["text"] and buttons["buttons"][0]["type"] == "URL"

    @pytest.mark.parametrize(
        ("parts", "code"),
        [
            ([{"type": "HEADER", "format": "TEXT", "text": "字" * 61}, BODY], 2388047),
            ([{"type": "HEADER", "format": "IMAGE"}, BODY], 100),
            ([BODY, {"type": "FOOTER", "text": "字" * 61}], 2388073),
            ([{**BODY, "example": {"body_text": [["a", "b"]]}}], 100),
            ([BODY, {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "x", "url": "https://x.example/{{1}}"}]}], 100),
            ([BODY, {"type": "CAROUSEL", "cards": []}], 131009),
        ],
    )
    def test_refuse_a_wrong_form(self, graph: Graph, hongkong: Number, parts: list[dict[str, Any]], code: int) -> None:
        assert error_code(graph(f"/{hongkong.waba_id}/message_templates", {**NEW, "components": parts})) == code


class Edits:
    def test_put_a_template_back_into_review(self, graph: Graph, made: MessageTemplate) -> None:
        assert content(graph(f"/{made.template_id}", {"components": [BODY, {"type": "FOOTER", "text": "Harbour"}]})) == {"success": True}
        assert content(graph(f"/{made.template_id}"))["status"] == "PENDING"
        assert notices()[0][1]["event"] == "APPROVED"

    def test_of_an_approved_one_are_one_a_day_and_never_of_its_category(self, graph: Graph, made: MessageTemplate) -> None:
        assert error_code(graph(f"/{made.template_id}", {"category": "MARKETING"})) == 100
        graph(f"/{made.template_id}", {"components": [BODY]})
        MessageTemplate.objects.filter(pk=made.pk).update(approve_at=0)
        assert error_code(graph(f"/{made.template_id}", {"components": [BODY]})) == 100
        MessageTemplate.objects.filter(pk=made.pk).update(edits=[time.time() - 90_000])
        assert graph(f"/{made.template_id}", {"components": [BODY]}).status_code == 200

    def test_of_one_in_review_are_refused(self, graph: Graph, made: MessageTemplate) -> None:
        MessageTemplate.objects.filter(pk=made.pk).update(approve_at=time.time() + 60)
        assert error_code(graph(f"/{made.template_id}", {"components": [BODY]})) == 100

    def test_of_nobodys_template_are_refused(self, graph: Graph) -> None:
        assert graph("/123456", {"components": [BODY]}).status_code == 400

    def test_end_with_its_deletion(self, graph: Graph, hongkong: Number, made: MessageTemplate) -> None:
        path = f"/{hongkong.waba_id}/message_templates?name=parcel_ready&hsm_id={made.template_id}"
        assert content(graph(path, method="DELETE")) == {"success": True}
        assert content(graph(path, method="DELETE"))["error"]["error_subcode"] == 2593002


class Doings:
    @pytest.mark.parametrize(("status", "event"), [("PAUSED", "PAUSED"), ("FLAGGED", "FLAGGED"), ("DISABLED", "DISABLED")])
    def test_change_the_status_and_tell(self, made: MessageTemplate, status: str, event: str) -> None:
        review.change_status(made, status)
        review.change_status(made, "APPROVED")
        assert [value["event"] for _field, value in notices()] == [event, "REINSTATED"]

    def test_of_quality_and_category_tell_before_and_after(self, made: MessageTemplate) -> None:
        review.change_quality(made, "RED")
        review.announce_category(made, "MARKETING")
        review.change_category(made, "MARKETING")
        (quality, rated), (announced_field, announced), (_done, done) = notices()
        assert (quality, rated["previous_quality_score"], rated["new_quality_score"]) == (
            "message_template_quality_update",
            "UNKNOWN",
            "RED",
        )
        assert (announced_field, announced["correct_category"]) == ("template_category_update", "MARKETING")
        assert (done["previous_category"], done["new_category"]) == ("UTILITY", "MARKETING")

    def test_bear_a_time_so_that_two_alike_are_two(self, made: MessageTemplate) -> None:
        review.change_status(made, "PAUSED")
        pack_due(now=4_000_000_000.7)
        body = json.loads(bytes(WebhookDelivery.objects.get().body))
        assert body["entry"][0]["time"] == 4_000_000_000

    def test_are_played_by_call(self, client: Client, made: MessageTemplate) -> None:
        wanted = {"name": made.name, "status": "PAUSED", "quality": "RED"}
        answer = client.post("/sandbox/control/templates/sandbox-hk", json.dumps(wanted), content_type="application/json")
        assert answer.json() == {"changed": 1} and len(notices()) == 2
        bad = client.post(
            "/sandbox/control/templates/sandbox-hk", json.dumps({**wanted, "quality": "PINK"}), content_type="application/json"
        )
        assert bad.status_code == 400

    def test_are_played_on_a_page(self, client: Client, made: MessageTemplate) -> None:
        page = client.get("/sandbox/templates/")
        assert page.status_code == 200 and "parcel_ready" in page.content.decode()
        assert client.post("/sandbox/templates/", {"template": made.pk, "act": "pause"}).status_code == 302
        assert notices()[0][1]["event"] == "PAUSED"
        assert client.post("/sandbox/templates/", {"template": made.pk, "act": "explode"}).status_code == 400

    def test_end_a_pause_on_request(self, graph: Graph, made: MessageTemplate) -> None:
        assert graph(f"/{made.template_id}/unpause", {}).status_code == 400
        review.change_status(made, "PAUSED")
        assert content(graph(f"/{made.template_id}/unpause", {})) == {"success": True}
        made.refresh_from_db()
        assert made.current_status == "APPROVED"


class Samples:
    def stored(self, client: Client, number: Number, content_: bytes, *, length: int, kind: str = "image/png", app: str = "app") -> Any:
        headers = {"Authorization": f"Bearer {number.access_token}"}
        opened = client.post(f"/sandbox/graph/v25.0/{app}/uploads?file_name=a.png&file_length={length}&file_type={kind}", headers=headers)
        if opened.status_code != 200:
            return opened
        path = f"/sandbox/graph/v25.0/{opened.json()['id']}"
        headers = {"Authorization": f"OAuth {number.access_token}", "file_offset": "0"}
        return client.post(path, content_, content_type="application/octet-stream", headers=headers)

    def test_give_a_handle_in_two_steps(self, client: Client, hongkong: Number) -> None:
        assert self.stored(client, hongkong, b"\x89PNG", length=4).json()["h"].startswith("4::")

    @pytest.mark.parametrize("wrong", [{"length": 5}, {"length": 4, "kind": "image/gif"}, {"length": 4, "app": "123"}])
    def test_refuse_what_was_not_announced(self, client: Client, hongkong: Number, wrong: dict[str, Any]) -> None:
        assert self.stored(client, hongkong, b"\x89PNG", **wrong).status_code == 400
