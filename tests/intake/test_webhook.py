"""What is posted is stored before it is answered, or not answered with 200."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.db import OperationalError
from django.test import Client

from scrm.core import jobs
from scrm.intake import spool, views
from scrm.intake.ledger import sums
from scrm.intake.models import InboundEvent
from tests.people import APP_SECRET, body, hong_kong, post, text_message

pytestmark = pytest.mark.django_db


@pytest.fixture
def spool_folder(settings, tmp_path):
    settings.SPOOL_DIR = tmp_path / "spool"
    settings.SPOOL_LEAST_FREE_BYTES = 0
    return settings.SPOOL_DIR


def line(slug="hk"):
    return next(line for line in sums() if line.connection_slug == slug)


class Handshake:
    def ask(self, **query):
        return Client().get(f"/webhooks/whatsapp/{hong_kong().slug}/", {"hub.mode": "subscribe", "hub.challenge": "1158201444", **query})

    def test_echoes_the_challenge_to_who_knows_the_token(self):
        answer = self.ask(**{"hub.verify_token": "open sesame"})
        assert (answer.status_code, answer.content) == (200, b"1158201444")
        assert answer["Content-Type"].startswith("text/plain")

    @pytest.mark.parametrize(
        "query",
        [
            {"hub.verify_token": "wrong"},
            {},
            {"hub.verify_token": "open sesame", "hub.mode": "other"},
            {"hub.verify_token": "open sesame", "hub.challenge": "<script>"},
        ],
    )
    def test_refuses_everybody_else(self, query):
        assert self.ask(**query).status_code == 403


class Post:
    def test_is_stored_as_bytes_and_then_answered(self):
        raw = body(hong_kong(), messages=[text_message("私の荷物はどこですか?")])
        assert post(hong_kong(), raw) == 200
        from scrm.intake.pipeline import unpack

        assert unpack(InboundEvent.objects.get()) == raw

    @pytest.mark.parametrize("secret", ["", "wrong", APP_SECRET.upper()])
    def test_with_a_wrong_signature_is_refused_and_not_stored(self, secret):
        assert post(hong_kong(), body(hong_kong(), messages=[]), secret=secret) == 403
        assert not InboundEvent.objects.exists()

    @pytest.mark.parametrize(
        "path", ["/webhooks/whatsapp/nobody/", "/webhooks/line/hk/", "/webhooks/fax/hk/", "/webhooks/", "/webhooks/whatsapp/a/b/c"]
    )
    def test_to_an_address_that_is_not_ours_is_unknown(self, path):
        hong_kong()
        assert Client().post(path, data=b"{}", content_type="application/json").status_code == 404

    def test_larger_than_any_platform_sends_is_refused(self):
        assert post(hong_kong(), b"x" * (3 * 2**20 + 1)) == 413

    def test_of_exactly_the_limit_is_taken(self):
        assert post(hong_kong(), b"x" * (3 * 2**20)) == 200

    def test_costs_one_query_once_the_connection_is_known(self, django_assert_max_num_queries):
        connection = hong_kong()
        raw = body(connection, messages=[])
        post(connection, raw)
        # SQLite's two pragmas are the price of its short patience.
        with django_assert_max_num_queries(3):
            post(connection, raw)

    def test_sets_no_cookie(self):
        answer = Client().post("/webhooks/whatsapp/hk/", data=b"{}", content_type="application/json")
        assert not answer.cookies


class Spool:
    def test_takes_the_body_when_the_database_does_not(self, spool_folder, monkeypatch):
        def away(*args):
            raise OperationalError("the database system is shutting down")

        raw = body(hong_kong(), messages=[text_message("我的包裹到哪裡了？", id="wamid.SPOOLED")])
        post(hong_kong(), body(hong_kong(), messages=[]))
        with monkeypatch.context() as patched:
            patched.setattr(views, "_insert", away)
            patched.setattr(views.database, "close", lambda: None)
            assert post(hong_kong(), raw) == 200
            assert post(hong_kong(), raw) == 200
            assert spool.empty() == 0
        assert line().spooled == 1
        assert spool.empty() == 1
        jobs.run_everything_due()
        assert (line().spooled, line().processed, line().balanced) == (0, 2, True)

    def test_keeps_its_files_to_their_owner(self, spool_folder):
        assert spool.write(slug="hk", body=b"{}", headers={}, checked=True)
        (file,) = Path(spool_folder).iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_asks_the_platform_to_come_again_when_it_is_full(self, spool_folder, settings, monkeypatch):
        settings.SPOOL_LIMIT_BYTES = 0
        monkeypatch.setattr(views, "store", lambda *args: False)
        assert post(hong_kong(), body(hong_kong(), messages=[])) == 503

    def test_checks_the_signature_of_what_nobody_could_check_before(self, spool_folder):
        hong_kong()
        spool.write(slug="hk", body=b'{"object":"x"}', headers={"x-hub-signature-256": "sha256=00"}, checked=False)
        assert spool.empty() == 1
        assert not InboundEvent.objects.exists()

    def test_leaves_a_file_that_it_cannot_read(self, spool_folder):
        spool.write(slug="hk", body=b"{}", headers={}, checked=True)
        (Path(spool_folder) / "0000.body").write_bytes(b"\x00broken")
        hong_kong()
        assert spool.empty() == 1
        assert [file.name for file in Path(spool_folder).iterdir()] == ["0000.body"]
