"""The weekly mapping report: what each mapped field was filled with, and the records behind each figure."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from connectors.contracts import FieldInfo, ObjectType
from scrm.core import clock
from scrm.staff.models import User
from scrm.sync import engine, mapping_report
from scrm.sync.models import ExternalRecord, FieldMapping, MappedField, Push
from tests.console.conftest import allow, seated
from tests.sync.conftest import Shop, later
from tests.sync.fake_crm import FakeCrm


@pytest.fixture
def written(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Three people in the CRM: one without company, one refused for it; the CRM knows three ranks."""
    FieldMapping.objects.filter(kind="contact").exclude(source="first_name").delete()
    FieldMapping.objects.create(connection=shop.crm, kind="contact", source="company", target="company")
    FieldMapping.objects.create(connection=shop.crm, kind="contact", source="priority", target="rank")
    kind = ObjectType("contact", "Contacts", (FieldInfo("rank", "Rank", "enumeration", choices=("normal", "high", "vip")),))
    monkeypatch.setattr(FakeCrm, "describe", lambda _crm: [kind])
    shop.far.tidies = lambda name, value: "LUCKY" if value == "Lucky Trading" else value
    people = [
        shop.customer("陳大文", company="Lucky Trading"),
        shop.customer("黃美玲", priority="low"),
        shop.customer("林怡君", company="Golden Harbour"),
    ]
    shop.due("contact", [each.pk for each in people])
    while engine.push_due():
        pass
    for record in ExternalRecord.objects.all():
        record.seen = dict(shop.far.fields[record.external_id])
        record.save()
    Push.objects.filter(key=str(people[2].pk)).update(state="dead", last_error="company: value is too long")
    return shop


def fields() -> dict[str, tuple[int, int, int, int]]:
    return {row.target: (row.filled, row.empty, row.refused, row.differing) for row in MappedField.objects.filter(kind="contact")}


class TestReport:
    def test_counts_filled_empty_refused_and_differing(self, written: Shop) -> None:
        assert mapping_report.report_due() >= 1
        assert fields() == {"firstname": (3, 0, 0, 0), "company": (2, 1, 1, 1), "rank": (3, 0, 0, 1)}
        company = MappedField.objects.get(target="company")
        assert company.error_rate is not None and round(company.error_rate, 2) == 0.67
        assert {what: len(keys) for what, keys in company.rows.items()} == {"empty": 1, "refused": 1, "differing": 1}

    def test_is_made_once_a_week_and_kept(self, written: Shop) -> None:
        """Noon is a Sunday: its week began on the 16th."""
        mapping_report.report_due()
        assert mapping_report.report_due() == 0
        assert set(MappedField.objects.values_list("week", flat=True)) == {date(2026, 11, 16)}
        later(days=1)
        assert mapping_report.report_due() >= 1
        assert set(MappedField.objects.values_list("week", flat=True)) == {date(2026, 11, 16), date(2026, 11, 23)}

    def test_for_the_first_time_waits_until_the_first_load_is_done(self, shop: Shop) -> None:
        assert mapping_report.report_due() == 0
        shop.due("contact", [shop.customer("陳大文").pk])
        assert mapping_report.report_due() == 0
        while engine.push_due():
            pass
        assert mapping_report.report_due() == 1

    def test_for_the_first_time_does_not_wait_for_the_few_that_always_trickle_in(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        shop.due("contact", [shop.customer(f"客人 {number}").pk for number in range(3)])
        while engine.push_due():
            pass
        shop.due("contact", [shop.customer("陳大文").pk])
        assert mapping_report.report_due() == 0
        monkeypatch.setattr(mapping_report, "MOST_DUE", 0.5)
        assert mapping_report.report_due() == 1

    def test_of_a_crm_that_is_not_live_waits(self, written: Shop) -> None:
        type(written.crm).objects.update(state="paused")
        assert mapping_report.report_due() == 0

    def test_without_its_schema_choices_are_not_judged(self, written: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        from connectors.errors import Unreachable

        def away(_crm: FakeCrm) -> list[ObjectType]:
            raise Unreachable("Connection refused")

        monkeypatch.setattr(FakeCrm, "describe", away)
        mapping_report.report_due()
        assert fields()["rank"] == (3, 0, 0, 0)

    def test_costs_the_same_few_queries_for_more_records(self, written: Shop, django_assert_max_num_queries: object) -> None:
        people = [written.customer(f"Chan {number}") for number in range(40)]
        written.due("contact", [each.pk for each in people])
        while engine.push_due():
            pass
        with django_assert_max_num_queries(40):  # type: ignore[operator]
            mapping_report.report(written.crm, "contact")

    def test_goes_on_in_the_next_run_where_time_ended_this_one(self, written: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        ExternalRecord.objects.create(connection=written.crm, kind="deal", key="order:1", external_id="901", synced_at=clock.now())
        monkeypatch.setattr(mapping_report, "SECONDS", -1.0)
        done = [mapping_report.report_due() for _ in range(6)]
        kinds = set(MappedField.objects.values_list("kind", flat=True))
        assert done == [1] * len(kinds) + [0] * (6 - len(kinds)) and kinds >= {"contact", "deal"}

    def test_counts_a_refusal_to_the_field_that_it_names(self, written: Shop) -> None:
        """'name' is a part of 'firstname' and of other words, and means neither."""
        FieldMapping.objects.create(connection=written.crm, kind="contact", source="last_name", target="name")
        Push.objects.filter(state="dead").update(last_error="firstname: the username is too long")
        mapping_report.report_due()
        assert (fields()["firstname"][2], fields()["name"][2]) == (1, 0)


class TestPage:
    def test_leads_from_each_figure_to_its_records(self, written: Shop) -> None:
        mapping_report.report_due()
        browser = seated(User.objects.create_superuser("owner", password="correct horse"))
        page = browser.get("/admin/sync/mapping/").content.decode()
        company = MappedField.objects.get(target="company")
        for what in ("empty", "refused", "differing"):
            assert f"/admin/sync/mapping/{company.pk}/{what}/" in page
        page = browser.get(f"/admin/sync/mapping/{company.pk}/refused/").content.decode()
        assert "company: value is too long" in page
        assert browser.get(f"/admin/sync/mapping/{company.pk}/filled/").status_code == 404
        assert browser.get("/admin/sync/mapping/?week=nonsense").status_code == 200

    def test_is_for_those_who_may_see_the_sync(self, written: Shop) -> None:
        browser = seated(User.objects.create_user("mei", is_staff=True))
        assert browser.get("/admin/sync/mapping/").status_code == 403

    def test_whoever_sees_some_customers_only_sees_none_of_it(self, written: Shop) -> None:
        mapping_report.report_due()
        row = MappedField.objects.get(target="company")
        browser = seated(allow(User.objects.create_user("mei", is_staff=True), "sync.view_push"))
        assert f"/admin/sync/mapping/{row.pk}/" not in browser.get("/admin/sync/mapping/").content.decode()
        assert browser.get(f"/admin/sync/mapping/{row.pk}/refused/").status_code == 404


def test_old_reports_end_after_two_years(written: Shop) -> None:
    mapping_report.report_due()
    MappedField.objects.update(week=(clock.now() - timedelta(days=801)).date())
    mapping_report.report_due()
    assert MappedField.objects.filter(week__lt=date(2026, 1, 1)).count() == 0
