from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scrm.contacts.models import Contact
from tests.contacts.privacy.seeding import Seed
from tests.core.backup import kit


@pytest.fixture
def where(db: None, settings: Any, tmp_path: Path) -> Iterator[str]:
    yield kit.settle_in(settings, tmp_path)
    kit.forget_words()


@pytest.fixture
def seed(where: str) -> Seed:
    return kit.seeded()


@pytest.fixture
def contact(where: str) -> Contact:
    return kit.few()
