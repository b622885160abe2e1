"""Files of strangers: shown when a browser may show them, else handed out as a download."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from scrm.conversations.models import Attachment
from tests import people
from tests.console.conftest import seated
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def received(mime_type: str, filename: str = "", state: str = "stored") -> Attachment:
    message = said(people.conversation(), "", kind="document")
    body = ContentFile(b"<script>alert(1)</script>", "x.bin")
    return Attachment.objects.create(
        message=message, kind="document", mime_type=mime_type, filename=filename, file=body, state=state, due_at=timezone.now()
    )


class Attachments:
    @pytest.mark.parametrize(
        "mime_type", ["text/html", "image/svg+xml", "application/pdf", "application/xhtml+xml", "", "image/png\r\nX: 1", "audio/x\r\nX: 1"]
    )
    def test_that_could_run_are_downloads(self, mime_type: str, desk: Client) -> None:
        answer = desk.get(f"/admin/files/{received(mime_type, '發票.html').pk}/")
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["Content-Type"] == "application/octet-stream"
        assert "sandbox" in answer["Content-Security-Policy"] and answer["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("mime_type", ["image/jpeg", "image/webp", "audio/ogg; codecs=opus", "video/mp4"])
    def test_that_browsers_show_are_shown(self, mime_type: str, desk: Client) -> None:
        answer = desk.get(f"/admin/files/{received(mime_type).pk}/")
        assert not answer.get("Content-Disposition", "").startswith("attachment")
        assert "sandbox" in answer["Content-Security-Policy"]

    def test_of_any_name_keep_one_header(self, desk: Client) -> None:
        row = received("application/pdf", "a\r\nX-Evil: 1\u202efdp.exe")
        answer = desk.get(f"/admin/files/{row.pk}/")
        assert answer.status_code == 200 and "X-Evil" not in answer
        assert answer["Content-Disposition"].startswith("attachment") and "fdp.exe" in answer["Content-Disposition"]
        assert "%E2%80%AE" not in answer["Content-Disposition"]

    def test_that_browsers_cannot_show_are_shown_as_the_jpeg_drawn_from_them(self, desk: Client) -> None:
        row = received("image/heic", "IMG_2041.HEIC")
        row.crm_file.save("copy.jpg", ContentFile(b"drawn"))
        shown = desk.get(f"/admin/files/{row.pk}/")
        assert (shown["Content-Type"], b"".join(shown.streaming_content)) == ("image/jpeg", b"drawn")
        original = desk.get(f"/admin/files/{row.pk}/?original")
        assert original["Content-Disposition"].startswith("attachment") and b"".join(original.streaming_content) != b"drawn"

    def test_that_are_missing_are_not_found(self, desk: Client) -> None:
        row = received("image/jpeg")
        row.file.storage.delete(row.file.name)
        assert desk.get(f"/admin/files/{row.pk}/").status_code == 404
        assert desk.get(f"/admin/files/{received('image/jpeg', state='waiting').pk}/").status_code == 404

    def test_are_for_agents_only(self, client: Client) -> None:
        row = received("image/jpeg")
        assert client.get(f"/admin/files/{row.pk}/").status_code == 302
        assert seated(people.agent("newcomer")).get(f"/admin/files/{row.pk}/").status_code == 403

    def test_of_messages_never_lead_outside_the_folder_of_sent_files(self, desk: Client) -> None:
        message = said(people.conversation(), "", direction="out", kind="image", content={"file": "../secret_key"})
        assert desk.get(f"/admin/files/message/{message.pk}/").status_code == 404
