"""A body is stored as bytes and read back as the same bytes, whatever they are; one that cannot be opened harms nobody else."""

from __future__ import annotations

import zlib

import pytest

from scrm.conversations.models import Message
from scrm.core import clock
from scrm.intake import ledger, pipeline
from scrm.intake.models import COMPRESS_FROM, InboundEvent, InboundItem
from tests.people import body, hong_kong, post, text_message

pytestmark = pytest.mark.django_db


def balanced() -> bool:
    return all(line.balanced for line in ledger.sums())


class StoredBodies:
    @pytest.mark.parametrize("raw", [b"x", b"x\x9c", b"xyz" * 50, b"", b"\x78\x01" + b"\xff" * 100, b"x" * COMPRESS_FROM, b"\x00" * 5000])
    def test_read_back_as_posted(self, raw: bytes) -> None:
        assert post(hong_kong(), raw) == 200
        assert pipeline.unpack(InboundEvent.objects.get()) == raw

    def test_that_begin_like_packed_ones_are_parked_as_unreadable(self) -> None:
        assert post(hong_kong(), b"x is no JSON") == 200
        assert pipeline.drain() == 1
        assert InboundItem.objects.get().state == "parked"
        assert InboundEvent.objects.get().state == "done"
        assert balanced()

    def test_that_are_damaged_leave_their_neighbours_alone(self) -> None:
        InboundEvent.objects.create(connection=hong_kong(), body=zlib.compress(b"{}" * 400)[:-9], size=800, received_at=clock.now())
        assert post(hong_kong(), body(hong_kong(), messages=[text_message("想問下張單幾時出貨")])) == 200
        assert pipeline.drain() == 2
        assert Message.objects.get().text == "想問下張單幾時出貨"
        assert InboundItem.objects.get(state="parked").reason.startswith("cannot be opened: error")
        assert balanced()
