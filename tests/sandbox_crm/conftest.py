"""A client of the sandbox CRM: it knows the address, the version and the token, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

API = "/sandbox/crm/api"
OBJECTS = f"{API}/crm/objects/2026-03"


class CrmClient:
    """Calls by path below the API's base; JSON in, the response out (`.json()`, `.status_code`, headers)."""

    def __init__(self, token: str) -> None:
        self.browser = Client()
        self.token = token

    def call(self, method: str, path: str, body: Any = None, **headers: Any) -> Any:
        return self.browser.generic(
            method, path, data=_encode(body), content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {self.token}", **headers
        )

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.call("POST", path, body)

    def control(self, path: str = "", body: Any = None) -> Any:
        method = "GET" if body is None else "POST"
        return self.browser.generic(method, f"/sandbox/crm/control/{path}", data=_encode(body), content_type="application/json").json()

    def add_unique_id(self, kind: str = "contacts") -> None:
        body = {
            "name": "scrm_id",
            "label": "SCRM id",
            "type": "string",
            "fieldType": "text",
            "groupName": "contactinformation",
            "hasUniqueValue": True,
        }
        assert self.post(f"{API}/crm/properties/2026-03/{kind}", body).status_code == 201

    def create(self, kind: str, **properties: str) -> Any:
        response = self.post(f"{OBJECTS}/{kind}", {"properties": properties})
        assert response.status_code == 201, response.content
        return response.json()

    def upsert(self, kind: str, *rows: dict[str, Any]) -> Any:
        inputs = [{"id": row.pop("scrm_id"), "idProperty": "scrm_id", "properties": row} for row in rows]
        return self.post(f"{OBJECTS}/{kind}/batch/upsert", {"inputs": inputs})

    def search(self, kind: str, *filters: dict[str, Any], **more: Any) -> Any:
        return self.post(f"{OBJECTS}/{kind}/search", {"filterGroups": [{"filters": list(filters)}], **more})


def _encode(body: Any) -> str:
    return "" if body is None else json.dumps(body)


@pytest.fixture
def crm(db: None) -> CrmClient:
    from scrm.sandbox.crm.account import connection_settings

    return CrmClient(connection_settings()["secrets"]["access_token"])
