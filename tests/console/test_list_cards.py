"""What a list's rows hold so that a phone can show many of them: names of columns, cells that can be left out, marks for yes and no."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from scrm.contacts.models import Contact
from scrm.staff.models import Team
from scrm.tags.models import Tag, TagRule
from tests import people

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def cells(client: Client, page: str) -> list[str]:
    html = client.get(f"/admin/{page}/").content.decode()
    return re.findall(r"<t[dh] class=\"field-.*?</t[dh]>", html, re.S)


class Cells:
    def test_without_a_value_are_marked_to_be_left_out_but_the_link_to_the_page_never_is(self, owner: Client) -> None:
        people.someone()
        bare = [cell for cell in cells(owner, "contacts/contact") if "console-bare" in cell]
        assert any('data-label="Company"' in cell for cell in bare)
        assert not any("<a " in cell for cell in bare)

    def test_with_a_value_are_not(self, owner: Client) -> None:
        Contact.objects.filter(pk=people.someone().pk).update(company="海港貿易")
        (company,) = (cell for cell in cells(owner, "contacts/contact") if 'data-label="Company"' in cell)
        assert "海港貿易" in company and "console-bare" not in company

    def test_are_named_with_a_capital(self, owner: Client) -> None:
        Team.objects.create(name="觀塘")
        labels = re.findall('data-label="([^"]+)"', "".join(cells(owner, "staff/team")))
        assert labels and all(label[0] == label[0].upper() for label in labels)

    def test_say_no_by_a_neutral_mark_and_a_word(self, owner: Client) -> None:
        tag = Tag.objects.create(slug="vip", name="VIP")
        TagRule.objects.create(name="VIP", tag=tag, keywords=["vip"], opens_deal=False, enabled=True)
        html = "".join(cells(owner, "tags/tagrule"))
        assert 'aria-label="No"' in html and 'aria-label="Yes"' in html
        assert "close_small" not in html and "bg-red" not in html


class TheStyleSheet:
    """The theme gives a cell one line of 45 px and cuts what is longer."""

    def test_lets_cells_on_a_phone_grow(self) -> None:
        css = (Path(settings.BASE_DIR) / "scrm/console/static/console/console.css").read_text()
        rule = re.search(r"#result_list \.data-row > :is\(td, th\) \{([^}]*)\}", css)
        assert rule and "height: auto" in rule[1] and "overflow: visible" in rule[1]
        assert re.search(r"#result_list \.data-row > \.console-bare[^{]*\{ display: none", css)
