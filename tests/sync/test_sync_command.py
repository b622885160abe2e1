from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from scrm.sync.models import Push
from scrm.sync.services import want
from tests.sync.conftest import Shop


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("sync", *args, stdout=out)
    return out.getvalue()


class TestSyncCommand:
    def test_writes_what_is_due_and_counts(self, shop: Shop) -> None:
        chan = shop.customer()
        want(shop.crm, "contact", str(chan.pk))
        answer = json.loads(run("--format", "json"))
        assert answer["taken"] == 1
        counts = {"done": 1, "due": 0, "dead": 0, "discarded": 0, "reads_due": 0, "reads_dead": 0}
        assert answer["connections"] == [{"connection": "crm", "state": "active", **counts}]
        assert shop.far.record("contact", str(chan.pk))["lastname"] == "陳"

    def test_ends_with_1_when_something_is_dead(self, shop: Shop) -> None:
        shop.due("contact", [shop.customer().pk])
        Push.objects.update(state="dead")
        with pytest.raises(SystemExit) as ended:
            run("--connection", "crm")
        assert ended.value.code == 1

    def test_says_which_connections_there_are(self, shop: Shop) -> None:
        with pytest.raises(CommandError, match="there are: crm"):
            run("--connection", "salesforce")

    def test_prints_a_line_a_connection(self, shop: Shop) -> None:
        assert run() == "0 taken\ncrm (active): 0 in step, 0 due, 0 dead, 0 discarded\n"
