"""A connection's page: how the platform and the number are doing, and a form that shows no key; the bell on every page."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from scrm.connections.models import Alert, Connection, Probe
from scrm.connections.services import close_alert, note_change, raise_alert
from scrm.console import channel_page
from scrm.conversations.models import Conversation, Message, MessageTemplate, Pace, Reach, Reservation
from scrm.staff.models import User
from tests import people
from tests.console.conftest import seated

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def number() -> Connection:
    """A Hong Kong number in its second week, with a standby and a bad hour behind it."""
    row = people.hong_kong()
    now = timezone.now()
    row.facts = {"quality": "YELLOW", "messaging_limit": 2000}
    row.warm_up_from = timezone.localdate() - timedelta(days=2)
    row.settings = {**row.settings, "standby_base_url": "http://127.0.0.1:10"}
    row.secrets = {**row.secrets, "standby_access_token": "EAAstandbysecret", "previous_app_secret": "0ldsecret0ldsecret"}
    row.save()
    for hours in range(48):
        ms, ok = (430, True) if hours % 12 else (2400, hours != 24)
        Probe.objects.create(
            connection=row, endpoint="primary", at=now - timedelta(hours=hours), ok=ok, milliseconds=ms, detail="<b>away</b>"
        )
    note_change(row, "quality", "GREEN", "YELLOW", "told by the platform", at=now - timedelta(hours=30))
    Pace.objects.create(
        connection=row, per_second=12.5, promotions=False, reason="quality YELLOW", refilled_at=now, changed_at=now, looked_at=now
    )
    for name, status in (("order_shipped", "APPROVED"), ("sale", "PAUSED"), ("otp", "APPROVED")):
        MessageTemplate.objects.create(connection=row, name=name, language="zh_HK", status=status, synced_at=now)
    return row


def page(owner: Client, row: Connection) -> str:
    answer = owner.get(f"/admin/connections/connection/{row.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def spoken(chat: Conversation, day: date, *, spoke_first: bool = True, released: bool = False) -> None:
    """A template that went to this person on that day."""
    at = timezone.now()
    message = Message.objects.create(
        conversation=chat,
        connection=chat.connection,
        direction="out",
        kind="template",
        state="sent",
        source="agent",
        sent_at=at,
        created_at=at,
    )
    Reservation.objects.create(
        identity=chat.identity,
        connection=chat.connection,
        message=message,
        template=True,
        category="marketing",
        content_hash="0",
        reserved_at=at,
        quota_day=day,
        released=released,
        spoke_first=spoke_first,
    )


class ConnectionPage:
    def test_shows_how_the_number_is_doing_and_why(self, owner: Client) -> None:
        html = page(owner, number())
        for words in ("middling", "<b>2000</b>", "<b>12.5</b> of 80 messages a second", "quality YELLOW", "Promotions are held"):
            assert words in html
        assert "Approved 2" in html and "Paused 1" in html
        assert "good → " in html and "A standby is set up." in html

    def test_says_why_in_the_readers_language(self, owner: Client) -> None:
        row = number()
        row.state, row.state_reason = "waiting", "5 failures in a row, the last: ConnectError: refused"
        row.save(update_fields=["state", "state_reason"])
        raise_alert("promotions:hk", text=f"{row.label}: Too many of this number's messages were blocked or reported.", connection=row)
        person = User.objects.get(username="owner")
        person.language = "ja"
        person.save()
        words = page(seated(person), row)
        for said in ("5 回続けて失敗しました", "品質 YELLOW", "プラットフォームからの通知", "アクセストークン"):
            assert said in words
        for english in ("failures in a row", "told by the platform", "Too many of this number", "Access token"):
            assert english not in words

    def test_draws_the_looks_of_seven_days(self, owner: Client) -> None:
        row = number()
        Probe.objects.create(connection=row, endpoint="primary", at=timezone.now() - timedelta(days=8), ok=True, milliseconds=1)
        html = page(owner, row)
        assert html.count("<rect class=") == 48
        assert "median 430 ms" in html and "4 of 48 slow or failed" in html
        assert "<b>away</b>" not in html

    def test_shows_the_warm_up_around_today(self, owner: Client) -> None:
        row = number()
        Reach.objects.create(key=f"number:{row.pk}", buckets={str(int(timezone.now().timestamp() // 360)): 37}, changed_at=timezone.now())
        html = page(owner, row)
        assert 'class="today"' in html
        days = channel_page.plan(row)
        assert [day.number for day in days][:3] == [1, 2, 3] and [day.today for day in days].count(True) == 1
        assert f"37 of {days[2].people} new people in 24 hours" in html

    def test_shows_what_was_used_of_the_plan_day_by_day(self, owner: Client) -> None:
        row = number()
        today = channel_page.plan(row)[2].day
        chats = [people.conversation(people.customer(name=f"客 {n}", phone=f"8529123450{n}")) for n in range(4)]
        spoken(chats[0], today - timedelta(days=2))
        spoken(chats[0], today - timedelta(days=2))
        spoken(chats[1], today - timedelta(days=2))
        spoken(chats[0], today)
        spoken(chats[2], today, released=True)
        spoken(chats[3], today, spoke_first=False)
        days = channel_page.plan(row)
        assert [day.used for day in days[:4]] == [2, 0, 1, None]
        assert days[0].share == round(200 / days[0].people)
        html = page(owner, row)
        assert "<th>Planned</th><th>Used</th>" in html and f'<td>2 <span class="console-dim">{days[0].share} %</span></td>' in html

    def test_costs_the_same_with_much_to_show(self, owner: Client, django_assert_max_num_queries: Any) -> None:
        row = number()
        with django_assert_max_num_queries(26):
            page(owner, row)

    def test_opens_for_a_connection_without_any_history(self, owner: Client) -> None:
        assert "Not looked at yet." in page(owner, people.hong_kong())

    def test_shows_no_key_whatever_its_kind(self, owner: Client) -> None:
        html = page(owner, number())
        for secret in ("EAAstandbysecret", "0ldsecret0ldsecret", people.APP_SECRET, "EAAtest", "open sesame"):
            assert secret not in html
        assert 'name="setting_standby_base_url"' in html and 'name="secret_standby_access_token"' in html

    def test_writes_only_what_the_form_changed(self, owner: Client) -> None:
        row = number()
        form = {
            **{name: str(getattr(row, name) or "") for name in ("label", "slug", "kind", "adapter", "address", "account_id", "country")},
            **{"language": "", "time_zone": row.time_zone, "tier": row.tier, "warm_up_from": "2026-11-20", "promotion_weekday": "3"},
            **{f"setting_{name}": value for name, value in row.settings.items()},
            "promotion_from": "15:30",
            "credentials_expire_at": "2097-01-31T09:00",
            "secret_standby_access_token": "EAAnewstandby",
        }
        # Meanwhile the breaker has opened.
        Connection.objects.filter(pk=row.pk).update(state="waiting", failures=6)
        answer = owner.post(f"/admin/connections/connection/{row.pk}/change/", {**form, "label": "Causeway Bay"})
        assert answer.status_code == 302, answer.context["adminform"].form.errors
        row.refresh_from_db()
        assert (row.label, str(row.warm_up_from), row.promotion_weekday, str(row.promotion_from)) == (
            "Causeway Bay",
            "2026-11-20",
            3,
            "15:30:00",
        )
        assert row.secrets["standby_access_token"] == "EAAnewstandby" and row.secrets["access_token"] == "EAAtest"
        assert row.credentials_expire_at is not None and row.credentials_changed_at is not None
        assert page(owner, row).count('value="2097-01-31T09:00"') == 1


class Bell:
    def test_tells_what_is_open_on_every_page(self, owner: Client) -> None:
        raise_alert("slow:hk", text="The platform was slow or away three times in a row.", level="error", connection=people.hong_kong())
        for url in ("/admin/connections/connection/", "/admin/inbox/", "/admin/contacts/contact/", "/admin/ledger/"):
            html = owner.get(url).content.decode()
            assert "The platform was slow or away three times in a row." in html and 'class="error"' in html, url
        close_alert("slow:hk")
        assert "three times in a row" not in owner.get("/admin/ledger/").content.decode()

    def test_counts_without_reading_all(self, owner: Client) -> None:
        for number_ in range(9):
            raise_alert(f"slow:{number_}", text="away")
        assert "<b>6+</b>" in owner.get("/admin/ledger/").content.decode()

    def test_is_only_for_those_who_may_see_alerts(self, desk: Client) -> None:
        raise_alert("slow:hk", text="The platform is away.")
        assert "The platform is away." not in desk.get("/admin/inbox/").content.decode()

    def test_speaks_the_readers_language_and_shows_markup_as_text(self, owner: Client) -> None:
        raise_alert("login:hk", text="The credentials have expired.", advice="<script>x</script>")
        html = owner.get("/admin/ledger/", headers={"accept-language": "ja"}).content.decode()
        assert "The credentials have expired." not in html and "<script>x" not in html


class AlertPages:
    def test_list_open_ones_and_all(self, owner: Client) -> None:
        raise_alert("a", text="The first thing.")
        raise_alert("b", text="The second thing.")
        close_alert("a")
        shown = owner.get("/admin/connections/alert/", {"open": "1"}).content.decode()
        table = shown[shown.index("<table") :]
        assert "The second thing." in table and "The first thing." not in table
        assert "The first thing." in owner.get("/admin/connections/alert/").content.decode()

    def test_cannot_be_edited(self, owner: Client) -> None:
        row = raise_alert("a", text="The first thing.")
        assert owner.get(f"/admin/connections/alert/{row.pk}/change/").status_code == 200
        assert owner.post(f"/admin/connections/alert/{row.pk}/change/", {"text": "x"}).status_code == 403
        assert Alert.objects.get().text == "The first thing."

    def test_need_the_right_to_see_them(self) -> None:
        assert seated(people.agent("jun")).get("/admin/connections/alert/").status_code == 403
