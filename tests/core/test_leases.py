"""Two hosts whose clocks differ by an hour hold their leases against each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.db import connection

from scrm.conversations import outbox, services
from scrm.core import clock
from scrm.intake import pipeline
from scrm.intake.models import InboundEvent
from tests.people import agent, body, conversation, hong_kong, post, text_message

pytestmark = pytest.mark.django_db
# SQLite lives on one host: there is no other clock than the process's.
ANOTHER_HOST_MAY_TAKE_IT = int(connection.vendor == "sqlite")


@contextmanager
def on_a_host_an_hour_ahead() -> Iterator[None]:
    with mock.patch.object(clock, "now", lambda: datetime.now(UTC) + timedelta(hours=1)):
        yield


class Leases:
    def test_of_a_message_outlast_a_clock_that_is_ahead(self) -> None:
        services.queue_message(conversation(), text="在", source="agent", by=agent(), idempotency_key="1")
        (claimed,) = outbox.claim(1)
        with on_a_host_an_hour_ahead():
            assert outbox.expire_leases() == ANOTHER_HOST_MAY_TAKE_IT
        assert len(outbox.start([claimed])) == 1 - ANOTHER_HOST_MAY_TAKE_IT

    def test_of_a_received_body_outlast_a_clock_that_is_ahead(self) -> None:
        post(hong_kong(), body(hong_kong(), messages=[text_message("你好")]))
        (mine,) = pipeline.claim(5)
        with on_a_host_an_hour_ahead():
            assert len(pipeline.claim(5)) == ANOTHER_HOST_MAY_TAKE_IT
        lease = InboundEvent.objects.get(pk=mine.pk).lease_until
        assert lease is not None and lease > datetime.now(UTC) + timedelta(seconds=60)

    def test_follow_a_clock_that_was_set(self) -> None:
        services.queue_message(conversation(), text="在", source="agent", by=agent(), idempotency_key="1")
        with clock.frozen(datetime.now(UTC)):
            assert len(outbox.claim(1)) == 1
            clock.advance(outbox.LEASE)
            assert outbox.expire_leases() == 1
