"""What axe finds on the inbox with everything in it open that can be opened, and on the pages of administrators.

Light at a desk, dark on a phone. Screenshots land in SCREENSHOTS, if set.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Browser, Page

from scrm.campaigns import campaigns
from scrm.campaigns.models import Campaign, Segment
from scrm.console.models import Macro
from scrm.contacts.models import Identity
from scrm.conversations import claims, later
from scrm.conversations.models import Attachment, Conversation, MessageTemplate, QuickReply, Survey
from scrm.conversations.services import Draft
from scrm.core import jobs
from scrm.staff.models import User
from scrm.tags.models import Tag, TagAssignment
from tests import people
from tests.console.thread_rows import said
from tests.journeys.browsing import NEEDS_CHROMIUM, barriers, picture, seat

pytestmark = [pytest.mark.browser, pytest.mark.any_database, pytest.mark.django_db(transaction=True), NEEDS_CHROMIUM]
SIZES = [("light", 1440), ("dark", 390)]


@pytest.fixture
def owner(transactional_db: None) -> User:
    return User.objects.create_superuser("owner", password="correct horse", display_name="Aya")


@pytest.fixture
def desk(owner: User, live_server: Any, chromium: Browser) -> Iterator[Page]:
    with seat(chromium, owner, live_server.url) as page:
        yield page


def photo() -> ContentFile:
    made = io.BytesIO()
    Image.new("RGB", (320, 200), "#7a9").save(made, "JPEG")
    return ContentFile(made.getvalue(), "parcel.jpg")


@pytest.fixture
def busy(owner: User) -> Conversation:
    """A conversation with a bit of everything."""
    chat = people.conversation()
    contact = chat.identity.contact
    said(chat, "我的包裹爛咗")
    sent = said(chat, "", kind="image")
    row = Attachment(message=sent, kind="image", mime_type="image/jpeg", filename="parcel.jpg", state="stored", due_at=timezone.now())
    row.file.save("parcel.jpg", photo(), save=True)
    said(chat, "抱歉,我們馬上處理", direction="out", state="read", author=owner)
    said(chat, "新品八折", direction="out", state="blocked", source="api", error_title="x")
    said(chat, "熟客", direction="note", author=owner)
    later.schedule(Draft(chat, "agent", "later-1", text="請問收到了嗎?", by=owner), at=timezone.now() + timedelta(hours=3))
    QuickReply.objects.create(shortcut="ship", title="Shipping", text="{{name}} 您好,一般三天內送到。")
    Macro.objects.create(name="Refund agreed", shortcut="refund", text="已為您辦理退款。", then="close")
    now = timezone.now()
    Survey.objects.create(conversation=chat, state="answered", score=5, comment="很快!", asked_at=now, answered_at=now, agent=owner)
    tag = Tag.objects.create(slug="vip", name="VIP", color="purple")
    TagAssignment.objects.create(contact=contact, tag=tag, by=owner, assigned_at=now)
    body = [{"type": "BODY", "text": "您好 {{1}}，想繼續為您跟進。"}]
    shared = {"connection": chat.connection, "category": "UTILITY", "status": "APPROVED", "synced_at": now}
    MessageTemplate.objects.create(name="continue_chat", language="zh_HK", components=body, **shared)
    claims.take(chat.pk, by=people.agent("kenji", display_name="佐藤健二"))
    return chat


def press(*keys: str) -> Callable[[Page], None]:
    def pressed(page: Page) -> None:
        page.keyboard.press("Escape")
        page.evaluate("document.activeElement.blur()")
        for key in keys:
            page.keyboard.press(key)

    return pressed


def click(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.click()


# Parts of the inbox, in the order in which one is opened after the other, and what is there when it is.
PARTS: list[tuple[str, Callable[[Page], None], str]] = [
    ("send later", click("[data-when]"), "#ix-when:not([hidden])"),
    ("emoji", click("[data-emoji]"), "#ix-emoji button"),
    ("quick replies", lambda page: page.locator("#ix-text").press_sequentially("/"), "#ix-suggest li"),
    ("note", press("n"), ".ix-composer[data-now=note]"),
    ("template", click("[data-mode-to=template]"), "#ix-preview"),
    ("macros", press("m"), ".ix-macros .ix-drop form"),
    ("menu", press("s"), ".ix-menu[open] [data-part=snooze]"),
    ("edit in place", press("c"), ".ix-edit[open]"),
    ("help", press("?"), "#ix-help[open]"),
]


class InboxReaders:
    @pytest.mark.parametrize(("scheme", "width"), SIZES)
    def test_can_use_every_part_of_it(self, scheme: Any, width: int, busy: Conversation, desk: Page) -> None:
        desk.emulate_media(color_scheme=scheme)
        desk.set_viewport_size({"width": width, "height": 900})
        found: list[str] = []

        def look(part: str) -> None:
            picture(desk, f"inbox-{part}-{width}")
            assert desk.evaluate("document.documentElement.scrollWidth") <= width, f"{part} is wider than {width}"
            found.extend(f"{part} {scheme}: {barrier}" for barrier in barriers(desk))

        desk.goto(f"/admin/inbox/{busy.pk}/")
        desk.locator("#ix-beside .ix-card").wait_for(state="attached")
        look("thread")
        desk.locator("#ix-messages a.ix-picture").first.click()
        desk.locator("#ix-viewer[open]").wait_for()
        look("viewer")
        desk.keyboard.press("Escape")
        for part, open_it, there in PARTS:
            if width < 600 and part in {"emoji"}:
                continue  # a phone's keyboard has its own
            open_it(desk)
            desk.locator(there).first.wait_for()
            look(part)
        desk.keyboard.press("Escape")
        desk.goto("/admin/inbox/?guide=1")
        look("first steps")
        desk.goto("/admin/inbox/?queue=mine")
        look("empty queue")
        assert not found, "\n".join(found)


def checked_campaign() -> Campaign:
    """One whom two get and one does not."""
    body = [{"type": "BODY", "text": "您好，春季特賣開始了。"}]
    template = MessageTemplate.objects.create(
        connection=people.hong_kong(), name="spring", language="zh_HK", category="UTILITY", status="APPROVED", components=body,
        synced_at=timezone.now(),
    )  # fmt: skip
    stopped, *_others = [people.customer(f"客人 {n}", f"8529123456{n}") for n in range(3)]
    Identity.objects.filter(pk=stopped.pk).update(opted_out_at=timezone.now())
    campaign = Campaign.objects.create(name="Spring", segment=Segment.objects.create(name="Everybody"), template=template)
    campaigns.prepare(campaign)
    while jobs.drains()[campaigns.DRAIN].step():
        pass
    return campaign


class AdministratorReaders:
    PAGES = (
        "imports/", "setup/", "setup/new/salesforce/", "connections/connection/{connection}/change/", "conversations/surveyplan/add/",
        "console/macro/add/", "automation/rule/add/", "conversations/messagetemplate/add/", "sync/health/", "ledger/", "commerce/coupon/",
        "campaigns/segment/add/", "campaigns/campaign/", "campaigns/campaign/{campaign}/change/", "campaigns/recipient/",
    )  # fmt: skip

    @pytest.mark.parametrize(("scheme", "width"), SIZES)
    def test_can_use_their_pages(self, scheme: Any, width: int, desk: Page) -> None:
        connection, campaign = people.hong_kong(), checked_campaign()
        desk.emulate_media(color_scheme=scheme)
        desk.set_viewport_size({"width": width, "height": 900})
        found: list[str] = []
        for address in self.PAGES:
            desk.goto("/admin/" + address.format(connection=connection.pk, campaign=campaign.pk))
            picture(desk, f"{address.replace('/', '-')}{width}")
            found += [f"{address} {scheme}: {barrier}" for barrier in barriers(desk)]
            if desk.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{address} is wider than {width}")
        assert not found, "\n".join(found)
