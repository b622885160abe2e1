from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from reports.base import Column
from reports.export import BOM, csv_lines, neutralised
from reports.formats import duration
from reports.registry import REPORTS
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.staff.models import User
from tests.reports.people import TEN, Shop

pytestmark = pytest.mark.django_db
PAGE = "/admin/reports/first-response/"


@pytest.fixture
def supervisor() -> Iterator[Client]:
    user = User.objects.create_user("siu-ling", password="kowloon-tong-1898", is_staff=True, time_zone="Asia/Hong_Kong", language="en")
    user.user_permissions.add(Permission.objects.get(codename="view_response"))
    client = Client()
    client.force_login(user)
    with clock.frozen(TEN + timedelta(hours=2)):
        yield client


def links(html: str, begin: str) -> list[str]:
    return [unescape(link) for link in re.findall(rf'href="({re.escape(begin)}[^"]*)"', html)]


class TestPermission:
    @pytest.mark.parametrize("address", ["/admin/reports/", PAGE, f"{PAGE}rows/all/", f"{PAGE}?format=csv", f"{PAGE}rows/all/?format=csv"])
    def test_is_needed_on_every_page(self, client: Client, address: str) -> None:
        assert client.get(address).status_code == 302
        User.objects.create_user("partner", password="x")
        client.force_login(User.objects.get(username="partner"))
        assert client.get(address).status_code == 302
        client.force_login(User.objects.create_user("new-agent", password="x", is_staff=True))
        assert client.get(address).status_code == 403

    def test_lets_a_page_be_read_only(self, supervisor: Client) -> None:
        assert supervisor.get(PAGE).status_code == 200
        assert supervisor.post(PAGE).status_code == 405


class TestReportPage:
    def test_shows_figures_targets_and_the_definition(self, supervisor: Client, golden: Callable[[], None]) -> None:
        golden()
        html = supervisor.get(PAGE, {"period": "today"}).content.decode()
        for text in (
            "黃美玲",
            "佐藤健",
            "4:15",
            "3:00",
            "6:00",
            "7:00",
            "33.3 %",
            "definition 1",
            "first unanswered message",
            "Asia/Hong_Kong",
        ):
            assert text in html, text

    def test_leads_from_each_figure_to_the_rows_and_the_conversations(
        self, supervisor: Client, golden: Callable[[], None], ken: User
    ) -> None:
        golden()
        with clock.frozen(TEN + timedelta(hours=1)):
            html = supervisor.get(PAGE, {"period": "today"}).content.decode()
        link = links(html, f"{PAGE}rows/{ken.pk}/")[0]
        assert "until=" in link
        rows = supervisor.get(link).content.decode()
        assert len(links(rows, "/admin/inbox/")) == 1
        assert "Lim Wei" in rows
        assert "陳大文" not in rows

    def test_rows_stay_those_of_the_figure_when_more_arrive(
        self, supervisor: Client, golden: Callable[[], None], shop: Shop, ken: User
    ) -> None:
        golden()
        link = links(supervisor.get(PAGE, {"period": "today"}).content.decode(), f"{PAGE}rows/{ken.pk}/")[0]
        late = TEN + timedelta(hours=3)
        shop.answers(shop.asks(shop.customer("林太", "+85261234567"), late), late + timedelta(minutes=1), ken)
        with clock.frozen(late + timedelta(minutes=2)):
            assert len(links(supervisor.get(link).content.decode(), "/admin/inbox/")) == 1

    def test_says_when_there_is_nothing(self, supervisor: Client) -> None:
        assert "Nothing to count" in supervisor.get(PAGE).content.decode()
        assert supervisor.get(f"{PAGE}rows/all/").status_code == 200

    @pytest.mark.parametrize(
        "query", ["period=century", "connection=x", "team=99999999999999999999", "until=never", "until=0001-01-01", "page=x"]
    )
    def test_survives_any_choice(self, supervisor: Client, golden: Callable[[], None], query: str) -> None:
        golden()
        for address in (PAGE, f"{PAGE}rows/all/"):
            assert supervisor.get(f"{address}?{query}").status_code == 200

    @pytest.mark.parametrize("address", ["/admin/reports/horoscope/", f"{PAGE}rows/nobody-at-all/"])
    def test_of_nothing_is_404(self, supervisor: Client, address: str) -> None:
        assert supervisor.get(address).status_code == 404

    def test_escapes_names(self, supervisor: Client, golden: Callable[[], None], ken: User) -> None:
        golden()
        User.objects.filter(pk=ken.pk).update(display_name="<script>alert(1)</script>")
        Contact.objects.update(name="<img src=x onerror=alert(1)>")
        for address in (PAGE, f"{PAGE}rows/all/"):
            html = supervisor.get(address, {"period": "today"}).content.decode()
            assert "<script>alert" not in html
            assert "<img src=x" not in html

    def test_costs_the_same_queries_however_many_agents(self, supervisor: Client, shop: Shop) -> None:
        def queries(address: str) -> int:
            with CaptureQueriesContext(database) as captured:
                assert supervisor.get(address, {"period": "today"}).status_code == 200
            return len(captured)

        def people(names: range) -> None:
            for n in names:
                agent = User.objects.create(username=f"agent-{n}", display_name=f"客服{n}")
                talk = shop.asks(shop.customer(f"客人{n}", f"+852912345{n:02}"), TEN)
                shop.answers(talk, TEN + timedelta(minutes=n), agent)

        people(range(1, 3))
        before = [queries(address) for address in (PAGE, f"{PAGE}rows/all/")]
        people(range(3, 15))
        assert [queries(address) for address in (PAGE, f"{PAGE}rows/all/")] == before
        assert max(before) <= 14

    def test_every_report_is_listed_and_opens(self, supervisor: Client) -> None:
        listed = supervisor.get("/admin/reports/").content.decode()
        for report in REPORTS:
            assert links(listed, f"/admin/reports/{report.slug}/")
            assert supervisor.get(f"/admin/reports/{report.slug}/").status_code == 200


class TestExport:
    def table(self, answer: object) -> list[list[str]]:
        text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
        assert text.startswith(BOM)
        return list(csv.reader(io.StringIO(text[1:])))

    def test_holds_the_figures(self, supervisor: Client, golden: Callable[[], None]) -> None:
        golden()
        answer = supervisor.get(PAGE, {"period": "today", "format": "csv"})
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert self.table(answer) == [
            ["Agent", "Responses", "Median (s)", "Mean (s)", "Above 6 min", "Share above 6 min"],
            ["All agents", "3", "255.0", "285.0", "1", "0.3333"],
            ["佐藤健", "1", "420.0", "420.0", "1", "1.0"],
            ["黃美玲", "2", "217.5", "217.5", "0", "0.0"],
        ]

    def test_holds_the_rows(self, supervisor: Client, golden: Callable[[], None], ken: User) -> None:
        golden()
        table = self.table(supervisor.get(f"{PAGE}rows/{ken.pk}/", {"period": "today", "format": "csv"}))
        assert [row[1:] for row in table[1:]] == [["Lim Wei", "佐藤健", "2026-11-18 10:20:00+08:00", "2026-11-18 10:27:00+08:00", "420"]]

    @pytest.mark.parametrize(
        "text",
        [
            "=1+1",
            "+852",
            "-2",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "\0=1",
            "|cmd",
            "%1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            " =1",
            "\u3000=1",
            "'=1",
            "'",
        ],
    )
    def test_neutralises_what_a_spreadsheet_would_run(self, text: str) -> None:
        assert neutralised(text) == f"'{text}"
        line = list(csv_lines([Column("name", "Name")], [{"name": text}]))[1]
        assert next(csv.reader(io.StringIO(line, newline=""))) == [f"'{text}"]

    @pytest.mark.parametrize("value", ["陳大文", "O'Brien", "a=b", "", 5, -5, 2.5])
    def test_leaves_the_rest_alone(self, value: object) -> None:
        assert neutralised(value) == value


class TestDuration:
    @pytest.mark.parametrize(
        ("seconds", "text"), [(0, "0:00"), (59.4, "0:59"), (59.5, "1:00"), (255, "4:15"), (3599.5, "1:00:00"), (3661, "1:01:01")]
    )
    def test_is_minutes_and_seconds(self, seconds: float, text: str) -> None:
        with translation.override("ja"):
            assert duration(seconds) == text
