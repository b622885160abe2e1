"""Templates written from here: submitted, changed, deleted, and their example files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_whatsapp_wire import TOKEN, channel_at, graph

from connectors.channels.whatsapp.template_checks import alteration, submission
from connectors.conformance import Answer
from connectors.contracts import TemplateEditor
from connectors.errors import Gone, NeedsLogin, OutcomeUnknown, Rejected, TryLater

PAYLOADS = Path(__file__).resolve().parents[3] / "shared" / "payloads"
WABA = "102290129340398"
ORDER_SHIPPED: dict[str, Any] = {
    "name": "order_shipped",
    "language": "zh_HK",
    "category": "utility",
    "components": [
        {"type": "header", "format": "TEXT", "text": "訂單 {{1}}", "example": {"header_text": ["A1"]}},
        {"type": "body", "text": "陳小姐, 訂單 {{1}} 已寄出。", "example": {"body_text": [["A1"]]}},
        {"type": "footer", "text": "尖沙咀店"},
        {"type": "buttons", "buttons": [{"type": "QUICK_REPLY", "text": "收到了"}]},
    ],
    "our_own_note": "not for the platform",
}


def changed(**parts: Any) -> dict[str, Any]:
    return {**ORDER_SHIPPED, **parts}


def with_body(text: str) -> dict[str, Any]:
    return changed(components=[{"type": "BODY", "text": text}])


class TestCreateTemplate:
    def test_is_a_template_editor(self, loopback: Any) -> None:
        assert isinstance(channel_at(loopback.url), TemplateEditor)

    def test_submits_and_tells_what_the_platform_made_of_it(self, loopback: Any) -> None:
        loopback.say({"id": "594425479261596", "status": "PENDING", "category": "MARKETING"})
        made = channel_at(loopback.url).create_template(ORDER_SHIPPED)
        assert made == {"external_id": "594425479261596", "status": "PENDING", "category": "MARKETING"}
        (seen,) = loopback.seen
        assert (seen.method, seen.path) == ("POST", f"/v25.0/{WABA}/message_templates")
        assert seen.json["category"] == "UTILITY" and "our_own_note" not in seen.json
        assert [part["type"] for part in seen.json["components"]] == ["HEADER", "BODY", "FOOTER", "BUTTONS"]

    def test_a_lost_answer_is_not_repeated(self, loopback: Any) -> None:
        loopback.always(Answer(500, b"{}"))
        with pytest.raises(OutcomeUnknown):
            channel_at(loopback.url).create_template(ORDER_SHIPPED)
        assert len(loopback.seen) == 1

    @pytest.mark.parametrize(
        ("template", "names"),
        [
            (changed(name="Order Shipped"), "name"),
            (changed(language="Cantonese, Hong Kong"), "language"),
            (changed(category="NEWS"), "category"),
            (changed(category=""), "category"),
            (changed(components=[]), "body"),
            (changed(components=[{"type": "FOOTER", "text": "店"}]), "body"),
            (changed(components=[{"type": "BODY", "text": "a"}, {"type": "BODY", "text": "b"}]), "once"),
            (changed(components=[{"type": "RIBBON"}]), "RIBBON"),
            (with_body("字" * 1025), "1025"),
            (with_body("  "), "empty"),
            (with_body("{{1}} 已寄出"), "start or the end"),
            (with_body("多謝 {{name}} "), "start or the end"),
            (changed(components=[*with_body("ok")["components"], {"type": "HEADER", "format": "TEXT", "text": "t" * 61}]), "61"),
            (changed(components=[*with_body("ok")["components"], {"type": "HEADER", "format": "HOLOGRAM"}]), "HOLOGRAM"),
            (changed(components=[*with_body("ok")["components"], {"type": "FOOTER", "text": "t" * 61}]), "61"),
            (
                changed(components=[*with_body("ok")["components"], {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "t" * 26}]}]),
                "26",
            ),
            (changed(components=[*with_body("ok")["components"], {"type": "BUTTONS", "buttons": []}]), "buttons"),
            (changed(components=[*with_body("ok")["components"], {"type": "CAROUSEL", "cards": [{}] * 11}]), "11"),
        ],
    )
    def test_what_the_platform_would_refuse_never_leaves(self, loopback: Any, template: dict[str, Any], names: str) -> None:
        with pytest.raises(Rejected) as refused:
            channel_at(loopback.url).create_template(template)
        assert names in str(refused.value) and refused.value.remedy == "fix_template"
        assert not loopback.seen

    def test_an_authentication_template_has_no_words_of_its_own(self) -> None:
        parts = [{"type": "body", "add_security_recommendation": True}, {"type": "footer", "code_expiration_minutes": 10}]
        body = submission({"name": "code", "language": "ja", "category": "AUTHENTICATION", "components": parts})
        assert body["components"][1] == {"type": "FOOTER", "code_expiration_minutes": 10}

    def test_templates_of_other_projects_pass(self) -> None:
        paths = sorted(PAYLOADS.glob("wa_template_create__*.json")) if PAYLOADS.is_dir() else []
        if not paths:
            pytest.skip("captured templates are not beside the repository")
        refused = {path.stem: str(error) for path in paths if (error := _refusal(path)) is not None}
        # That one has a category of 2021.
        assert set(refused) <= {"wa_template_create__transactional-header-body-footer-buttons__bindambc_01"}, refused


def _refusal(path: Path) -> Rejected | None:
    given = json.loads(path.read_text())
    try:
        submission(given["payload"])
    except Rejected as error:
        return error
    return None


class TestEditAndDelete:
    def test_edit_posts_to_the_template(self, loopback: Any) -> None:
        loopback.say({"success": True})
        channel_at(loopback.url).edit_template("594425479261596", {"category": "MARKETING", "name": "cannot_change"})
        assert loopback.seen[0].path == "/v25.0/594425479261596" and loopback.seen[0].json == {"category": "MARKETING"}

    def test_edit_of_nothing_or_of_no_template(self, loopback: Any) -> None:
        with pytest.raises(Rejected):
            channel_at(loopback.url).edit_template("594425479261596", {"name": "new_name"})
        with pytest.raises(Gone):
            channel_at(loopback.url).edit_template("../me", {"category": "UTILITY"})
        with pytest.raises(Rejected):
            alteration({"components": [{"type": "BODY", "text": ""}]})
        assert not loopback.seen

    def test_edit_that_is_not_taken(self, loopback: Any) -> None:
        loopback.say({"success": False})
        with pytest.raises(Rejected):
            channel_at(loopback.url).edit_template("5", {"category": "UTILITY"})

    def test_delete_names_one_language_or_all(self, loopback: Any) -> None:
        channel = channel_at(loopback.url)
        channel.delete_template("order_shipped", "594425479261596")
        channel.delete_template("order_shipped")
        assert [seen.query for seen in loopback.seen] == [{"name": "order_shipped", "hsm_id": "594425479261596"}, {"name": "order_shipped"}]
        assert {seen.method for seen in loopback.seen} == {"DELETE"}

    @pytest.mark.parametrize("answer", [graph(132001, 404), graph(100, error_subcode=33), graph(100, error_subcode=2593002)])
    def test_deleting_what_is_gone_is_no_error(self, loopback: Any, answer: Answer) -> None:
        loopback.always(answer)
        channel_at(loopback.url).delete_template("order_shipped")

    def test_other_refusals_of_a_deletion_are_told(self, loopback: Any) -> None:
        loopback.always(graph(190, 401))
        with pytest.raises(NeedsLogin):
            channel_at(loopback.url).delete_template("order_shipped")

    def test_unpause(self, loopback: Any) -> None:
        channel_at(loopback.url).unpause_template("594425479261596")
        assert loopback.seen[0].path == "/v25.0/594425479261596/unpause"


class TestUploadSample:
    PICTURE = b"\xff\xd8\xff\xe0" + bytes(60)

    def test_opens_an_upload_and_fills_it(self, loopback: Any) -> None:
        loopback.say({"id": "upload:MTphdHRhY2htZW50?sig=ARZ_x-1"})
        loopback.say({"h": "4::aW1hZ2UvanBlZw==:ARb"})
        handle = channel_at(loopback.url, app_id="634974688087057").upload_sample(self.PICTURE, "image/jpeg", "新品.jpg")
        assert handle == "4::aW1hZ2UvanBlZw==:ARb"
        opened, filled = loopback.seen
        assert opened.path == "/v25.0/634974688087057/uploads"
        assert opened.query == {"file_name": "新品.jpg", "file_length": "64", "file_type": "image/jpeg"}
        assert filled.path == "/v25.0/upload:MTphdHRhY2htZW50" and filled.query == {"sig": "ARZ_x-1"}
        assert filled.body == self.PICTURE and filled.headers["file_offset"] == "0"
        assert filled.headers["authorization"] == f"OAuth {TOKEN}"

    def test_without_an_app_id_the_tokens_app(self, loopback: Any) -> None:
        loopback.say({"id": "upload:1"})
        loopback.say({"h": "2:c2FtcGxl"})
        channel_at(loopback.url).upload_sample(self.PICTURE, "image/jpeg", "a.jpg")
        assert loopback.seen[0].path == "/v25.0/app/uploads"

    @pytest.mark.parametrize("answers", [[{}], [{"id": "https://elsewhere.example"}], [{"id": "upload:1"}, {}]])
    def test_an_answer_that_says_nothing_may_be_tried_again(self, loopback: Any, answers: list[Any]) -> None:
        for answer in answers:
            loopback.say(answer)
        with pytest.raises(TryLater):
            channel_at(loopback.url).upload_sample(self.PICTURE, "image/jpeg", "a.jpg")
        assert len(loopback.seen) == len(answers)

    @pytest.mark.parametrize(("content", "mime_type"), [(b"", "image/jpeg"), (b"x", "image/heic")])
    def test_files_that_are_no_example(self, loopback: Any, content: bytes, mime_type: str) -> None:
        with pytest.raises(Rejected):
            channel_at(loopback.url).upload_sample(content, mime_type, "a")
        assert not loopback.seen
