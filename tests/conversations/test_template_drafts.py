"""A template is submitted once, whatever happens to the answer; what the platform said stands in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from connectors.errors import ConnectorError, OutcomeUnknown, Rejected, Unreachable
from scrm.conversations import template_drafts, templates
from scrm.conversations.models import MessageTemplate, TemplateSync
from scrm.conversations.template_drafts import NotSubmitted, Written, copy, delete, resubmit, save_draft, submit, written_of
from scrm.conversations.template_parts import Parts
from scrm.core import clock
from tests import people

pytestmark = pytest.mark.django_db

PARTS = Parts(body="您好 {{1}}，您的訂單 {{2}} 已於今日寄出，多謝惠顧。", examples={"body_1": "陳生", "body_2": "HK-104233"})
WRITTEN = Written("order_sent", "zh_HK", "UTILITY", PARTS)


class Platform:
    """Keeps what is created; `answers` holds errors to raise first. With `lost` the answer is lost after the work was done."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], dict[str, Any]] = {}
        self.creations: list[dict[str, Any]] = []
        self.edits: list[tuple[str, dict[str, Any]]] = []
        self.samples: list[tuple[int, str, str]] = []
        self.answers: list[ConnectorError] = []
        self.lost = False
        self.refiled = ""

    def templates(self) -> list[dict[str, Any]]:
        return list(self.held.values())

    def create_template(self, template: dict[str, Any]) -> dict[str, Any]:
        self.creations.append(template)
        if self.answers:
            raise self.answers.pop(0)
        row = {**template, "external_id": f"7{len(self.creations)}", "status": "PENDING", "category": self.refiled or template["category"]}
        self.held[template["name"], template["language"]] = row
        if self.lost:
            raise OutcomeUnknown("No answer within 15 s")
        return row

    def edit_template(self, external_id: str, changes: dict[str, Any]) -> None:
        if self.answers:
            raise self.answers.pop(0)
        self.edits.append((external_id, changes))

    def delete_template(self, name: str, external_id: str = "") -> None:
        if self.answers:
            raise self.answers.pop(0)
        self.held = {key: row for key, row in self.held.items() if key[0] != name}

    def upload_sample(self, content: bytes, mime_type: str, filename: str) -> str:
        self.samples.append((len(content), mime_type, filename))
        return f"4::handle{len(self.samples)}"


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Platform:
    made = Platform()

    def instead(connection: Any) -> Platform:
        return made

    for module in (templates, template_drafts):
        monkeypatch.setattr(module, "channel_of", instead)
    return made


def draft(**fields: Any) -> MessageTemplate:
    return save_draft(people.hong_kong(), replace(WRITTEN, **fields), by=None)


class Drafts:
    def test_come_back_as_they_were_written(self) -> None:
        assert written_of(draft(variables={"body_1": {"source": "contact.first_name"}})).parts == PARTS

    def test_of_a_name_and_language_exist_once(self) -> None:
        draft()
        with pytest.raises(NotSubmitted) as refused:
            draft()
        assert refused.value.findings[0].field == "name"

    def test_may_take_the_place_of_a_deleted_one(self) -> None:
        first = draft()
        MessageTemplate.objects.filter(pk=first.pk).update(status="DELETED", external_id="71")
        again = draft()
        assert (again.pk, again.status, again.external_id) == (first.pk, "DRAFT", "")

    def test_are_copied_into_another_language_with_their_variables(self) -> None:
        made = copy(draft(variables={"body_1": {"source": "contact.name", "fallback": ""}}), "ja", by=None)
        assert (made.language, made.status, made.body, bool(made.variables)) == ("ja", "DRAFT", PARTS.body, True)


class Submission:
    def test_hands_the_template_over_and_waits_for_the_review(self, platform: Platform) -> None:
        row = submit(draft(), by=people.agent())
        assert (row.status, row.external_id) == ("PENDING", "71")
        (sent,) = platform.creations
        assert sent["components"][0]["example"] == {"body_text": [["陳生", "HK-104233"]]} and "parameter_format" not in sent
        assert row.changes.get(kind="status").by == people.agent()

    def test_says_that_variables_have_names(self, platform: Platform) -> None:
        parts = Parts(body="您好 {{name}}，您的訂單已於今日寄出，多謝惠顧。", examples={"body_name": "陳生"})
        submit(draft(parts=parts), by=None)
        assert platform.creations[0]["parameter_format"] == "NAMED"

    def test_of_what_breaks_a_rule_never_leaves(self, platform: Platform) -> None:
        with pytest.raises(NotSubmitted) as refused:
            submit(draft(parts=Parts(body="{{1}} 您好")), by=None)
        assert {finding.field for finding in refused.value.findings} >= {"body", "example_body_1"} and not platform.creations

    def test_pressed_twice_is_made_once(self, platform: Platform) -> None:
        row = draft()
        stale = MessageTemplate.objects.get(pk=row.pk)
        submit(row, by=None)
        with pytest.raises(NotSubmitted):
            submit(stale, by=None)
        assert len(platform.creations) == 1

    def test_notes_that_the_platform_filed_it_elsewhere(self, platform: Platform) -> None:
        platform.refiled = "MARKETING"
        row = submit(draft(), by=None)
        assert row.category == "MARKETING" and row.changes.filter(kind="category", after="MARKETING").exists()

    def test_with_a_lost_answer_is_looked_up_and_not_repeated(self, platform: Platform) -> None:
        platform.lost = True
        row = draft()
        with pytest.raises(NotSubmitted) as lost:
            submit(row, by=None)
        assert lost.value.unknown and TemplateSync.objects.get().asked_at is not None
        templates.sync_due()
        row.refresh_from_db()
        assert (row.status, row.external_id, len(platform.creations)) == ("PENDING", "71", 1)

    def test_pressed_again_after_a_lost_answer_asks_before_it_creates(self, platform: Platform) -> None:
        platform.lost = True
        row = draft()
        with pytest.raises(NotSubmitted):
            submit(row, by=None)
        row.refresh_from_db()
        with clock.frozen(timezone.now() + timedelta(minutes=2)):
            row = submit(row, by=None)
        assert (row.status, len(platform.creations)) == ("PENDING", 1)

    def test_that_truly_did_not_arrive_is_made_the_second_time(self, platform: Platform) -> None:
        platform.answers = [OutcomeUnknown("No answer within 15 s")]
        row = draft()
        with pytest.raises(NotSubmitted):
            submit(row, by=None)
        row.refresh_from_db()
        with clock.frozen(timezone.now() + timedelta(minutes=2)):
            row = submit(row, by=None)
        assert (row.status, len(platform.creations)) == ("PENDING", 2)

    @pytest.mark.parametrize("error", [Rejected("no", code="2388299", detail="Variables cannot be at the start"), Unreachable("away")])
    def test_that_is_refused_stays_a_draft_with_the_reason(self, platform: Platform, error: ConnectorError) -> None:
        platform.answers = [error]
        row = draft()
        with pytest.raises(NotSubmitted) as refused:
            submit(row, by=None)
        row.refresh_from_db()
        assert (row.status, row.submitted_at, refused.value.unknown) == ("DRAFT", None, False)
        assert refused.value.findings[0].text
        assert refused.value.findings[0].field == ("body" if error.code else "")

    def test_uploads_the_example_file_first(self, platform: Platform, settings: Any, tmp_path: Any) -> None:
        settings.MEDIA_ROOT = str(tmp_path)
        path = default_storage.save("templates/a.jpg", ContentFile(b"\xff\xd8\xff" + b"x" * 97))
        sample = {"path": path, "mime_type": "image/jpeg", "filename": "茶.jpg", "format": "IMAGE"}
        submit(draft(parts=replace(PARTS, header_format="IMAGE"), sample=sample), by=None)
        assert platform.samples == [(100, "image/jpeg", "茶.jpg")]
        assert platform.creations[0]["components"][0]["example"] == {"header_handle": ["4::handle1"]}

    def test_without_its_example_file_says_so(self, platform: Platform, settings: Any, tmp_path: Any) -> None:
        settings.MEDIA_ROOT = str(tmp_path)
        sample = {"path": "templates/gone.jpg", "mime_type": "image/jpeg", "filename": "a.jpg", "format": "IMAGE"}
        with pytest.raises(NotSubmitted, match="example file"):
            submit(draft(parts=replace(PARTS, header_format="IMAGE"), sample=sample), by=None)
        assert not platform.creations


class Changes:
    def rejected(self, **fields: Any) -> MessageTemplate:
        row = draft()
        MessageTemplate.objects.filter(pk=row.pk).update(**{"status": "REJECTED", "external_id": "71", **fields})
        row.refresh_from_db()
        return row

    def test_of_a_rejected_one_go_into_review_with_another_category(self, platform: Platform) -> None:
        written = replace(WRITTEN, category="MARKETING", parts=replace(PARTS, footer="Harbour Beauty"))
        row = resubmit(self.rejected(), written, by=None)
        assert (row.status, row.category) == ("PENDING", "MARKETING")
        ((external_id, changes),) = platform.edits
        assert external_id == "71" and changes["category"] == "MARKETING" and changes["components"][-1]["text"] == "Harbour Beauty"

    def test_of_an_approved_one_leave_the_category(self, platform: Platform) -> None:
        row = resubmit(self.rejected(status="APPROVED"), replace(WRITTEN, category="MARKETING"), by=None)
        assert row.category == "UTILITY" and "category" not in platform.edits[0][1]

    @pytest.mark.parametrize("status", ["PENDING", "DISABLED", "DELETED"])
    def test_are_refused_in_other_states(self, platform: Platform, status: str) -> None:
        with pytest.raises(NotSubmitted):
            resubmit(self.rejected(status=status), WRITTEN, by=None)
        assert not platform.edits

    def test_that_the_platform_refuses_change_nothing_here(self, platform: Platform) -> None:
        platform.answers = [Rejected("once a day", code="100")]
        row = self.rejected(status="APPROVED")
        with pytest.raises(NotSubmitted):
            resubmit(row, replace(WRITTEN, parts=replace(PARTS, footer="x")), by=None)
        row.refresh_from_db()
        assert row.status == "APPROVED" and len(row.components) == 1


class Deletion:
    def test_of_a_draft_leaves_nothing(self, platform: Platform) -> None:
        delete(draft(), by=None)
        assert not MessageTemplate.objects.exists()

    def test_with_the_platform_keeps_the_row(self, platform: Platform) -> None:
        row = submit(draft(), by=None)
        delete(row, by=None)
        row.refresh_from_db()
        assert row.status == "DELETED" and not platform.held

    def test_that_fails_keeps_the_template(self, platform: Platform) -> None:
        row = submit(draft(), by=None)
        platform.answers = [Unreachable("away")]
        with pytest.raises(NotSubmitted):
            delete(row, by=None)
        row.refresh_from_db()
        assert row.status == "PENDING"
