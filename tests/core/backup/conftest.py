from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scrm.contacts.models import Contact
from tests.contacts.privacy.seeding import Seed
from tests.core.backup import kit


@pytest.fixture
def where(settings: Any, tmp_path: Path) -> str:
    return kit.settle_in(settings, tmp_path)


@pytest.fixture
def seed(where: str) -> Seed:
    return kit.seeded()


@pytest.fixture
def contact(where: str) -> Contact:
    return kit.few()
