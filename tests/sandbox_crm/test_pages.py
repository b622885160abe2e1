"""The pages: one finds, reads and changes records as a user of the CRM would."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings as django_settings

from .conftest import OBJECTS, CrmClient

pytestmark = pytest.mark.django_db(databases="__all__")
PAGE = "/sandbox/crm"


class TestLists:
    def test_home_lists_contacts_and_finds_them_by_any_value(self, crm: CrmClient) -> None:
        crm.create("contacts", firstname="美玲", lastname="黃", phone="+85291234567")
        crm.create("contacts", firstname="Haruka", lastname="Sato", city="東京")
        everyone = crm.browser.get(f"{PAGE}/").content.decode()
        assert "黃美玲" in everyone
        assert "Haruka Sato" in everyone
        found = crm.browser.get(f"{PAGE}/contacts/", {"q": "東京"}).content.decode()
        assert "Haruka Sato" in found
        assert "黃美玲" not in found

    def test_deals_stand_on_a_board_by_stage_and_in_a_table(self, crm: CrmClient) -> None:
        crm.create("deals", dealname="iPhone 15 Pro Max", amount="9299", deal_currency_code="HKD", dealstage="contractsent")
        for query in ("", "?view=table"):
            page = crm.browser.get(f"{PAGE}/deals/{query}").content.decode()
            assert "iPhone 15 Pro Max" in page
            assert "HKD 9,299" in page
            assert "Contract Sent" in page

    @pytest.mark.parametrize("kind", ["contacts", "deals", "communications", "tickets", "notes"])
    def test_every_empty_list_opens(self, crm: CrmClient, kind: str) -> None:
        assert crm.browser.get(f"{PAGE}/{kind}/").status_code == 200

    def test_unknown_kinds_and_records_are_404(self, crm: CrmClient) -> None:
        assert crm.browser.get(f"{PAGE}/unicorns/").status_code == 404
        assert crm.browser.get(f"{PAGE}/contacts/404404/").status_code == 404

    def test_fifty_rows_a_page(self, crm: CrmClient) -> None:
        rows = [{"properties": {"firstname": f"客人{number}"}} for number in range(51)]
        crm.post(f"{OBJECTS}/contacts/batch/create", {"inputs": rows})
        first = crm.browser.get(f"{PAGE}/contacts/").content.decode()
        second = crm.browser.get(f"{PAGE}/contacts/?page=2").content.decode()
        assert (first.count("data-key="), second.count("data-key=")) == (50, 1)


class TestRecord:
    def test_shows_properties_associations_and_history(self, crm: CrmClient) -> None:
        contact = crm.create("contacts", firstname="遥", lastname="佐藤")
        chat = crm.create("communications", hs_timestamp="1795335330123", hs_communication_body="私の荷物は<br>どこですか？")
        crm.call("PUT", f"{OBJECTS}/communications/{chat['id']}/associations/default/contacts/{contact['id']}")
        page = crm.browser.get(f"{PAGE}/contacts/{contact['id']}/").content.decode()
        assert "佐藤遥" in page
        assert "私の荷物は\nどこですか？" in page
        assert "Sandbox app" in page

    def test_what_customers_wrote_is_escaped(self, crm: CrmClient) -> None:
        hostile = "&lt;script&gt;alert(1)&lt;/script&gt;<script>alert(2)</script>"
        chat = crm.create("communications", hs_timestamp="1795335330123", hs_communication_body=hostile)
        for path in (f"{PAGE}/communications/", f"{PAGE}/communications/{chat['id']}/"):
            assert "<script>alert" not in crm.browser.get(path).content.decode()

    def test_edit_by_hand_is_in_the_history_under_the_persons_name(self, crm: CrmClient) -> None:
        contact = crm.create("contacts", firstname="Darren", city="Singapore")
        form = {"property": "city", "value": "Johor Bahru", "as": "71000004"}
        assert crm.browser.post(f"{PAGE}/contacts/{contact['id']}/edit", form).status_code == 302
        assert crm.get(f"{OBJECTS}/contacts/{contact['id']}?properties=city").json()["properties"]["city"] == "Johor Bahru"
        last = crm.control("log")["results"][-1]
        assert (last["actor"], last["source"], last["changes"]) == ("Darren Lim", "CRM_UI", {"city": ["Singapore", "Johor Bahru"]})

    def test_refused_edit_says_why_and_changes_nothing(self, crm: CrmClient) -> None:
        deal = crm.create("deals", dealname="WH-1000XM5", amount="499")
        response = crm.browser.post(f"{PAGE}/deals/{deal['id']}/edit", {"property": "amount", "value": "cheap"})
        assert response.status_code == 400
        assert "INVALID_INTEGER" in response.content.decode()
        assert crm.get(f"{OBJECTS}/deals/{deal['id']}").json()["properties"]["amount"] == "499"

    def test_address_of_a_merged_record_leads_to_the_survivor(self, crm: CrmClient) -> None:
        ids = [crm.create("contacts", firstname=name)["id"] for name in ("大文", "Tai Man")]
        survivor = crm.post(f"{OBJECTS}/contacts/merge", {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]}).json()
        response = crm.browser.get(f"{PAGE}/contacts/{ids[1]}/", follow=True)
        assert response.redirect_chain == [(f"{PAGE}/contacts/{survivor['id']}/", 302)]
        assert response.content.decode().count("<li class") == 3

    def test_archive_by_hand(self, crm: CrmClient) -> None:
        contact = crm.create("contacts", firstname="大文")
        assert crm.browser.post(f"{PAGE}/contacts/{contact['id']}/archive").status_code == 302
        assert crm.get(f"{OBJECTS}/contacts/{contact['id']}").status_code == 404


class TestLive:
    def test_number_grows_with_every_write(self, crm: CrmClient) -> None:
        before = crm.browser.get(f"{PAGE}/live").json()["latest"]
        crm.create("contacts", firstname="大文")
        after = crm.browser.get(f"{PAGE}/live").json()["latest"]
        assert after > before
        assert f'data-latest="{after}"' in crm.browser.get(f"{PAGE}/").content.decode()


class TestConnection:
    def test_page_and_settings_give_the_same_token(self, crm: CrmClient) -> None:
        assert crm.token in crm.browser.get(f"{PAGE}/connection/").content.decode()

    def test_pages_have_no_inline_script_or_style(self) -> None:
        folder = Path(django_settings.BASE_DIR) / "templates" / "sandbox" / "crm"
        templates = list(folder.glob("*.html"))
        assert len(templates) >= 5
        for template in templates:
            text = template.read_text(encoding="utf-8")
            assert "<style" not in text
            assert " style=" not in text
            assert " onclick=" not in text
            assert "<script>" not in text
