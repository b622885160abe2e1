"""The template editor: drafts, what it says field by field, who may do what; and the list with its reading."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from connectors.errors import Rejected, Unreachable
from scrm.connections.models import Connection
from scrm.console import template_form
from scrm.console.admin import templates as page
from scrm.conversations import template_drafts, template_states, templates
from scrm.conversations.models import MessageTemplate, TemplateSync
from tests import people
from tests.console.conftest import allow, seated

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

URL = "/admin/conversations/messagetemplate/"
WRITTEN = {
    "name": "order_sent",
    "language": "zh_HK",
    "category": "UTILITY",
    "header_format": "",
    "body": "您好 {{1}}，您的訂單已於今日寄出，多謝惠顧。",
    "example_body_1": "陳生",
    "source_body_1": "contact.first_name",
    "fallback_body_1": "顧客",
}


class Platform:
    def __init__(self) -> None:
        self.error: Exception | None = None
        self.creations: list[dict[str, Any]] = []

    def templates(self) -> list[dict[str, Any]]:
        if self.error:
            raise self.error
        return []

    def create_template(self, template: dict[str, Any]) -> dict[str, Any]:
        self.creations.append(template)
        if self.error:
            raise self.error
        return {"external_id": "7", "status": "PENDING", "category": template["category"]}

    def edit_template(self, external_id: str, changes: dict[str, Any]) -> None: ...

    def delete_template(self, name: str, external_id: str = "") -> None: ...

    def upload_sample(self, content: bytes, mime_type: str, filename: str) -> str:
        return "4::h"


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> Platform:
    settings.MEDIA_ROOT = str(tmp_path)
    made = Platform()
    for module in (templates, template_drafts):
        monkeypatch.setattr(module, "channel_of", lambda connection: made)
    return made


def write(client: Client, act: str = "save", **changes: Any) -> Any:
    return client.post(f"{URL}add/", {**WRITTEN, "connection": people.hong_kong().pk, "act": act, **changes})


def stored(**fields: Any) -> MessageTemplate:
    row = {"connection": people.hong_kong(), "name": "order_sent", "language": "zh_HK", "category": "UTILITY", "status": "APPROVED"}
    body = {"type": "BODY", "text": WRITTEN["body"], "example": {"body_text": [["陳生"]]}}
    return MessageTemplate.objects.create(**{**row, "components": [body], "external_id": "7", "synced_at": timezone.now(), **fields})


class Drafts:
    def test_are_judged_once_something_is_written(self, owner: Client, platform: Platform) -> None:
        assert "Nothing that the platform would refuse." not in owner.get(f"{URL}add/").content.decode()
        assert "Nothing that the platform would refuse." in owner.get(write(owner)["Location"]).content.decode()

    def test_are_kept_half_written(self, owner: Client, platform: Platform) -> None:
        assert write(owner, body="", name="x").status_code == 302
        assert MessageTemplate.objects.get().status == "DRAFT" and not platform.creations

    def test_keep_text_examples_buttons_and_sources(self, owner: Client, platform: Platform) -> None:
        location = write(owner, button_0_kind="URL", button_0_text="查詢", button_0_value="https://x.example/")["Location"]
        row = MessageTemplate.objects.get()
        assert row.variables == {"body_1": {"source": "contact.first_name", "fallback": "顧客"}}
        shown = owner.get(location).content.decode()
        for words in (WRITTEN["body"].split("{{")[0], "陳生", "查詢", "https://x.example/", "顧客"):
            assert words in shown

    def test_take_fields_that_an_import_added(self, owner: Client, platform: Platform) -> None:
        write(owner, source_body_1="contact.custom.", custom_body_1="favourite")
        assert MessageTemplate.objects.get().variables["body_1"]["source"] == "contact.custom.favourite"

    def test_take_no_source_that_does_not_exist(self, owner: Client, platform: Platform) -> None:
        write(owner, source_body_1="settings.SECRET_KEY")
        assert MessageTemplate.objects.get().variables["body_1"]["source"] == ""

    @pytest.mark.parametrize(
        ("body", "taken"), [(b"\xff\xd8\xff\xe0" + b"x" * 40, True), (b"<svg>", False), (b"%PDF-1.7 xxxxxxxxxx", False)]
    )
    def test_take_an_example_file_by_its_bytes(self, owner: Client, platform: Platform, body: bytes, taken: bool) -> None:
        upload = SimpleUploadedFile("a.jpg", body, "image/jpeg")
        answer = write(owner, header_format="IMAGE", header_file=upload)
        assert answer.status_code == (302 if taken else 422)
        assert MessageTemplate.objects.exists() == taken

    def test_go_when_they_are_deleted(self, owner: Client, platform: Platform) -> None:
        location = write(owner)["Location"]
        owner.post(location, {"act": "delete"})
        assert not MessageTemplate.objects.exists()

    def test_are_copied_into_another_language(self, owner: Client, platform: Platform) -> None:
        owner.post(f"{URL}{stored().pk}/change/", {"act": "copy", "copy_language": "ja"})
        assert MessageTemplate.objects.get(language="ja").status == "DRAFT"


class Submission:
    def test_shows_the_reasons_at_the_form_and_keeps_what_was_written(self, owner: Client, platform: Platform) -> None:
        answer = write(owner, "submit", body="您好 {{1}}")
        assert answer.status_code == 422 and "at the start or the end" in answer.content.decode()
        assert not platform.creations

    def test_refused_on_a_new_page_goes_on_with_the_draft_that_was_kept(self, owner: Client, platform: Platform) -> None:
        html = write(owner, "submit", body="您好 {{1}}").content.decode()
        draft = MessageTemplate.objects.get()
        address = f"{URL}{draft.pk}/change/"
        assert html.count('<form method="post"') == html.count(f'<form method="post" action="{address}"') == 3
        assert owner.post(address, {**WRITTEN, "act": "submit"}).status_code == 302
        assert len(platform.creations) == MessageTemplate.objects.count() == 1

    def test_shows_the_platforms_refusal_in_words(self, owner: Client, platform: Platform) -> None:
        platform.error = Rejected("no", code="2388299", detail="Variables cannot be at the start")
        answer = write(owner, "submit")
        assert answer.status_code == 422 and "Variables cannot be at the start" in answer.content.decode()
        assert MessageTemplate.objects.get().status == "DRAFT"

    def test_pressed_twice_on_a_new_page_is_one_template(self, owner: Client, platform: Platform) -> None:
        answers = [write(owner, "submit").status_code for _ in range(2)]
        assert answers == [302, 422] and len(platform.creations) == MessageTemplate.objects.count() == 1


class Variables:
    def test_of_an_approved_template_are_changed_without_touching_its_text(self, owner: Client, platform: Platform) -> None:
        row = stored()
        owner.post(f"{URL}{row.pk}/change/", {"act": "variables", "body": "別的", "source_body_1": "contact.name", "fallback_body_1": "您"})
        row.refresh_from_db()
        assert row.variables == {"body_1": {"source": "contact.name", "fallback": "您"}} and row.body == WRITTEN["body"]


class Preview:
    def drawn(self, client: Client, **changes: Any) -> str:
        answer = client.post(f"{URL}preview/", {**WRITTEN, **changes})
        assert answer.status_code == 200
        return str(answer.json()["phone"])

    def test_is_drawn_with_the_examples(self, owner: Client) -> None:
        assert "陳生" in self.drawn(owner) and "{{" not in self.drawn(owner)

    def test_is_drawn_for_a_customer_and_names_what_is_missing(self, owner: Client) -> None:
        conversation = people.conversation(people.customer(name="陳大文"))
        drawn = self.drawn(owner, preview_with=conversation.pk)
        assert "陳大文" in drawn and "no value" not in drawn
        assert "no value" in self.drawn(owner, preview_with=conversation.pk, source_body_1="order.number", fallback_body_1="")

    def test_warns_of_a_promotion_in_a_notice(self, owner: Client) -> None:
        assert "reads like a promotion" in self.drawn(owner, body="您好 {{1}}，訂單已寄出，下次購物可享 8折優惠，歡迎光臨。")

    @pytest.mark.parametrize("text", ["<script>alert(1)</script>", "{% debug %}", "{{7*7}}"])
    def test_shows_markup_as_text(self, owner: Client, text: str) -> None:
        drawn = self.drawn(owner, body=f"您好 {text} 多謝", example_body_1=text)
        assert "<script>" not in drawn and "49" not in drawn

    @pytest.mark.parametrize(
        "nonsense", [{"button_0_kind": "X"}, {"code_minutes": "9" * 50}, {"category": "Z"}, {"language": ""}, {"template": "x"}]
    )
    def test_of_nonsense_does_not_break(self, owner: Client, nonsense: dict[str, str]) -> None:
        self.drawn(owner, **nonsense)


class People:
    def test_who_may_only_look_change_nothing(self, platform: Platform) -> None:
        looker = seated(allow(people.agent("mei"), "conversations.view_messagetemplate"))
        row = stored()
        shown = looker.get(f"{URL}{row.pk}/change/")
        assert shown.status_code == 200 and "Submit again" not in shown.content.decode()
        assert looker.post(f"{URL}{row.pk}/change/", {"act": "delete"}).status_code == 403
        assert looker.get(f"{URL}add/").status_code == looker.post(f"{URL}sync/").status_code == 403

    def test_who_may_not_see_conversations_see_no_customers_names(self, platform: Platform) -> None:
        people.conversation(people.customer(name="陳大文"))
        writer = seated(allow(people.agent("mei"), "conversations.view_messagetemplate", "conversations.add_messagetemplate"))
        assert "陳大文" not in writer.get(f"{URL}add/").content.decode()


class List:
    def test_reads_from_the_platform_on_request_and_says_how_it_went(self, owner: Client, platform: Platform) -> None:
        row = stored()
        owner.post(f"{URL}sync/")
        row.refresh_from_db()
        assert row.status == "DELETED"
        platform.error = Unreachable("no route to the host")
        owner.post(f"{URL}sync/")
        assert "no route to the host" in owner.get(URL).content.decode()

    def test_says_what_has_not_been_read_yet(self, owner: Client) -> None:
        TemplateSync.objects.create(connection=people.hong_kong(), asked_at=timezone.now())
        assert "will be read shortly" in owner.get(URL).content.decode()

    def test_offers_no_number_whose_channel_has_no_templates(self, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        connection: Connection = people.hong_kong()
        monkeypatch.setattr(template_form, "can_write", lambda row: row.pk != connection.pk)
        assert connection.label not in owner.get(f"{URL}add/").content.decode().split("</form>")[0].split('name="connection"')[-1][:300]

    def test_knows_every_state_by_a_name(self) -> None:
        for status in template_states.SENDABLE | template_states.WAITING | template_states.FINAL:
            assert status != page.template_wording.status_name(status)
