"""A CRM is connected step by step, and nothing is written to it before a person lets it go live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import translation

from connectors import registry
from connectors.contracts import FieldInfo, ObjectType
from connectors.errors import NeedsLogin
from scrm.connections.adapters import forget_adapters
from scrm.connections.models import Connection
from scrm.console.setup import wording
from scrm.contacts.models import Contact, Identity
from scrm.core import clock
from scrm.core.models import AuditEntry
from scrm.staff.models import User
from scrm.sync import initial, payloads
from scrm.sync.models import FieldMapping, Push, SyncCursor
from tests.console.conftest import allow, seated
from tests.sync.fake_crm import FAR_SIDES, FakeCrm, FarSide

CONTACT = ObjectType(
    "contact",
    "People",
    (
        FieldInfo("fname", "First Name", "string"),
        FieldInfo("lname", "姓", "string"),
        FieldInfo("MobilePhone", "携帯電話", "string"),
        FieldInfo("mail", "E-Mail", "string"),
        FieldInfo("created", "Created", "datetime", writable=False),
        FieldInfo("scrm_id", "scrm_id", "string", unique=True),
    ),
)


class Described(FakeCrm):
    slug = "described"

    def describe(self) -> list[ObjectType]:
        self._fail_if_down()
        return [CONTACT]


@pytest.fixture(autouse=True)
def adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[FarSide]:
    forget_adapters()
    monkeypatch.setitem(registry.CRMS, "described", "tests.console.test_setup.Described")
    far = FAR_SIDES["our-crm"] = FarSide()
    yield far
    FAR_SIDES.clear()


@pytest.fixture
def keeper(db: None) -> Client:
    user = User.objects.create_user("keeper", is_staff=True)
    return seated(allow(user, "connections.add_connection", "connections.change_connection", "connections.view_connection"))


def customer(name: str, number: str) -> Contact:
    now = clock.now()
    row = Contact.objects.create(name=name, country="HK", last_activity_at=now, created_at=now, updated_at=now)
    Identity.objects.create(contact=row, kind="whatsapp", value=number, e164=f"+{number}", verified="inbound", valid_from=now)
    return row


def connect(client: Client) -> Connection:
    answer = client.post("/admin/setup/new/described/", {"label": "Our CRM", "country": "HK", "secret_token": "t-12345678"})
    row = Connection.objects.get(slug="our-crm")
    assert answer.status_code == 302 and answer["Location"] == f"/admin/setup/{row.pk}/fields/"
    return row


class TestChoosing:
    def test_names_every_adapter_and_what_to_have_ready(self, keeper: Client) -> None:
        page = keeper.get("/admin/setup/").content.decode()
        for adapter in [*registry.CHANNELS, *registry.CRMS]:
            assert f"/admin/setup/new/{adapter}/" in page

    def test_is_for_those_who_may_add_connections(self, mei: User) -> None:
        assert seated(mei).get("/admin/setup/").status_code == 403
        assert Client().get("/admin/setup/").status_code == 302

    def test_leaves_the_badge_of_the_environment_as_it_is(self, keeper: Client) -> None:
        # The theme's badge takes a symbol out of the page's context, if one is called "icon" there.
        page = keeper.get("/admin/setup/new/hubspot/").content.decode()
        assert page.count(f">{wording.introduction_of('hubspot')[0]}<") == 1

    def test_an_unknown_adapter_is_not_found(self, keeper: Client) -> None:
        assert keeper.get("/admin/setup/new/nonsense/").status_code == 404


class TestAccount:
    def test_is_tested_at_once_and_waits_for_a_person(self, keeper: Client) -> None:
        row = connect(keeper)
        assert row.kind == "crm" and row.state == Connection.State.PAUSED and row.time_zone == "Asia/Hong_Kong"
        assert row.secrets == {"token": "t-12345678"}

    def test_a_missing_secret_is_named(self, keeper: Client) -> None:
        answer = keeper.post("/admin/setup/new/described/", {"label": "Our CRM"})
        assert answer.status_code == 200 and not Connection.objects.exists()
        assert "id_secret_token_error" in answer.content.decode() or "This field is required" in answer.content.decode()

    def test_what_does_not_work_comes_back_with_the_reason(self, keeper: Client, adapter: FarSide) -> None:
        adapter.down = NeedsLogin("The token was withdrawn", code="HTTP 401")
        answer = keeper.post("/admin/setup/new/described/", {"label": "Our CRM", "secret_token": "t-12345678"}, follow=True)
        page = answer.content.decode()
        assert "The token was withdrawn" in page and "t-12345678" not in page
        assert answer.redirect_chain[-1][0].endswith("/account/")

    def test_a_form_that_is_sent_twice_makes_one_connection(self, keeper: Client) -> None:
        """By a second press, or from the page before with a corrected secret."""
        once = keeper.get("/admin/setup/new/described/").context["form"]["form"].value()
        posted = {"label": "Our CRM", "country": "HK", "secret_token": "t-12345678", "form": once}
        first = keeper.post("/admin/setup/new/described/", posted)
        again = keeper.post("/admin/setup/new/described/", {**posted, "secret_token": "t-2"})
        row = Connection.objects.get()
        assert first["Location"] == again["Location"] and row.secrets["token"] == "t-2"
        keeper.post(f"/admin/setup/{row.pk}/live/")
        keeper.post("/admin/setup/new/described/", posted)
        row = Connection.objects.get()
        assert row.secrets["token"] == "t-2" and row.state != Connection.State.PAUSED
        assert once not in keeper.get(f"/admin/connections/connection/{row.pk}/change/").content.decode()

    def test_two_of_one_name_have_two_addresses(self, keeper: Client) -> None:
        FAR_SIDES["our-crm-2"] = FarSide()
        connect(keeper)
        keeper.post("/admin/setup/new/described/", {"label": "Our CRM", "secret_token": "t-2"})
        assert set(Connection.objects.values_list("slug", flat=True)) == {"our-crm", "our-crm-2"}

    def test_what_is_seldom_needed_is_folded_until_something_of_it_is_entered(self, keeper: Client) -> None:
        page = keeper.get("/admin/setup/new/zoho/").content.decode()
        before, _, folded = page.partition('<details class="su-group">')
        assert "id_secret_refresh_token" in before and "id_setting_accounts_url" in folded and "id_setting_accounts_url" not in before
        entered = {"label": "Zoho", "setting_accounts_url": "https://accounts.example"}
        assert '<details class="su-group" open>' in keeper.post("/admin/setup/new/zoho/", entered).content.decode()

    def test_another_log_in_than_the_usual_one_shows_what_it_may_need(self, keeper: Client) -> None:
        assert '<details class="su-group">' in keeper.get("/admin/setup/new/rest/").content.decode()
        page = keeper.post("/admin/setup/new/rest/", {"setting_auth": "oauth"}).content.decode()
        assert "id_setting_token_url" in page.partition('<details class="su-group" open>')[2]

    def test_what_was_entered_elsewhere_is_not_changed_by_a_list_that_lacks_it(self, keeper: Client) -> None:
        values = {"data_center": "JP", "client_id": "1000.A"}
        row = Connection.objects.create(slug="zoho", label="Zoho", kind="crm", adapter="zoho", settings=values)
        assert '<option value="JP" selected>' in keeper.get(f"/admin/setup/{row.pk}/account/").content.decode()

    @pytest.mark.parametrize("adapter", wording.FOUND_AT)
    def test_says_where_the_vendor_keeps_what_is_asked_for(self, keeper: Client, adapter: str) -> None:
        page = keeper.get(f"/admin/setup/new/{adapter}/", headers={"accept-language": "ja"}).content.decode()
        steps = re.findall("<li>(.*?)</li>", page.partition('<details class="su-found">')[2].partition("</details>")[0])
        assert len(steps) == len(wording.FOUND_AT[adapter]) and not [step for step in steps if step.isascii()]

    def test_the_country_is_that_of_the_first_connection(self, keeper: Client) -> None:
        assert keeper.get("/admin/setup/new/hubspot/").context["form"]["country"].value() == ""
        Connection.objects.create(slug="tpe", label="台北", kind="channel", adapter="line", country="TW")
        Connection.objects.create(slug="hk", label="旺角", kind="channel", adapter="line", country="HK")
        assert keeper.get("/admin/setup/new/hubspot/").context["form"]["country"].value() == "TW"


class TestFields:
    @pytest.mark.parametrize("language", ["ja", "zh-hant", "zh-hans"])
    def test_of_ours_are_called_in_the_readers_language(self, language: str) -> None:
        with translation.override(language):
            labels = {source: wording.field_label(source) for sources in payloads.SOURCES.values() for source in sources}
        assert [source for source, label in labels.items() if label.isascii()] == []

    def test_are_suggested_from_names_in_any_language(self, keeper: Client) -> None:
        row = connect(keeper)
        page = keeper.get(f"/admin/setup/{row.pk}/fields/").content.decode()
        for ours, theirs in (("first_name", "fname"), ("last_name", "lname"), ("phone", "MobilePhone"), ("email", "mail")):
            chosen = page.split(f'name="target-{ours}"')[1].split("</select>")[0]
            assert f'<option value="{theirs}" selected>' in chosen
        assert not FieldMapping.objects.exists()

    def test_are_saved_as_chosen(self, keeper: Client) -> None:
        row = connect(keeper)
        posted = {"target-full_name": "lname", "direction-full_name": "both", "target-phone": "MobilePhone", "target-email": "not there"}
        answer = keeper.post(f"/admin/setup/{row.pk}/fields/contact/", posted)
        assert answer["Location"] == f"/admin/setup/{row.pk}/look/"
        rows = set(FieldMapping.objects.values_list("source", "target", "direction"))
        assert rows == {("full_name", "lname", "both"), ("phone", "MobilePhone", "out")}
        assert AuditEntry.objects.filter(action="sync.fields_changed").count() == 1

    def test_keep_their_transform_when_another_is_chosen(self, keeper: Client) -> None:
        row = connect(keeper)
        FieldMapping.objects.create(
            connection=row, kind="contact", source="priority", target="mail", transform="choices", options={"high": "Hot"}
        )
        keeper.post(f"/admin/setup/{row.pk}/fields/contact/", {"target-priority": "lname"})
        kept = FieldMapping.objects.get()
        assert (kept.target, kept.transform, kept.options) == ("lname", "choices", {"high": "Hot"})

    def test_one_of_theirs_takes_one_of_ours(self, keeper: Client) -> None:
        row = connect(keeper)
        answer = keeper.post(f"/admin/setup/{row.pk}/fields/contact/", {"target-phone": "mail", "target-email": "mail"}, follow=True)
        assert "mail" in answer.content.decode() and not FieldMapping.objects.exists()


class TestTrial:
    def test_counts_what_would_happen_and_writes_nothing(self, keeper: Client, adapter: FarSide) -> None:
        row = connect(keeper)
        known, alone = customer("陳大文", "85291230001"), customer("林美玲", "85291230002")
        adapter.add(fname="大文", lname="陳", MobilePhone="+85291230001", mail="chan@example.hk")
        adapter.add(fname="Aiko", lname="Sato", MobilePhone="+819012345678")
        adapter.add(lname="林", MobilePhone="+85291230009", scrm_id=str(alone.pk))
        fields = {"first_name": "fname", "last_name": "lname", "phone": "MobilePhone", "email": "mail"}
        posted = {f"target-{ours}": theirs for ours, theirs in fields.items()} | {f"direction-{ours}": "both" for ours in fields}
        keeper.post(f"/admin/setup/{row.pk}/fields/contact/", posted)
        context = keeper.get(f"/admin/setup/{row.pk}/look/").context
        foreseen = context["foreseen"]
        assert (foreseen.records, foreseen.keyed, foreseen.met, foreseen.new, foreseen.doubtful) == (3, 1, 1, 1, 0)
        assert (foreseen.people, foreseen.unlinked, foreseen.all_seen) == (2, 0, True)
        assert foreseen.fields["email"] == (1, 0, 0) and foreseen.fields["phone"] == (0, 0, 1)
        assert [each.ours for _, each, _ in context["lines"]][2] == known.identities.get().e164
        assert not adapter.calls and not adapter.prepared and Contact.objects.count() == 2 and not Push.objects.exists()

    def test_words_of_customers_are_shown_as_text(self, keeper: Client, adapter: FarSide) -> None:
        row = connect(keeper)
        adapter.add(lname="<script>alert(1)</script>")
        keeper.post(f"/admin/setup/{row.pk}/fields/contact/", {"target-last_name": "lname"})
        assert "<script>alert(1)" not in keeper.get(f"/admin/setup/{row.pk}/look/").content.decode()

    def test_a_crm_that_is_away_is_said(self, keeper: Client, adapter: FarSide) -> None:
        row = connect(keeper)
        adapter.down = NeedsLogin("The token was withdrawn", code="HTTP 401")
        assert "The token was withdrawn" in keeper.get(f"/admin/setup/{row.pk}/look/", follow=True).content.decode()


class TestGoingLive:
    @pytest.fixture
    def row(self, keeper: Client) -> Connection:
        row = connect(keeper)
        keeper.post(f"/admin/setup/{row.pk}/fields/contact/", {"target-phone": "MobilePhone", "direction-phone": "both"})
        return row

    def test_is_a_persons_act_on_record(self, keeper: Client, row: Connection) -> None:
        assert keeper.get(f"/admin/setup/{row.pk}/live/").status_code == 405
        keeper.post(f"/admin/setup/{row.pk}/live/")
        keeper.post(f"/admin/setup/{row.pk}/live/")
        row.refresh_from_db()
        assert row.state == Connection.State.ACTIVE
        assert AuditEntry.objects.filter(action="sync.went_live").count() == 1

    def test_the_first_load_waits_until_the_crm_was_read(self, keeper: Client, row: Connection) -> None:
        customer("陳大文", "85291230001")
        keeper.post(f"/admin/setup/{row.pk}/live/")
        assert initial.load_more() == 0
        state = initial.progress(Connection.objects.get(pk=row.pk))
        assert state is not None and state.reading
        SyncCursor.objects.create(connection=row, kind="contact", feed="changes", due_at=clock.now(), finished_at=clock.now())
        assert initial.load_more() == 1
        assert "1 / 1" in keeper.get(f"/admin/setup/{row.pk}/").content.decode()

    def test_the_first_load_asks_for_a_bounded_number_and_goes_on(
        self, keeper: Client, row: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(initial, "CHUNK", 3)
        monkeypatch.setattr(initial, "WAITING", 6)
        for number in range(20):
            customer(f"客人 {number}", f"8529123{number:04d}")
        keeper.post(f"/admin/setup/{row.pk}/live/")
        SyncCursor.objects.create(connection=row, kind="contact", feed="changes", due_at=clock.now(), finished_at=clock.now())
        assert initial.load_more() == 6 and initial.load_more() == 0
        asked = 6
        while True:
            Push.objects.filter(state="due").update(state="done")
            more = initial.load_more()
            asked += more
            if not more:
                break
        state = initial.progress(Connection.objects.get(pk=row.pk))
        assert asked == Push.objects.count() == 20 and state is not None and state.done and state.percent == 100

    def test_a_channels_page_gives_the_address_to_enter(self, keeper: Client) -> None:
        row = Connection.objects.create(slug="hk", label="HK", kind="channel", adapter="whatsapp_cloud", secrets={"verify_token": "v-1"})
        page = keeper.get(f"/admin/setup/{row.pk}/").content.decode()
        assert "/webhooks/whatsapp/hk/" in page and "v-1" in page

    def test_the_schema_is_asked_once(self, keeper: Client, row: Connection, adapter: FarSide, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
        keeper.get(f"/admin/setup/{row.pk}/fields/")
        adapter.down = NeedsLogin("gone", code="HTTP 401")
        with django_assert_max_num_queries(14):
            assert keeper.get(f"/admin/setup/{row.pk}/fields/").status_code == 200


def test_a_minute_is_enough_for_the_whole_way(keeper: Client, adapter: FarSide) -> None:
    """Four pages and three forms from nothing to live."""
    began = clock.now()
    row = connect(keeper)
    page = keeper.get(f"/admin/setup/{row.pk}/fields/").context
    posted = {f"target-{line['source']}": line["target"] for line in page["lines"]} | {
        f"direction-{line['source']}": line["direction"] for line in page["lines"]
    }
    keeper.post(f"/admin/setup/{row.pk}/fields/contact/", posted)
    assert keeper.get(f"/admin/setup/{row.pk}/look/").status_code == 200
    keeper.post(f"/admin/setup/{row.pk}/live/")
    assert Connection.objects.get(pk=row.pk).state == Connection.State.ACTIVE
    assert FieldMapping.objects.filter(direction="both").count() == 4 and clock.now() - began < timedelta(minutes=1)
