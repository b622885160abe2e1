"""A person with everything that is kept of people, in folders of this test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.contacts.privacy.seeding import Seed, seed

MANY = int(os.environ.get("ERASED_MESSAGES", "40"))


def in_own_folders(settings: object, tmp_path: Path) -> None:
    for name in ("MEDIA_ROOT", "SPOOL_DIR", "EXPORTS_DIR", "LEDGER_DIR"):
        setattr(settings, name, tmp_path / name.lower())
    settings.MEDIA_ROOT = str(settings.MEDIA_ROOT)  # type: ignore[attr-defined]


@pytest.fixture
def seeded(db: None, settings: object, tmp_path: Path) -> Seed:
    in_own_folders(settings, tmp_path)
    return seed(MANY)
