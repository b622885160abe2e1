"""A channel that answers as it is told, for rules of the outbox that need no wire."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.contracts import Media, MediaRef, OutboundMessage, Receipt
from scrm.conversations import media, outbox, receipts


class FakeChannel:
    """Accepts everything; `answers` holds errors to raise first, `sent` what arrived, in order."""

    def __init__(self) -> None:
        self.sent: list[OutboundMessage] = []
        self.answers: list[Exception | Receipt] = []
        self.read: list[str] = []
        self.uploaded: list[str] = []
        self.files: dict[str, Media | Exception] = {}
        self._ids = itertools.count(1)

    def send(self, message: OutboundMessage) -> Receipt:
        self.sent.append(message)
        answer = self.answers.pop(0) if self.answers else Receipt(f"wamid.OUT{next(self._ids):06d}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def mark_read(self, external_id: str, *, typing: bool = False) -> None:
        self.read.append(external_id)

    def upload(self, content: bytes, mime_type: str, filename: str) -> str:
        self.uploaded.append(filename)
        return f"media-{len(self.uploaded)}"

    def download(self, ref: MediaRef) -> Media:
        answer = self.files[ref.external_id]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeChannel]:
    fake = FakeChannel()

    def instead(connection: Any) -> FakeChannel:
        return fake

    for module in (outbox, receipts, media):
        monkeypatch.setattr(module, "channel_of", instead)
    yield fake
