"""The list of scheduled messages: who, when, how they stand and why one is held; read only, each reader their own part, few queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from scrm.conversations.models import Conversation, LaterMessage
from tests import people

pytestmark = pytest.mark.django_db


def scheduled(conversation: Conversation, text: str, **fields: Any) -> LaterMessage:
    now = timezone.now()
    known = {"author": people.agent("mei"), "send_at": now + timedelta(hours=3), "created_at": now, "idempotency_key": text, **fields}
    return LaterMessage.objects.create(conversation=conversation, text=text, **known)


class ScheduledList:
    def test_tells_who_when_and_why_it_is_held(self, admin_client: Client) -> None:
        conversation = people.conversation()
        row = scheduled(conversation, "明天到貨", state="held", because="replied")
        html = admin_client.get("/admin/conversations/latermessage/").content.decode()
        for words in ("明天到貨", "Held back", "The customer wrote after it was scheduled.", str(row.author)):
            assert words in html
        assert f"/admin/inbox/{conversation.pk}/#later-{row.pk}" in html

    def test_costs_the_same_for_thirty_as_for_one(self, admin_client: Client, django_assert_max_num_queries: Any) -> None:
        conversation = people.conversation()
        for number in range(30):
            scheduled(conversation, f"提醒 {number}")
        with django_assert_max_num_queries(10):
            html = admin_client.get("/admin/conversations/latermessage/").content.decode()
        assert html.count("提醒") >= 30

    def test_is_read_only(self, admin_client: Client) -> None:
        row = scheduled(people.conversation(), "原文")
        address = f"/admin/conversations/latermessage/{row.pk}/change/"
        assert admin_client.get(address).status_code == 200
        assert admin_client.post(address, {"text": "改"}).status_code == 403
        row.refresh_from_db()
        assert row.text == "原文"
