"""Whatever background work stores in English is known by its sentence, and said in the reader's language."""

from __future__ import annotations

import pytest

from scrm.connections import sentences
from scrm.connections.connector_sentences import OF_CONNECTORS
from scrm.connections.work_sentences import OF_WORK
from tests.connections.test_sentences import LANGUAGES, filled, said
from tests.connections.told import told

CALLS = frozenset({"Unmappable", "Met", "Applied", "Settled", "CannotAct", "Refused", "Hold", "BadPicture", "Unreadable", "BackupError"})
ERRORS = frozenset(
    {"TryLater", "Unreachable", "OutcomeUnknown", "Rejected", "Gone", "NeedsLogin", "Misconfigured", "BadSignature", "Outcome"}
    | {"_wrong", "wrong", "BadPointer", "_Unclear", "_unreadable", "Unreadable", "NotJson", "ValueError"}
)
NAMES = frozenset({"reason", "words", "last_error", "state_reason", "error_title", "error"})
WORDS = frozenset({"words"})
FOLDERS = (
    "scrm/sync",
    "scrm/hooks",
    "scrm/intake",
    "scrm/automation",
    "scrm/conversations",
    "scrm/contacts/privacy/exports.py",
    "scrm/core/backups.py",
)
BACKUPS = ("running", "manifests", "sealing", "places", "folder", "databases")


class StoredSentences:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_are_all_said_in_the_readers_language(self, language: str) -> None:
        every = [filled(each) for each in (*OF_WORK, *OF_CONNECTORS)]
        assert [each for each in every if said(each, language) == each] == []
        assert [each for each in every if said(each, "en") != each] == []

    @pytest.mark.parametrize("folder", [*FOLDERS, *(f"scrm/core/backup/{name}.py" for name in BACKUPS)])
    def test_of_the_sources_are_known(self, folder: str) -> None:
        found = list(told(folder, CALLS, NAMES))
        assert found
        assert [each for each in found if said(each[1]) == each[1]] == []

    def test_of_connectors_are_known(self) -> None:
        """Also those that are told at once: a person reads them as well."""
        found = [each for each in told("connectors", ERRORS, frozenset({"reason", "title"})) if "conformance" not in each[0]]
        assert len(found) > 300
        assert [each for each in found if said(each[1]) == each[1]] == []

    def test_of_a_test_call_are_known(self) -> None:
        found = [*told("connectors/crms", frozenset({"Health"}), frozenset()), *told("connectors/channels", frozenset({"Health"}), WORDS)]
        assert len(found) > 3
        assert [each for each in found if said(each[1]) == each[1]] == []

    @pytest.mark.parametrize("file", ["rest/trial.py", "salesforce/checking.py", "zoho/adapter.py"])
    def test_of_what_is_seen_while_setting_up_are_known(self, file: str) -> None:
        found = list(told(f"connectors/crms/{file}", frozenset({"append"}), frozenset({"notes", "said"})))
        assert found
        assert [each for each in found if said(each[1]) == each[1]] == []

    @pytest.mark.parametrize("text", [": " * 250, "a: " * 166, "a: b is no " * 45, "{'a': 'b', " * 45, "Waits for its a: " * 30])
    def test_cost_little_to_look_for_in_what_nobody_knows(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        looks: list[str] = []
        known = sentences._known
        monkeypatch.setattr(sentences, "_known", lambda part: looks.append(part) or known(part))
        sentences._said.cache_clear()
        said(text)
        assert len(looks) < 200

    @pytest.mark.parametrize(
        ("stored", "shown"),
        [
            ("131051: LINE cannot send a message of kind 'order'", "131051: LINEでは種類'order'のメッセージを送れません"),
            (
                "The text has 5000 characters; the gateway takes 4096. Shorten it",
                "本文が5000文字あります。ゲートウェイで送れるのは4096文字までです。短くしてください",
            ),
            (
                "Its deal is not in the CRM: Zoho refused the request: INVALID_DATA",
                "対応する取引がCRMにありません：Zohoが要求を拒否しました: INVALID_DATA",
            ),
            ("Written, but not linked by Account: gone", "書き込みましたが、Accountで結び付けられませんでした：gone"),
            ("kinds.contact.rows: /a~2: behind ~ only 0 and 1 may stand", "kinds.contact.rows: /a~2: ~の後に置けるのは0と1だけです"),
            ("The set-up must be an object in braces", "設定は波かっこで囲んだオブジェクトにしてください"),
            ("The set-up is not valid JSON (line 3, column 5)", "設定が正しいJSONではありません（3行目、5文字目）"),
            ("/amount: 'abc' is no number", "/amount：'abc'は数値ではありません"),
            (
                "Setting Base address (base_url) is empty; enter it on the connection's page",
                "設定「ベースアドレス」（base_url）が空です。接続のページで入力してください",
            ),
            ("陳大文 is no friend", "陳大文 is no friend"),
        ],
    )
    def test_keep_what_was_filled_in_whatever_is_inside_what(self, stored: str, shown: str) -> None:
        assert said(stored) == shown
