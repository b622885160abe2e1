"""The list of files that customers sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from scrm.conversations.models import Attachment
from scrm.staff.models import User
from tests import people
from tests.console.conftest import seated
from tests.console.thread_rows import said

pytestmark = pytest.mark.django_db
PAGE = "/admin/conversations/attachment/"


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def received(state: str, filename: str, **fields: Any) -> Attachment:
    message = said(people.conversation(), "", kind="image")
    return Attachment.objects.create(message=message, kind="image", filename=filename, state=state, due_at=timezone.now(), **fields)


class ReceivedFiles:
    def test_that_are_missing_can_be_asked_for_again(self, owner: Client) -> None:
        missing = received("failed", "收據.jpg", attempts=6, last_error="HTTP 404: no longer held")
        stored = received("stored", "箱子.jpg")
        page = owner.get(PAGE, {"files": "failed"}).content.decode()
        assert "收據.jpg" in page and "no longer held" in page and "箱子.jpg" not in page
        chosen = {"action": "try_again", "_selected_action": [missing.pk, stored.pk]}
        owner.post(f"{PAGE}?files=failed", chosen)
        missing.refresh_from_db()
        stored.refresh_from_db()
        assert (missing.state, missing.attempts, stored.state) == ("waiting", 0, "stored")

    def test_without_a_copy_for_the_crm_are_listed(self, owner: Client) -> None:
        received("stored", "箱子.jpg")
        received("stored", "破圖.jpg", last_error="No copy for the CRM: The picture is damaged or cut off")
        page = owner.get(PAGE, {"files": "no-copy"}).content.decode()
        assert "破圖.jpg" in page and "箱子.jpg" not in page

    def test_lead_to_the_original_and_the_copy(self, owner: Client) -> None:
        row = received("stored", "IMG_2041.HEIC", file=ContentFile(b"heic", "a.heic"), crm_file=ContentFile(b"jpeg", "a.jpg"))
        page = owner.get(f"{PAGE}{row.pk}/change/").content.decode()
        assert f'href="/admin/files/{row.pk}/?original"' in page and f'href="/admin/files/{row.pk}/"' in page

    def test_with_a_name_of_markup_show_it_as_text(self, owner: Client) -> None:
        received("stored", "<script>alert(1)</script>.jpg")
        page = owner.get(PAGE).content.decode()
        assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page

    def test_are_read_by_agents_and_changed_by_nobody(self, desk: Client, mei: User) -> None:
        row = received("stored", "箱子.jpg")
        assert desk.get(PAGE).status_code == 200
        assert desk.post(f"{PAGE}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert seated(people.agent("newcomer")).get(PAGE).status_code == 403
