"""Words that would like to be a script, in every field that a customer, a CRM or a colleague fills: each page shows them as words.

Every page of the console is fetched with hostile words in all rows, and each that shows so much as the beginning of one of them again
with plain words in the same rows. What a browser would run (scripts, handlers, javascript: addresses, frames) must be the same.
HOSTILE_ROUNDS says how often the words move on by one field; 50 puts every one of them into every field.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.test import Client
from django.utils.html import escape

from scrm.staff.models import User
from tests.console.conftest import seated
from tests.rights import matrix
from tests.rights.addresses import Address
from tests.rights.world import OWN, World

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
ROUNDS = int(os.environ.get("HOSTILE_ROUNDS", "1"))
# Each names itself, so that a page which shows one is known, and fits into the shortest field (30 characters) or is not put there.
WORDS = [
    "<script>alert(1)</script>",
    "<ScRiPt>alert(2)</sCrIpT>",
    "<script src=//x.example/3>",
    "</script><script>alert(4)</script>",
    "</title><script>alert(5)</script>",
    "</textarea><script>alert(6)</script>",
    "</style><script>alert(7)</script>",
    "</template><script>alert(8)</script>",
    "</option></select><script>alert(9)</script>",
    "--><script>alert(10)</script><!--",
    "]]><script>alert(11)</script>",
    "<<script>alert(12)//<</script>",
    "<img src=x onerror=alert(13)>",
    "<img src=x onerror='alert(14)'>",
    '<img src="x" onerror="alert(15)">',
    "<img/onerror=alert(16)/src=x>",
    "<IMG SRC=x ONERROR=alert(17)>",
    "<svg onload=alert(18)>",
    "<svg/onload=alert(19)>",
    "<svg><animate onbegin=alert(20) attributeName=x>",
    "<svg><a xlink:href=javascript:alert(21)><text>x",
    "<math href=javascript:alert(22)>x</math>",
    "<body onload=alert(23)>",
    "<details open ontoggle=alert(24)>",
    "<marquee onstart=alert(25)>",
    "<video><source onerror=alert(26)>",
    "<audio src=x onerror=alert(27)>",
    "<input autofocus onfocus=alert(28)>",
    "<select autofocus onfocus=alert(29)>",
    "<button formaction=javascript:alert(30)>x",
    "<form action=javascript:alert(31)><input type=submit>",
    "<a href=javascript:alert(32)>x</a>",
    "<a href='jAvAsCrIpT:alert(33)'>x</a>",
    "<a href=&#106;avascript:alert(34)>x</a>",
    "<a href='java\tscript:alert(35)'>x</a>",
    "<a href=data:text/html,<script>alert(36)</script>>x</a>",
    "<iframe src=javascript:alert(37)>",
    "<iframe srcdoc='<script>alert(38)</script>'>",
    "<object data=javascript:alert(39)>",
    "<embed src=javascript:alert(40)>",
    "<base href=//x.example/41/>",
    "<meta http-equiv=refresh content='0;javascript:alert(42)'>",
    "<link rel=stylesheet href=//x.example/43>",
    "<style>@import '//x.example/44';</style>",
    "\" onmouseover=alert(45) x=\"",
    "' onmouseover=alert(46) x='",
    "x onmouseover=alert(47)",
    "javascript:alert(48)",
    "{{constructor.constructor('alert(49)')()}}",
    "\u2028<script>alert(50)</script>\u2029",
]  # fmt: skip
# Free words, by who fills them: the customer, the CRM or the platform, a colleague.
FIELDS = {
    "contacts.contact": ["name", "company", "notes", "address", "city", "state", "external_id"],
    "contacts.identity": ["typed", "origin", "unreachable_reason", "needs_repair", "shared_reason"],
    "contacts.consent": ["evidence", "actor"],
    "contacts.event": ["cause"],
    "contacts.fieldconflict": ["shown_source", "other_source"],
    "contacts.duplicatecandidate": ["reason"],
    "contacts.merge": ["reason"],
    "contacts.import": ["filename", "error"],
    "contacts.numbersettlement": ["raw", "reason"],
    "contacts.personexport": ["reason", "last_error"],
    "contacts.erasure": ["reason"],
    "contacts.legalhold": ["reason"],
    "contacts.matchrules": ["note"],
    "commerce.product": ["sku", "name"],
    "commerce.order": ["number"],
    "commerce.shipment": ["carrier", "tracking_number", "status"],
    "connections.connection": ["label", "address", "state_reason"],
    "connections.probe": ["detail"],
    "connections.alert": ["text", "advice"],
    "connections.connectionchange": ["before", "after", "reason"],
    "conversations.conversation": ["last_preview"],
    "conversations.message": ["text", "error_title", "error_code", "cause"],
    "conversations.attachment": ["filename", "mime_type", "last_error"],
    "conversations.messagetemplate": ["name", "reason"],
    "conversations.templatechange": ["reason"],
    "conversations.templatesync": ["error"],
    "conversations.quickreply": ["title", "text", "shortcut"],
    "conversations.survey": ["comment"],
    "conversations.latermessage": ["text"],
    "conversations.decision": ["cause"],
    "conversations.pace": ["reason"],
    "tags.tag": ["name"],
    "tags.tagrule": ["name"],
    "tags.tagassignment": ["matched"],
    "campaigns.segment": ["name"],
    "automation.rule": ["name"],
    "staff.team": ["name"],
    "staff.user": ["first_name", "last_name", "display_name"],
    "staff.businesshours": ["name"],
    "sync.push": ["last_error"],
    "sync.pull": ["last_error", "external_id"],
    "sync.syncconflict": ["words", "field"],
    "sync.externalrecord": ["external_id"],
    "sync.fieldmapping": ["source", "target", "default"],
    "hooks.endpoint": ["label", "state_reason", "last_error"],
    "hooks.delivery": ["answer", "reason"],
    "intake.inbounditem": ["reason"],
    "console.macro": ["name", "text", "note"],
    "api.partnertoken": ["name"],
}
# Words inside of values: {model: {field: a value around %s}}.
INSIDE: dict[str, dict[str, str]] = {
    "contacts.contact": {"custom": '{"%s": "%s"}'},
    "conversations.message": {"content": '{"body": "%s", "caption": "%s", "file": "outgoing/rights.bin", "filename": "%s"}'},
    "conversations.messagetemplate": {"components": '[{"type": "BODY", "text": "%s"}, {"type": "FOOTER", "text": "%s"}]'},
    "intake.inbounditem": {"data": '{"text": "%s"}'},
}
RUN = ("src", "href", "action", "formaction", "data", "xlink:href", "srcdoc")
TAGS = ("script", "iframe", "object", "embed", "base", "meta", "link", "style", "svg", "math", "marquee", "video", "audio")


class Active(HTMLParser):
    """What of a page a browser would run or load."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: Counter[str] = Counter()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in TAGS:
            self.found[f"<{tag}>"] += 1
        for name, value in attrs:
            plain = "".join((value or "").split()).lower()
            if name.startswith("on"):
                self.found[f"<{tag} {name}>"] += 1
            if name in RUN and plain.startswith(("javascript:", "data:text/html", "vbscript:")):
                self.found[f"<{tag} {name}={plain[:20]}>"] += 1
            if name == "srcdoc":
                self.found[f"<{tag} {name}>"] += 1


def fragments(body: str, kind: str) -> Iterator[str]:
    """The pieces of markup in an answer: the page, or what a script of ours would put into one."""
    if kind == "text/html":
        yield body
    elif kind == "application/json":
        for value in _strings(json.loads(body)):
            if value.lstrip().startswith("<") and value not in WORDS:
                yield value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def rows(world: World) -> dict[str, Any]:
    """A row of each; the pair of a duplicate comes with its case."""
    world.row(apps.get_model("contacts.duplicatecase"), OWN)
    pair = apps.get_model("contacts.duplicatecandidate")
    others = {label: world.row(apps.get_model(label), OWN) for label in sorted({*FIELDS, *INSIDE} - {pair._meta.label_lower})}
    return {**others, pair._meta.label_lower: pair._base_manager.first()}


def fill(world: World, words: Iterator[str]) -> None:
    for label, row in rows(world).items():
        model = type(row)
        values: dict[str, Any] = {}
        for name in FIELDS.get(label, ()):
            field = model._meta.get_field(name)
            room = field.max_length or 10_000
            values[name] = next(word for word in words if len(word) <= room)
        for name, around in INSIDE.get(label, {}).items():
            marks = around.count("%s")
            values[name] = json.loads(around % tuple(json.dumps(next(words))[1:-1] for _ in range(marks)))
        model._base_manager.filter(pk=row.pk).update(**values)
    cache.clear()  # lists of colleagues and teams are half a minute old at most


# What a page shows of a word that it cuts off, as it stands or as text.
BEGINNINGS = {form for word in WORDS for form in (word[:14], escape(word[:14]))}
SHOWS = re.compile("|".join(re.escape(form) for form in ("alert(", "x.example", *sorted(BEGINNINGS))))


def seen(world: World, client: Client, addresses: list[Address], search: str = "") -> tuple[dict[str, Counter[str]], list[Address], int]:
    """What would run on each page, on lists also after a search; which pages show something of a word, and how often a whole one."""
    found: dict[str, Counter[str]] = {}
    showing: list[Address] = []
    whole = 0
    for address in addresses:
        path = address.path(world, OWN)
        is_list = "<" not in address.route and path.endswith("/") and not path.endswith("/add/")
        for asked in [{}, {"q": search}] if search and is_list else [{}]:
            answer = client.get(path, asked)
            kind = answer.headers.get("Content-Type", "").partition(";")[0]
            body = "" if answer.streaming or kind not in {"text/html", "application/json"} else answer.content.decode()
            pieces = [Active(piece).found for piece in fragments(body, kind)]
            found[path] = found.get(path, Counter()) | sum(pieces, Counter())
            whole += "alert(" in body
            if SHOWS.search(body) and address not in showing:
                showing.append(address)
            policy = answer.headers.get("Content-Security-Policy", "").partition("script-src")[2].partition(";")[0]
            assert "'unsafe-inline'" not in policy, path
    return found, showing, whole


class HostileWords:
    def test_are_shown_as_words_on_every_page(self, monkeypatch: pytest.MonkeyPatch) -> None:
        world = World()
        pages = [address for address in matrix.console_addresses() if not address.route.startswith(matrix.ENDING)]
        owner = seated(User.objects.create_superuser("owner", password="correct horse"))
        owner.raise_request_exception = False
        for turn in range(ROUNDS):
            fill(world, itertools.islice(itertools.cycle(WORDS), turn, None))
            hostile, showing, whole = seen(world, owner, pages, WORDS[turn % len(WORDS)])
            assert whole > 60, f"only {whole} pages show any of the words: the check would prove nothing"
            fill(world, itertools.cycle(["plain words"]))
            plain, _, none = seen(world, owner, showing)
            assert none == 0
            more = {path: hostile[path] - active for path, active in plain.items()}
            assert {path: active for path, active in more.items() if active} == {}

    @pytest.mark.parametrize("word", [word for word in WORDS if "<" in word and "&#" not in word])
    def test_would_be_found_if_they_were_not(self, word: str) -> None:
        assert Active(f"<p>{word}</p>").found, "the check does not see this one"
