"""Missing postal codes: found by a table or a geocoder, offered with the lowest voice, and never insisted on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from connectors.contracts import Account
from connectors.errors import NeedsLogin, TryLater, Unreachable
from connectors.geocoding.contract import Place
from connectors.geocoding.google import GoogleMaps
from connectors.geocoding.japan import JapanTable
from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.core import clock
from scrm.sync import postal
from scrm.sync.models import PostalCompletion
from tests.people import agent, customer

KEY = "AIza-secret-of-the-shop"


def place_found(code: str = "110", country: str = "TW", **more: Any) -> dict[str, Any]:
    parts = [{"short_name": code, "types": ["postal_code"]}, {"short_name": country, "types": ["country", "political"]}]
    geometry = {"location": {"lat": 25.03, "lng": 121.56}, "location_type": "ROOFTOP"}
    return {"address_components": parts if code else parts[1:], "formatted_address": "x", "geometry": geometry, **more}


class Maps:
    """Google's service on loopback: answers what it was told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: tuple[int, Any] = (200, {"status": "OK", "results": [place_found()]})
        self.asked: list[dict[str, list[str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(parse_qs(urlsplit(self.path).query))
                status, body = outer.answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def maps() -> Iterator[Maps]:
    made = Maps()
    yield made
    made.server.shutdown()
    made.server.server_close()


def geocoder(maps: Maps) -> GoogleMaps:
    return GoogleMaps(Account("maps", {"base_url": maps.url}, {"api_key": KEY}))


TAIPEI = Place("信義路五段7號", "台北市信義區", country="TW")


class Google:
    def test_gives_the_code_of_an_exact_answer(self, maps: Maps) -> None:
        found = geocoder(maps).postal_code(TAIPEI)
        assert found is not None and (found.postal_code, found.country) == ("110", "TW") and found.confidence > 0.9
        assert maps.asked[0]["components"] == ["country:TW"]

    @pytest.mark.parametrize(
        "results",
        [
            [],
            [place_found(partial_match=True)],
            [place_found(country="CN")],
            [place_found(code="")],
            [place_found("110"), place_found("115")],
            [place_found(geometry={"location": {"lat": 1, "lng": 1}, "location_type": "APPROXIMATE"})],
        ],
    )
    def test_gives_none_of_what_is_guessed_elsewhere_or_unclear(self, maps: Maps, results: list[Any]) -> None:
        maps.answer = (200, {"status": "OK" if results else "ZERO_RESULTS", "results": results})
        assert geocoder(maps).postal_code(TAIPEI) is None

    @pytest.mark.parametrize("country", ["HK", "MO", "AE", ""])
    def test_is_not_asked_about_places_without_codes(self, maps: Maps, country: str) -> None:
        assert geocoder(maps).postal_code(Place("1 Queen's Road", country=country)) is None
        assert not maps.asked

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ((200, {"status": "OVER_QUERY_LIMIT", "results": []}), TryLater),
            ((429, {}), TryLater),
            ((200, {"status": "REQUEST_DENIED", "error_message": f"The provided API key {KEY} is invalid.", "results": []}), NeedsLogin),
            ((200, {"status": "UNKNOWN_ERROR", "results": []}), Unreachable),
            ((500, b"oops"), Unreachable),
            ((200, b"no json"), Unreachable),
            ((200, {"status": "OK", "results": [{"formatted_address": "x"}]}), Unreachable),
        ],
    )
    def test_says_what_went_wrong_and_never_the_key(self, maps: Maps, answer: Any, error: type[Exception]) -> None:
        maps.answer = answer
        with pytest.raises(error) as told:
            geocoder(maps).postal_code(TAIPEI)
        assert KEY not in str(told.value)


class Japan:
    @pytest.mark.parametrize(
        ("address", "wanted"),
        [
            ("東京都渋谷区神南1-19-11", "150-0041"),
            ("大阪市北区梅田３丁目１−１", "530-0001"),
            ("日本 〒605-0073 京都府京都市東山区祇園町北側625", "605-0073"),
        ],
    )
    def test_reads_the_town(self, address: str, wanted: str) -> None:
        found = JapanTable().postal_code(Place(address, country="JP"))
        assert found is not None and found.postal_code == wanted

    @pytest.mark.parametrize("address", ["渋谷区", "北区1-2-3", "Shibuya 1-2-3, Tokyo", "", "札幌市中央区北一条西2丁目"])
    def test_gives_none_where_it_is_not_certain(self, address: str) -> None:
        assert JapanTable().postal_code(Place(address, country="JP")) is None


def person(**fields: str) -> Contact:
    contact = customer().contact
    Contact.objects.filter(pk=contact.pk).update(**{"country": "JP", "city": "東京都渋谷区", "address": "神南1-19-11", **fields})
    contact.refresh_from_db()
    return contact


@pytest.mark.django_db
class Completion:
    def run(self, contact: Contact) -> PostalCompletion | None:
        postal.ask_for([contact.pk])
        postal.complete_due()
        contact.refresh_from_db()
        return PostalCompletion.objects.filter(contact=contact).first()

    def test_is_marked_with_its_source(self) -> None:
        contact = person()
        row = self.run(contact)
        assert contact.postal_code == "150-0041" and contact.provenance["postal_code"]["source"] == "geocoder"
        assert row is not None and (row.state, row.source) == ("done", "japan_table")

    @pytest.mark.parametrize("country", ["HK", "MO", "AE"])
    def test_leaves_places_without_codes_alone(self, country: str) -> None:
        contact = person(country=country)
        assert self.run(contact) is None and contact.postal_code == ""

    def test_leaves_a_code_that_is_there(self) -> None:
        contact = person(postal_code="150-9999")
        assert self.run(contact) is None and contact.postal_code == "150-9999"

    def test_taken_back_is_not_completed_again(self) -> None:
        contact = person()
        row = self.run(contact)
        assert row is not None and postal.revert(row, by="mei") and not postal.revert(row, by="mei")
        self.run(contact)
        assert contact.postal_code == ""

    def test_is_not_written_for_an_address_that_changed_meanwhile(self) -> None:
        contact = person()
        postal.ask_for([contact.pk])
        Contact.objects.filter(pk=contact.pk).update(address="恵比寿4-20-3")
        postal.complete_due()
        contact.refresh_from_db()
        assert contact.postal_code == ""
        row = self.run(contact)
        assert contact.postal_code == "150-0013" and row is not None and row.state == "done"

    def test_is_found_by_the_sweep(self, monkeypatch: pytest.MonkeyPatch) -> None:
        contact = person()
        monkeypatch.setattr(postal, "WINDOW", contact.pk + 1)
        assert postal.sweep() == 1 and postal.sweep() == 0
        assert PostalCompletion.objects.get().contact == contact

    def test_asks_the_connected_service_and_waits_when_it_must(self, maps: Maps) -> None:
        row = Connection.objects.create(
            slug="maps", label="Maps", kind="geocoder", adapter="google_maps", settings={"base_url": maps.url}, secrets={"api_key": KEY}
        )
        contact = person(country="TW", city="台北市信義區", address="信義路五段7號")
        maps.answer = (200, {"status": "OVER_QUERY_LIMIT", "results": []})
        waiting = self.run(contact)
        assert waiting is not None and waiting.state == "waiting" and waiting.due_at > clock.now()
        maps.answer = (200, {"status": "OK", "results": [place_found()]})
        PostalCompletion.objects.update(due_at=clock.now())
        Connection.objects.filter(pk=row.pk).update(state="active", resume_at=None, failures=0)
        postal.complete_due()
        contact.refresh_from_db()
        assert contact.postal_code == "110"

    def test_does_not_ask_a_paused_service(self, maps: Maps) -> None:
        Connection.objects.create(
            slug="maps",
            label="Maps",
            kind="geocoder",
            adapter="google_maps",
            settings={"base_url": maps.url},
            secrets={"api_key": KEY},
            state="paused",
        )
        self.run(person(country="TW", city="台北市", address="信義路五段7號"))
        assert not maps.asked

    def test_is_taken_back_from_its_list(self) -> None:
        contact = person()
        row = self.run(contact)
        assert row is not None
        user = agent("mei")
        user.user_permissions.set(Permission.objects.filter(codename__in=["view_postalcompletion", "change_contact", "view_contact"]))
        client = Client()
        client.force_login(user)
        page = reverse("admin:sync_postalcompletion_changelist")
        assert "150-0041" in client.get(page).content.decode()
        client.post(page, {"answer": f"{row.pk}:revert"})
        contact.refresh_from_db()
        assert contact.postal_code == "" and PostalCompletion.objects.get().reverted_by == "mei"
