from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from scrm.api.urls import router


@pytest.fixture
def document(client: Client, db: None) -> dict[str, Any]:
    answer = client.get("/api/v1/schema/")
    assert answer.status_code == 200
    content: dict[str, Any] = json.loads(answer.content)
    return content


class TestSchema:
    def test_is_generated_without_a_warning(self) -> None:
        reset_generator_stats()
        SchemaGenerator().get_schema(request=None, public=True)
        assert not GENERATOR_STATS

    def test_is_valid_openapi_3_1(self, document: dict[str, Any]) -> None:
        assert document["openapi"] == "3.1.0"
        validate_schema(document)

    def test_holds_every_resource(self, document: dict[str, Any]) -> None:
        lists = {f"/api/v1/{prefix}/" for prefix, _view, _name in router.registry}
        assert lists <= set(document["paths"])

    def test_names_the_token_and_the_key(self, document: dict[str, Any]) -> None:
        send = document["paths"]["/api/v1/messages/"]["post"]
        assert {"partnerToken": []} in send["security"]
        assert [(p["name"], p["required"]) for p in send["parameters"]] == [("Idempotency-Key", True)]
        assert set(send["responses"]) == {"200", "201", "409"}
