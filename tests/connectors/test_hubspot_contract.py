"""Every request of HubSpot's adapter is one that HubSpot's own OpenAPI files take, where they lie beside the repository."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hubspot_contract import FOLDER, answer_faults, faults

from connectors.contracts import Link, Write
from connectors.crms.hubspot import wire
from connectors.crms.hubspot.wire import OBJECT_TYPES
from tests.connectors.test_hubspot_wire import crm_at
from tests.sandbox_crm.conftest import API, CrmClient
from tests.sandbox_crm.conftest import crm as crm

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="HubSpot's contract is not beside the repository")


def _sent(loopback: Any) -> list[tuple[str, str, dict[str, str], Any]]:
    return [(seen.method, seen.path, dict(seen.query), seen.json if seen.body else None) for seen in loopback.seen]


def test_all_requests_are_taken(loopback: Any, fake_hubspot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SEARCHES_A_SECOND", 1_000)
    crm = crm_at(loopback.url)
    crm.check()
    crm.prepare()
    crm.describe()
    (person, tea) = crm.apply(
        [Write("contact", "1", {"firstname": "美玲"}), Write("product", "7", {"name": "ほうじ茶", "hs_sku": "HJ-01"})]
    )
    links = (Link("contact", person.id), Link("product", tea.id))
    made = crm.apply([Write(kind, "5", {}, links=links) for kind in ("deal", "case", "order", "communication")])
    crm.apply([Write("order", "5", {"hs_total_price": "256.00"}, id=made[2].id, if_version=made[2].version)])
    theirs = str(fake_hubspot.add("orders", {"hs_order_name": "SO-1"})["id"])
    item = str(fake_hubspot.add("line_items", {"name": "ほうじ茶", "hs_product_id": tea.id})["id"])
    fake_hubspot.links += [("orders", theirs, "line_items", item), ("line_items", item, "orders", theirs)]
    fake_hubspot.links += [("orders", theirs, "contacts", each) for each in ("91", "92")]
    fake_hubspot.page = 1
    for kind in OBJECT_TYPES:
        crm.read(kind, [theirs])
        for feed in (crm.changes, lambda kind, cursor, _: crm.removals(kind, cursor, ())):
            cursor: dict[str, Any] = {}
            for _ in range(6):
                page = feed(kind, cursor, 100)
                cursor = page.cursor
                if not page.more and "since" in cursor:
                    cursor = {"since": 5}
    sent = _sent(loopback)
    assert {path for _, path, _, _ in sent} >= {f"/crm/objects/2026-03/{name}/search" for name in (*OBJECT_TYPES.values(), "line_items")}
    found = {json.dumps([method, path, faults(method, path, query, body)]) for method, path, query, body in sent}
    assert [each for each in sorted(found) if not each.endswith("[]]")] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/crm/objects/2026-03/orders/batch/upsert", {"inputs": [{"id": "5", "properties": {"hs_total_price": 256}}]}),
        ("POST", "/crm/objects/2026-03/orders/search", {"filterGroups": []}),
        ("POST", "/crm/associations/2026-03/orders/contacts/batch/read", {"inputs": [{"from": "5"}]}),
        ("PUT", "/crm/objects/2026-03/orders/search", {}),
    ],
)
def test_what_it_does_not_take_is_told(method: str, path: str, body: Any) -> None:
    assert faults(method, path, {}, body)


@pytest.mark.django_db(databases=["default", "sandbox"])
def test_the_stand_in_answers_in_its_form(crm: CrmClient) -> None:
    for kind in ("orders", "products", "line_items"):
        crm.add_unique_id(kind)
    order, bare = (crm.create("orders", hs_order_name=name)["id"] for name in ("SO-1", "SO-2"))
    person, tea = crm.create("contacts", firstname="美玲")["id"], crm.create("products", name="ほうじ茶", hs_sku="HJ-01")["id"]
    item = crm.create("line_items", hs_product_id=tea, quantity="2")["id"]
    objects, links = "/crm/objects/2026-03", "/crm/associations/2026-03/orders"
    for kind, other in (("contacts", person), ("line_items", item)):
        crm.call("PUT", f"{API}{objects}/orders/{order}/associations/default/{kind}/{other}")
    ids = {"inputs": [{"id": order}, {"id": "999"}]}
    read = {"properties": ["hs_order_name"], "propertiesWithHistory": []}
    search = {"filterGroups": [], "sorts": ["hs_object_id"], "properties": [], "limit": 10, "after": "0"}
    upsert = {"inputs": [{"id": "k-1", "idProperty": "scrm_id", "properties": {"name": "青茶"}, "objectWriteTraceId": "0"}]}
    calls: list[tuple[str, str, Any, int]] = [
        ("GET", f"{objects}/orders", None, 200),
        ("POST", f"{objects}/orders/search", search, 200),
        ("POST", f"{objects}/orders/batch/read", {"inputs": [{"id": order}], **read}, 200),
        ("POST", f"{objects}/orders/batch/read", {**ids, **read}, 207),
        ("POST", f"{objects}/products/batch/upsert", upsert, 200),
        ("POST", f"{objects}/line_items/search", search, 200),
        ("POST", f"{links}/contacts/batch/read", {"inputs": [{"id": order}]}, 200),
        ("POST", f"{links}/line_items/batch/read", {"inputs": [{"id": order}, {"id": bare}]}, 207),
        ("GET", "/crm/properties/2026-03/orders", None, 200),
    ]
    for method, path, body, status in calls:
        answer = crm.call(method, f"{API}{path}", body)
        assert (path, answer.status_code) == (path, status)
        assert (path, answer_faults(method, path, status, answer.json())) == (path, [])
