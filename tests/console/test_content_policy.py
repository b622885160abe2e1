"""The pages keep to the content security policy: no inline script, no handler in an attribute, nothing from another host."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests import people
from tests.console.thread_rows import said

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

PAGES = ["/admin/inbox/", "/admin/ledger/", "/admin/contacts/contact/", "/admin/conversations/message/", "/admin/automation/rule/add/"]


class Pages:
    @pytest.mark.parametrize("url", PAGES)
    def test_hold_no_inline_script_and_load_from_here_alone(self, url: str, owner: Client) -> None:
        said(people.conversation(), "你好")
        answer = owner.get(url)
        html = answer.content.decode()
        for tag, body in re.findall(r"<script([^>]*)>(.*?)</script>", html, re.S):
            assert not body.strip() and re.search(r'src="/[^/]', tag), tag
        assert not re.search(r"\son(click|load|error|change|submit)=", html)
        assert not re.search(r'<(link|script|img)[^>]+(href|src)="(https?:)?//', html)

    def test_forbid_inline_scripts_and_framing(self, owner: Client) -> None:
        policy = owner.get("/admin/inbox/")["Content-Security-Policy"]
        scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
        assert "'unsafe-inline'" not in scripts and "http" not in scripts
        assert "frame-ancestors 'none'" in policy and "object-src 'none'" in policy
