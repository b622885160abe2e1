"""The catalogues say everything that the sources mark, keep the places that are filled in, and are compiled as they stand."""

from __future__ import annotations

import gettext
import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.translation import to_locale

from scrm.staff.models import User
from tests.console import catalogues
from tests.console.catalogues import AREAS, PRODUCT, SANDBOX, Area, Entry
from tests.console.conftest import seated

EACH = [pytest.param(area, language, id=f"{area.catalogue}-{language}") for area in AREAS for language in area.languages]
PLACE = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}")
TAG = re.compile(r"</?\w[^>]*>")


def known(area: Area, language: str) -> list[Entry]:
    return catalogues.entries(area.file(language, "po"))


def places(text: str) -> Counter[str]:
    return Counter(PLACE.findall(text) + TAG.findall(text))


def compiled(area: Area, language: str) -> gettext.GNUTranslations:
    with area.file(language, "mo").open("rb") as file:
        return gettext.GNUTranslations(file)


@pytest.mark.parametrize(("area", "language"), EACH)
class Catalogue:
    def test_translates_every_word(self, area: Area, language: str) -> None:
        found = known(area, language)
        assert found
        assert [entry.msgid for entry in found if not entry.translations or not all(text.strip() for text in entry.translations)] == []

    def test_keeps_the_places_that_are_filled_in(self, area: Area, language: str) -> None:
        for entry in known(area, language):
            for text in entry.translations:
                assert places(text) == places(entry.plural or entry.msgid), entry.msgid

    def test_holds_no_guess_and_no_left_over(self, area: Area, language: str) -> None:
        assert [entry.msgid for entry in known(area, language) if "fuzzy" in entry.flags or entry.obsolete] == []

    def test_gives_as_many_plural_forms_as_it_announces(self, area: Area, language: str) -> None:
        announced = re.search(r"nplurals=(\d)", compiled(area, language).info()["plural-forms"])
        assert announced is not None
        assert {len(entry.translations) for entry in known(area, language) if entry.plural} == {int(announced[1])}

    def test_is_compiled_as_it_stands(self, area: Area, language: str) -> None:
        spoken = compiled(area, language)
        for entry in known(area, language):
            if entry.plural:
                said = spoken.ngettext(entry.msgid, entry.plural, 5)
            else:
                said = spoken.pgettext(entry.context, entry.msgid) if entry.context else spoken.gettext(entry.msgid)
            assert said == entry.translations[0], entry.msgid
        stored = {key for key in spoken._catalog if key}  # type: ignore[attr-defined]  # the module offers no other way to list them
        assert len(stored) == len(known(area, language))


@pytest.mark.parametrize("area", AREAS, ids=[area.catalogue for area in AREAS])
class MarkedWords:
    @pytest.mark.skipif(bool(catalogues.missing_tools()), reason="reading the sources for marked words takes gettext's tools")
    def test_are_in_every_catalogue_and_nothing_else_is(self, area: Area, tmp_path: Path) -> None:
        marked = {entry.key for entry in catalogues.entries(catalogues.extract(area, tmp_path))}
        assert marked
        for language in area.languages:
            assert {entry.key for entry in known(area, language)} == marked, f"{language}: python -m tests.console.catalogues"


def test_words_are_marked_where_the_extraction_looks() -> None:
    """What is marked by another name, such as `gettext as _now`, or inside an f-string is in no catalogue, and no other test misses it."""
    sources = [path for area in AREAS for folder in area.folders for path in (catalogues.ROOT / folder).rglob("*.py")]
    unseen = re.compile(r"""\bn?p?gettext(?:_lazy|_noop)? as (?!_\b)\w+|\bf"[^"\n]*\{(?:_|n?p?gettext)\('""")
    assert len(sources) > 500
    assert [str(path) for path in sources if unseen.search(path.read_text(encoding="utf-8"))] == []


class Languages:
    def test_offered_in_the_menu_have_a_catalogue(self) -> None:
        offered = {to_locale(code) for code, _name in settings.LANGUAGES} - {"en"}
        assert offered == set(PRODUCT.languages) == set(SANDBOX.languages)

    @pytest.mark.parametrize("language", PRODUCT.languages)
    def test_say_a_word_alike_in_the_console_and_the_sandbox(self, language: str) -> None:
        """The console's catalogue wins where both know a word, so a difference would never be seen."""
        console = {entry.key: entry.translations for entry in known(PRODUCT, language)}
        shared = [entry for entry in known(SANDBOX, language) if entry.key in console]
        assert shared
        assert [entry.msgid for entry in shared if entry.translations != console[entry.key]] == []

    @pytest.mark.django_db
    @pytest.mark.parametrize(("code", "inbox"), [("ja", "受信トレイ"), ("zh-hant", "收件匣"), ("zh-hans", "收件箱")])
    def test_follow_the_person_at_the_desk(self, code: str, inbox: str, owner: Client) -> None:
        person = User.objects.get(username="owner")
        person.language = code
        person.save()
        with translation.override("en"):
            page = seated(person).get("/admin/inbox/").content.decode()
        assert inbox in page
        assert "Inbox" not in re.sub(r"<[^>]*>", "", page)
