"""Whatever background work stores in English is known by its sentence, and said in the reader's language."""

from __future__ import annotations

import pytest

from scrm.connections.work_sentences import OF_WORK
from tests.connections.test_sentences import LANGUAGES, filled, said
from tests.connections.told import told

CALLS = frozenset({"Unmappable", "Met", "Applied", "Settled", "CannotAct", "Refused", "Hold", "BadPicture", "Unreadable", "BackupError"})
NAMES = frozenset({"reason", "words", "last_error", "state_reason", "error_title", "error"})
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
        every = [filled(each) for each in OF_WORK]
        assert [each for each in every if said(each, language) == each] == []
        assert [each for each in every if said(each, "en") != each] == []

    @pytest.mark.parametrize("folder", [*FOLDERS, *(f"scrm/core/backup/{name}.py" for name in BACKUPS)])
    def test_of_the_sources_are_known(self, folder: str) -> None:
        found = list(told(folder, CALLS, NAMES))
        assert found
        assert [each for each in found if said(each[1]) == each[1]] == []
