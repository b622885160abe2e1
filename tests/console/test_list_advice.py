"""A list without rows says what will stand in it and what to do; dates are written so that nobody in the region misreads them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format

from scrm.connections.alerts import raise_alert
from scrm.connections.models import Connection
from scrm.console import advice
from scrm.contacts.models import Erasure
from scrm.conversations.routing import OVERDUE, OVERDUE_ADVICE
from scrm.staff.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


class EmptyList:
    def test_says_what_will_stand_there(self, admin_client: Client) -> None:
        told = admin_client.get("/admin/campaigns/segment/").content.decode()
        assert "Nothing here yet" in told
        assert "A segment is a saved audience" in told
        assert "Reset filters" not in told

    def test_offers_to_reset_what_found_nothing(self, admin_client: Client) -> None:
        told = admin_client.get("/admin/campaigns/segment/?q=Osaka").content.decode()
        assert "Nothing fits" in told
        assert "Reset filters" in told

    def test_gives_good_news_where_the_menu_asks_for_open_ones(self, admin_client: Client) -> None:
        told = admin_client.get("/admin/sync/syncconflict/?state=open").content.decode()
        assert "No difference waits for a decision." in told
        assert "Reset the filters to see what was settled." in told

    def test_speaks_the_readers_language(self, admin_client: Client) -> None:
        admin_client.cookies["django_language"] = "zh-hant"
        assert "這裡還沒有內容" in admin_client.get("/admin/staff/shift/").content.decode()

    def test_advises_for_lists_that_exist(self) -> None:
        shown = {model._meta.label_lower for model in admin.site._registry}
        assert set(advice.EMPTY) | set(advice.ASKED) <= shown
        assert Erasure._meta.label_lower in advice.EMPTY


@pytest.mark.parametrize(
    ("language", "written"), [("en", "3 Nov 2026 16:05"), ("ja", "2026/11/03 16:05"), ("zh-hant", "2026年11月3日 16:05")]
)
def test_a_date_cannot_be_misread(language: str, written: str) -> None:
    with translation.override(language):
        assert date_format(datetime(2026, 11, 3, 16, 5, tzinfo=UTC), "SHORT_DATETIME_FORMAT") == written


class Words:
    """Lists show names, not codes."""

    def test_an_alert_of_overdue_answers_speaks_the_readers_language(self, admin_client: Client) -> None:
        raise_alert("overdue", text=f"{OVERDUE}: 49", advice=OVERDUE_ADVICE)
        admin_client.cookies["django_language"] = "ja"
        told = admin_client.get("/admin/connections/alert/").content.decode()
        assert "返信期限を過ぎています: 49" in told
        assert "Open the queue" not in told

    def test_a_connection_names_its_adapter(self, admin_client: Client) -> None:
        Connection.objects.create(slug="hk", label="Harbour", kind="channel", adapter="whatsapp_cloud")
        told = admin_client.get("/admin/connections/connection/").content.decode()
        assert "WhatsApp (Cloud API)" in told
        assert "whatsapp_cloud" not in told

    def test_languages_are_written_out(self, admin_client: Client) -> None:
        User.objects.create_user("mei", password="harbour-lane-9", language="zh-hant")
        assert "繁體中文</" in admin_client.get("/admin/staff/user/").content.decode().replace("\n", "").replace(" ", "").split("mei")[1]
