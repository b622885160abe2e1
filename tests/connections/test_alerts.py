"""Alerts: one open row a key whoever raises it, and one mail when it opens and when it closes."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection as database
from django.db import connections, transaction

from scrm.connections import alert_mails
from scrm.connections.alerts import close_alert, open_alerts, raise_alert
from scrm.connections.changes import note_change
from scrm.connections.models import Alert, Connection, ConnectionChange
from scrm.core import clock


def login_alert(crm: Connection, **more: Any) -> Alert:
    return raise_alert("login:crm", text="The credentials do not work.", advice="Enter new ones.", level="error", connection=crm, **more)


class TestRaiseAlert:
    def test_opens_one_row_and_counts_on_it(self, crm: Connection) -> None:
        first = login_alert(crm)
        clock.advance(timedelta(minutes=5))
        second = login_alert(crm)
        assert (first.pk, second.times, second.raised_at) == (second.pk, 2, first.raised_at)
        assert [row.key for row in open_alerts()] == ["login:crm"]

    def test_takes_the_newest_words(self, crm: Connection) -> None:
        login_alert(crm)
        row = raise_alert("login:crm", text="The token was withdrawn.", level="warning")
        assert (row.text, row.level, row.advice, row.connection_id) == ("The token was withdrawn.", "warning", "", crm.pk)

    def test_opens_anew_after_it_was_closed(self, crm: Connection) -> None:
        first = login_alert(crm)
        assert close_alert("login:crm")
        assert not close_alert("login:crm")
        assert login_alert(crm).pk != first.pk
        assert Alert.objects.count() == 2

    def test_errors_come_before_warnings_and_the_newest_first(self, crm: Connection) -> None:
        for key, level in (("a", "warning"), ("b", "error"), ("c", "warning"), ("d", "error")):
            raise_alert(key, text=key, level=level)
            clock.advance(timedelta(seconds=1))
        assert [row.key for row in open_alerts()] == ["d", "b", "c", "a"]

    def test_does_not_spoil_the_transaction_it_is_raised_in(self, crm: Connection) -> None:
        with transaction.atomic():
            login_alert(crm)
            login_alert(crm)
            assert Connection.objects.filter(pk=crm.pk).exists()

    @pytest.mark.django_db(transaction=True)
    def test_twenty_threads_open_one_row(self) -> None:
        if database.vendor == "sqlite":
            pytest.skip("the test database of SQLite is one connection's memory")
        start = threading.Barrier(20)

        def work() -> None:
            try:
                start.wait()
                raise_alert("slow:hk", text="The platform answers slowly.")
            finally:
                connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Alert.objects.get().times == 20


class TestMails:
    @pytest.fixture(autouse=True)
    def addressed(self, settings: Any) -> None:
        settings.ALERT_EMAILS = ["mei@harbour.example", "ops@harbour.example"]

    def test_one_leaves_when_an_alert_opens_and_one_when_it_closes(self, crm: Connection) -> None:
        login_alert(crm)
        login_alert(crm)
        assert alert_mails.send_due_mails() == 1
        assert alert_mails.send_due_mails() == 0
        (opening,) = mail.outbox
        assert opening.to == ["mei@harbour.example", "ops@harbour.example"]
        assert opening.subject == "[SCRM] Error: CRM: The credentials do not work."
        assert "Enter new ones." in opening.body and "/admin/connections/alert/" in opening.body
        clock.advance(timedelta(hours=2))
        close_alert("login:crm")
        assert [alert_mails.send_due_mails(), alert_mails.send_due_mails()] == [1, 0]
        assert mail.outbox[1].subject == "[SCRM] Over: CRM: The credentials do not work."
        assert "Enter new ones." not in mail.outbox[1].body

    def test_what_flickers_is_told_once_in_half_an_hour(self, crm: Connection) -> None:
        for _ in range(10):
            login_alert(crm)
            alert_mails.send_due_mails()
            close_alert("login:crm")
            alert_mails.send_due_mails()
            clock.advance(timedelta(minutes=1))
        assert len(mail.outbox) == 2
        login_alert(crm)
        alert_mails.send_due_mails()
        assert len(mail.outbox) == 2
        clock.advance(timedelta(minutes=30))
        alert_mails.send_due_mails()
        assert len(mail.outbox) == 3

    def test_a_mail_server_that_is_away_is_tried_again_later(self, crm: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(self: Any) -> None:
            raise ConnectionRefusedError

        login_alert(crm)
        with monkeypatch.context() as broken:
            broken.setattr(alert_mails.EmailMessage, "send", refuse)
            assert alert_mails.send_due_mails() == 1
            assert alert_mails.send_due_mails() == 0
        clock.advance(timedelta(minutes=1))
        assert alert_mails.send_due_mails() == 1
        assert len(mail.outbox) == 1

    def test_none_leaves_without_addresses_and_old_ones_are_no_news_later(self, crm: Connection, settings: Any) -> None:
        settings.ALERT_EMAILS = []
        login_alert(crm)
        assert alert_mails.send_due_mails() == 0
        settings.ALERT_EMAILS = ["mei@harbour.example"]
        clock.advance(timedelta(days=2))
        assert alert_mails.send_due_mails() == 0


class TestNoteChange:
    def test_adds_a_row_for_what_changed(self, crm: Connection) -> None:
        note_change(crm, "quality", "GREEN", "YELLOW", "the platform's notice")
        assert note_change(crm, "quality", "YELLOW", "YELLOW") is None
        row = ConnectionChange.objects.get()
        assert (row.connection, row.kind, row.before, row.after, row.at) == (crm, "quality", "GREEN", "YELLOW", clock.now())
