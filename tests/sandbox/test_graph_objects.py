"""Media in two steps, templates by page, nodes by id."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from scrm.sandbox import play
from scrm.sandbox.graph import templates
from scrm.sandbox.library import LIBRARY
from scrm.sandbox.models import MediaFile, MessageTemplate, Number, PendingUpdate, Person
from scrm.sandbox.updates import pack_due
from tests.sandbox.conftest import Graph, error_code, message

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4
NEW_TEMPLATE = {
    "name": "back_in_stock",
    "language": "ja",
    "category": "marketing",
    "components": [{"type": "body", "text": "こんにちは、{{1}}様。再入荷しました。", "example": {"body_text": [["佐藤"]]}}],
}


def content(answer: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(answer.content)
    return parsed


@pytest.fixture
def upload(client: Client, hongkong: Number) -> Any:
    def post(picture: bytes = PICTURE, mime_type: str = "image/jpeg") -> Any:
        fields = {"messaging_product": "whatsapp", "type": mime_type, "file": SimpleUploadedFile("a.jpg", picture, mime_type)}
        address = f"/sandbox/graph/v25.0/{hongkong.phone_number_id}/media"
        return client.post(address, fields, headers={"Authorization": f"Bearer {hongkong.access_token}"})

    return post


class TestMedia:
    def test_an_upload_comes_back_byte_for_byte_in_two_steps(self, graph: Graph, client: Client, hongkong: Number, upload: Any) -> None:
        described = content(graph("/" + content(upload())["id"]))
        assert described["sha256"] == base64.b64encode(hashlib.sha256(PICTURE).digest()).decode()
        assert described["file_size"] == len(PICTURE)
        path = described["url"].split("/", 3)[3]
        assert client.get(f"/{path}").status_code == 401
        fetched = client.get(f"/{path}", headers={"Authorization": f"Bearer {hongkong.access_token}"})
        assert (fetched.content, fetched.headers["Content-Type"]) == (PICTURE, "image/jpeg")

    def test_an_address_lives_five_minutes(self, graph: Graph, client: Client, hongkong: Number, upload: Any) -> None:
        now = timezone.now().timestamp()
        with mock.patch("django.core.signing.time.time", return_value=now):
            path = content(graph("/" + content(upload())["id"]))["url"].split("/", 3)[3]
        headers = {"Authorization": f"Bearer {hongkong.access_token}"}
        with mock.patch("django.core.signing.time.time", return_value=now + 299):
            assert client.get(f"/{path}", headers=headers).status_code == 200
        with mock.patch("django.core.signing.time.time", return_value=now + 302):
            assert client.get(f"/{path}", headers=headers).status_code == 404

    def test_unknown_types_and_too_large_pictures_are_refused(self, upload: Any) -> None:
        assert error_code(upload(mime_type="image/gif")) == 100
        assert error_code(upload(picture=b"x" * (5 * 2**20 + 1))) == 131053

    def test_a_customers_picture_can_be_fetched_for_seven_days(self, graph: Graph, tai_man: Person) -> None:
        sent = play.send_image(tai_man, "sandbox-hk", content=PICTURE, caption="壞了")
        assert graph("/" + sent.content["id"]).status_code == 200
        MediaFile.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert content(graph("/" + sent.content["id"]))["error"]["error_subcode"] == 33

    def test_a_removed_upload_cannot_be_sent(self, graph: Graph, tai_man: Person, upload: Any) -> None:
        media_id = content(upload())["id"]
        assert graph("messages", message(tai_man, "image", {"id": media_id})).status_code == 200
        assert graph(f"/{media_id}", method="DELETE").status_code == 200
        assert error_code(graph("messages", message(tai_man, "image", {"id": media_id}))) == 131009


class TestTemplateList:
    def test_pages_follow_each_other_to_the_end_without_repeats(self, graph: Graph, hongkong: Number) -> None:
        seen: list[str] = []
        path = f"/{hongkong.waba_id}/message_templates?limit=5"
        while path:
            page = content(graph(path))
            seen += [template["id"] for template in page["data"]]
            path = "/" + page["paging"]["next"].split("/v25.0/")[1] if "next" in page["paging"] else ""
        assert len(seen) == len(set(seen)) == MessageTemplate.objects.filter(number=hongkong).count()

    def test_filters_narrow(self, graph: Graph, hongkong: Number) -> None:
        found = content(graph(f"/{hongkong.waba_id}/message_templates?language=ja&category=utility"))["data"]
        assert {(t["name"], t["language"]) for t in found} == {("order_update", "ja"), ("continue_chat", "ja")}

    def test_a_spoilt_cursor_is_131059(self, graph: Graph, hongkong: Number) -> None:
        assert error_code(graph(f"/{hongkong.waba_id}/message_templates?after=%%%")) == 131059


class TestTemplateCreation:
    def test_a_new_template_is_pending_then_approved_and_announced(self, graph: Graph, hongkong: Number) -> None:
        made = content(graph(f"/{hongkong.waba_id}/message_templates", NEW_TEMPLATE))
        assert (made["status"], made["category"]) == ("PENDING", "MARKETING")
        notice = PendingUpdate.objects.get(field="message_template_status_update")
        assert (notice.value["event"], notice.value["message_template_id"]) == ("APPROVED", int(made["id"]))
        MessageTemplate.objects.filter(template_id=made["id"]).update(approve_at=0)
        assert content(graph("/" + made["id"]))["status"] == "APPROVED"
        assert pack_due(now=notice.due_at) == 1

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"name": "Back In Stock"}, 100),
            ({"category": "SPAM"}, 100),
            ({"components": [{"type": "BODY", "text": "再入荷 {{1}}", "example": {}}]}, 2388299),
            ({"components": [{"type": "BODY", "text": "佐藤 {{1}} 様"}]}, 100),
            ({"components": [{"type": "FOOTER", "text": "x"}]}, 100),
            ({"components": [{"type": "BODY", "text": "x" * 1025}]}, 100),
        ],
    )
    def test_what_review_would_refuse_is_refused(self, graph: Graph, hongkong: Number, change: dict[str, Any], code: int) -> None:
        body = NEW_TEMPLATE | {"components": [{"type": "BODY", "text": "こんにちは"}]} | change
        assert error_code(graph(f"/{hongkong.waba_id}/message_templates", body)) == code

    def test_the_templates_of_the_start_would_pass_review_themselves(self, hongkong: Number) -> None:
        MessageTemplate.objects.all().delete()
        for name, category, language, components in LIBRARY:
            templates.create(hongkong, {"name": name, "category": category, "language": language, "components": components})
        assert MessageTemplate.objects.count() == len(LIBRARY)

    def test_a_name_and_language_exist_once(self, graph: Graph, hongkong: Number) -> None:
        address = f"/{hongkong.waba_id}/message_templates"
        body = NEW_TEMPLATE | {"components": [{"type": "BODY", "text": "こんにちは"}]}
        assert [graph(address, body).status_code for _ in range(2)] == [200, 400]


class TestNodes:
    def test_a_number_tells_its_quality_and_limit(self, graph: Graph, hongkong: Number) -> None:
        node = content(graph(f"/{hongkong.phone_number_id}?fields=quality_rating,throughput,whatsapp_business_manager_messaging_limit"))
        assert node == {
            "id": hongkong.phone_number_id,
            "quality_rating": "GREEN",
            "throughput": {"level": "STANDARD"},
            "whatsapp_business_manager_messaging_limit": "TIER_2K",
        }

    def test_health_is_told_when_asked_for(self, graph: Graph, hongkong: Number) -> None:
        assert content(graph(f"/{hongkong.waba_id}?fields=health_status"))["health_status"]["can_send_message"] == "AVAILABLE"

    def test_an_unknown_object_is_http_400_with_subcode_33(self, graph: Graph) -> None:
        answer = graph("/123456")
        assert answer.status_code == 400
        assert (content(answer)["error"]["code"], content(answer)["error"]["error_subcode"]) == (100, 33)

    def test_subscribing_with_an_address_that_does_not_shake_hands_fails(self, graph: Graph, hongkong: Number) -> None:
        body = {"override_callback_uri": "http://127.0.0.1:9/webhook", "verify_token": "t"}
        assert error_code(graph(f"/{hongkong.waba_id}/subscribed_apps", body)) == 100
        assert content(graph(f"/{hongkong.waba_id}/subscribed_apps", {})) == {"success": True}

    def test_any_version_is_served(self, client: Client, hongkong: Number) -> None:
        for version in ("v19.0", "v26.0"):
            address = f"/sandbox/graph/{version}/{hongkong.phone_number_id}"
            assert client.get(address, headers={"Authorization": f"Bearer {hongkong.access_token}"}).status_code == 200
