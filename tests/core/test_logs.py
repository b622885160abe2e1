"""Nothing that a customer wrote stands in a log, whatever goes wrong."""

from __future__ import annotations

import logging

import pytest
from django.db import IntegrityError

from scrm.conversations import inbound
from scrm.core.logs import trail
from scrm.intake import pipeline
from tests.people import body, hong_kong, post, text_message

MARK = "機密 zebra-4711"


class Trail:
    def test_names_the_kind_and_the_place_and_not_the_words(self):
        try:
            raise IntegrityError(f"Failing row contains ({MARK})")
        except IntegrityError as error:
            said = trail(error)
        assert said.startswith("IntegrityError at tests/core/test_logs.py:")
        assert MARK not in said


@pytest.mark.django_db
class Pipeline:
    def test_that_fails_over_a_message_does_not_log_it(self, caplog, monkeypatch):
        def broken(*args):
            raise IntegrityError(f"Failing row contains ({MARK})")

        monkeypatch.setattr(inbound, "_touch_people", broken)
        with caplog.at_level(logging.DEBUG):
            post(hong_kong(), body(hong_kong(), messages=[text_message(MARK, phone="85291112222")], name=MARK))
            pipeline.drain()
        assert "an item of body" in caplog.text
        assert MARK not in caplog.text and "85291112222" not in caplog.text
