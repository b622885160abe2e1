"""A partner sends a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from scrm.connections.models import Connection
from scrm.contacts.models import Identity
from scrm.conversations.models import Message
from scrm.core import clock
from tests.api.people import NOON, Partner
from tests.conversations.drawn import opened, saved, scene

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=10)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\nendobj\n%%EOF\n"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


@pytest.fixture
def question(hong_kong: Connection, customer: Callable[..., Identity], writes: Callable[..., Message]) -> Message:
    return writes(customer("陳大文", "+85291234567"), hong_kong, "有相嗎？")


def upload(partner: Partner, question: Message, body: bytes, name: str, key: str = "photo-1", **fields: Any) -> Any:
    form = {"conversation": question.conversation_id, "file": SimpleUploadedFile(name, body, "text/html"), **fields}
    with clock.frozen(LATER):
        return partner.http.post("/api/v1/messages/", form, headers={"Idempotency-Key": key})


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class SendingAFile:
    def test_queues_it_as_what_it_is(self, partner: Partner, question: Message) -> None:
        answer = upload(partner, question, PDF, "發票.exe.pdf", text="請查收")
        assert answer.status_code == 201, answer.content
        message = Message.objects.get(direction="out")
        assert (message.kind, message.text, message.state) == ("document", "請查收", "queued")
        assert (message.content["mime_type"], message.content["filename"]) == ("application/pdf", "發票.pdf")
        assert message.content["caption"] == "請查收"
        with default_storage.open(message.content["file"]) as file:
            assert file.read() == PDF

    def test_draws_a_picture_of_another_format_anew(self, partner: Partner, question: Message) -> None:
        assert upload(partner, question, saved(scene(), "HEIF"), "IMG_2041.HEIC").status_code == 201
        message = Message.objects.get(direction="out")
        assert (message.kind, message.content["mime_type"], message.content["filename"]) == ("image", "image/jpeg", "IMG_2041.jpg")
        with default_storage.open(message.content["file"]) as file:
            assert opened(file.read()).format == "JPEG"

    def test_with_the_same_key_sends_and_stores_once(self, partner: Partner, question: Message, folder: Path) -> None:
        answers = [upload(partner, question, PDF, "a.pdf") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 200, 200]
        assert Message.objects.filter(direction="out").count() == len(kept(folder)) == 1

    @pytest.mark.parametrize(("body", "fields"), [(PDF + b"%", {}), (PDF, {"text": "第二"})])
    def test_with_the_same_key_for_another_file_or_text_is_an_error(
        self, body: bytes, fields: dict[str, str], partner: Partner, question: Message, folder: Path
    ) -> None:
        upload(partner, question, PDF, "a.pdf")
        answer = upload(partner, question, body, "a.pdf", **fields)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_key_used")
        assert len(kept(folder)) == 1

    @pytest.mark.parametrize(
        ("body", "name", "fields"),
        [
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "logo.png", {}),
            (b"<html><script>alert(1)</script></html>", "receipt.pdf", {}),
            (saved(scene())[:400], "cut.jpg", {}),
            (b"", "empty.pdf", {}),
            (PDF, "a.pdf", {"kind": "video"}),
            (PDF, "a.pdf", {"text": "長" * 1025}),
            (PDF, "a.pdf", {"kind": "hologram"}),
            (PDF, "a.pdf", {"template": "x"}),
            (PDF, "a.pdf", {"second": SimpleUploadedFile("b.pdf", PDF)}),
        ],
    )
    def test_that_cannot_go_is_400_with_a_sentence_and_stores_nothing(
        self, body: bytes, name: str, fields: dict[str, Any], partner: Partner, question: Message, folder: Path
    ) -> None:
        answer = upload(partner, question, body, name, **fields)
        assert answer.status_code == 400 and answer.json()["error"]["message"]
        assert kept(folder) == [] and not Message.objects.filter(direction="out").exists()

    def test_of_ten_gigabytes_is_refused_before_it_is_read(self, partner: Partner, question: Message) -> None:
        answer = partner.http.generic(
            "POST",
            "/api/v1/messages/",
            b"--x\r\n",
            content_type="multipart/form-data; boundary=x",
            headers={"Idempotency-Key": "huge", "Content-Length": str(10 * 2**30)},
        )
        assert answer.status_code == 413

    def test_as_json_is_still_bounded_and_strict(self, partner: Partner, question: Message) -> None:
        assert partner.send({"conversation": question.conversation_id, "file": "a.pdf"}).status_code == 400
