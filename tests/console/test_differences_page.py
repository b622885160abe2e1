"""The list of differences: both values with who said them and when, one press an answer, and a second thought."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from scrm.contacts.fields import Offer, offer
from scrm.contacts.models import Contact, FieldConflict, FieldRule
from scrm.core import clock
from scrm.staff.models import User
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 18, 1, 0, 0, 250_000, tzinfo=UTC)
PAGE = "/admin/review/differences/"
RIGHTS = ("contacts.view_fieldconflict", "contacts.change_fieldconflict")


@pytest.fixture
def supervisor(db: None) -> Client:
    return seated(allow(people.agent("aya", display_name="Aya"), *RIGHTS, "contacts.add_fieldrule"))


def differing(name: str = "陳大文", theirs: str = "Chan Tai Man", phone: str = "85291234567") -> FieldConflict:
    """A chat says one name, an hour later the CRM another."""
    contact = people.customer(name="", phone=phone).contact
    offer([Offer(contact, {"name": name}, "channel:hk", MORNING)])
    offer([Offer(contact, {"name": theirs}, "crm:hubspot", MORNING + timedelta(hours=1))])
    return FieldConflict.objects.get(contact=contact, field="name")


def shown(conflict: FieldConflict) -> str:
    return Contact.objects.get(pk=conflict.contact_id).name


def press(client: Client, conflict: FieldConflict, answer: str, **form: Any) -> Any:
    return client.post(f"{PAGE}{conflict.pk}/{answer}/", form, headers={"X-Requested-With": "fetch"})


class ThePage:
    def test_shows_both_values_and_who_said_them(self, supervisor: Client) -> None:
        people.hong_kong()
        differing()
        html = supervisor.get(PAGE).content.decode()
        assert "陳大文" in html and "Chan Tai Man" in html
        assert "Harbour Beauty HK" in html and "hubspot" in html
        assert "+85291234567" in html

    def test_needs_few_statements_however_many_rows(self, supervisor: Client, django_assert_max_num_queries: Any) -> None:
        for number in range(30):
            differing(phone=f"852912345{number:02}")
        with django_assert_max_num_queries(20):
            assert supervisor.get(PAGE).content.decode().count('class="rv-row"') == 30

    def test_goes_on_after_its_forty_rows(self, supervisor: Client) -> None:
        for number in range(43):
            differing(phone=f"852912345{number:02}")
        html = supervisor.get(PAGE).content.decode()
        assert html.count('class="rv-row"') == 40
        last = FieldConflict.objects.order_by("found_at", "pk")[39]
        assert supervisor.get(f"{PAGE}?after={last.pk}").content.decode().count('class="rv-row"') == 3

    def test_can_be_narrowed_to_one_field(self, supervisor: Client) -> None:
        conflict = differing()
        offer([Offer(conflict.contact, {"company": "港灣"}, "channel:hk", MORNING)])
        offer([Offer(conflict.contact, {"company": "Harbour"}, "crm:hubspot", MORNING + timedelta(hours=1))])
        assert supervisor.get(f"{PAGE}?field=company").content.decode().count('class="rv-row"') == 1
        assert supervisor.get(PAGE).content.decode().count('class="rv-row"') == 2

    def test_says_what_it_is_for_when_nothing_differs(self, supervisor: Client) -> None:
        assert "Nothing differs." in supervisor.get(PAGE).content.decode()

    def test_escapes_what_people_write(self, supervisor: Client) -> None:
        differing(theirs="<script>alert(1)</script>")
        html = supervisor.get(PAGE).content.decode()
        assert "<script>alert" not in html and "&lt;script&gt;alert" in html

    def test_is_closed_to_agents_and_strangers(self, desk: Client, client: Client) -> None:
        conflict = differing()
        assert desk.get(PAGE).status_code == 403
        assert press(desk, conflict, "confirm").status_code == 403
        assert client.get(PAGE).status_code == 302

    def test_lets_those_who_may_only_look_look(self) -> None:
        viewer = seated(allow(people.agent("ken"), "contacts.view_fieldconflict"))
        conflict = differing()
        html = viewer.get(PAGE).content.decode()
        assert "Chan Tai Man" in html and "Keep what is shown" not in html
        assert press(viewer, conflict, "revert").status_code == 403
        assert viewer.get(f"{PAGE}{conflict.pk}/revert/").status_code in {403, 405}


class AnAnswer:
    def test_that_keeps_what_is_shown_closes_the_question(self, supervisor: Client) -> None:
        conflict = differing()
        said = press(supervisor, conflict, "confirm").json()
        conflict.refresh_from_db()
        assert (conflict.state, str(conflict.decided_by), shown(conflict)) == ("confirmed", "Aya", "Chan Tai Man")
        assert (said["decided"], said["waiting"]) == (1, 0)
        assert "decided" in said["row"]

    def test_that_takes_the_other_value_shows_it(self, supervisor: Client) -> None:
        conflict = differing()
        press(supervisor, conflict, "revert")
        assert shown(conflict) == "陳大文"

    def test_works_without_a_script(self, supervisor: Client) -> None:
        conflict = differing()
        assert supervisor.post(f"{PAGE}{conflict.pk}/revert/").status_code == 302
        assert shown(conflict) == "陳大文"

    def test_may_be_changed_by_who_gave_it(self, supervisor: Client) -> None:
        conflict = differing()
        press(supervisor, conflict, "confirm")
        press(supervisor, conflict, "revert")
        assert shown(conflict) == "陳大文"
        press(supervisor, conflict, "confirm")
        conflict.refresh_from_db()
        assert (conflict.state, shown(conflict)) == ("confirmed", "Chan Tai Man")
        provenance = Contact.objects.get(pk=conflict.contact_id).provenance or {}
        assert provenance["name"]["source"] == "crm:hubspot"

    def test_of_somebody_else_stands_and_is_told(self, supervisor: Client) -> None:
        conflict = differing()
        press(supervisor, conflict, "confirm")
        other = seated(allow(people.agent("ken", display_name="Ken"), *RIGHTS))
        said = press(other, conflict, "revert").json()
        assert "Aya has decided this already." in said["notice"]
        assert shown(conflict) == "Chan Tai Man"

    def test_to_a_question_that_came_up_again_leaves_the_new_one_open(self, supervisor: Client) -> None:
        conflict = differing()
        press(supervisor, conflict, "confirm")
        offer([Offer(conflict.contact_id, {"name": "Peter Chan"}, "channel:hk", MORNING + timedelta(hours=2))])
        newer = FieldConflict.objects.get(state="open")
        press(supervisor, conflict, "revert")
        newer.refresh_from_db()
        conflict.refresh_from_db()
        assert (newer.state, conflict.state, shown(conflict)) == ("open", "confirmed", "Peter Chan")

    def test_to_a_question_that_is_gone_is_not_found(self, supervisor: Client) -> None:
        conflict = differing()
        FieldConflict.objects.all().delete()
        assert press(supervisor, conflict, "confirm").status_code == 404


class ARule:
    def test_settles_all_open_questions_of_its_field(self, supervisor: Client) -> None:
        conflicts = [differing(phone=f"852912345{number:02}") for number in range(3)]
        said = press(supervisor, conflicts[0], "rule", prefer="channel").json()
        assert {shown(each) for each in conflicts} == {"陳大文"}
        assert "3 differences" in said["notice"] and said["reload"]
        assert FieldRule.objects.get().created_by == "aya"

    def test_decides_what_comes_later(self, supervisor: Client) -> None:
        conflict = differing()
        press(supervisor, conflict, "rule", prefer="crm")
        offer([Offer(conflict.contact_id, {"name": "大文 🌸"}, "channel:hk", MORNING + timedelta(hours=5))])
        assert shown(conflict) == "Chan Tai Man"
        assert not FieldConflict.objects.filter(state="open").exists()

    def test_is_listed_and_can_be_dropped(self, supervisor: Client) -> None:
        conflict = differing()
        press(supervisor, conflict, "rule", prefer="crm")
        assert "1 rule in force" in supervisor.get(PAGE).content.decode()
        rule = FieldRule.objects.get()
        allowed = seated(allow(User.objects.get(username="aya"), "contacts.add_fieldrule"))
        assert allowed.post(f"{PAGE}rules/{rule.pk}/drop/").status_code == 302
        assert not FieldRule.objects.exists()

    @pytest.mark.parametrize("prefer", ["", "nobody", "<script>"])
    def test_of_an_unknown_kind_is_refused_in_words(self, supervisor: Client, prefer: str) -> None:
        answer = press(supervisor, differing(), "rule", prefer=prefer)
        assert answer.status_code == 409
        assert "Choose who decides" in answer.json()["error"]

    def test_takes_a_right_of_its_own(self) -> None:
        decider = seated(allow(people.agent("ken"), *RIGHTS))
        assert press(decider, differing(), "rule", prefer="crm").status_code == 403


def test_the_day_counts_from_midnight_where_one_sits(supervisor: Client) -> None:
    with clock.frozen(MORNING + timedelta(days=1)):
        press(supervisor, differing(), "confirm")
    with clock.frozen(MORNING + timedelta(days=3)):
        html = supervisor.get(PAGE).content.decode()
    assert "<b data-decided>0</b>" in html
