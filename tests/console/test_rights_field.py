"""Choosing a role's rights: in the reader's language, by the names of the lists, without the machinery's, and nothing given is lost."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from scrm.console.admin import rights
from scrm.staff import roles
from scrm.staff.models import User
from tests.console.conftest import seated

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Client:
    roles.install()
    return seated(User.objects.create_superuser("owner", password="correct horse"))


def page(client: Client, language: str = "en") -> str:
    role = Group.objects.get(name=roles.AGENTS)
    return client.get(f"/admin/auth/group/{role.pk}/change/", headers={"accept-language": language}).content.decode()


class Rights:
    def test_are_named_as_people_name_things(self, owner: Client) -> None:
        shown = page(owner)
        assert "Contacts: see" in shown and "erase a person everywhere" in shown
        assert (
            "Can view" not in shown
            and "ormq" not in shown.lower()
            and "sandbox" not in {row.content_type.app_label for row in rights.offered()}
        )

    def test_are_in_the_readers_language(self, owner: Client) -> None:
        User.objects.filter(username="owner").update(language="ja")
        assert "連絡先：閲覧" in page(owner, "ja")

    def test_that_were_given_besides_stay(self, owner: Client) -> None:
        role = Group.objects.get(name=roles.AGENTS)
        beside = Permission.objects.filter(content_type__app_label="django_q")[0]
        role.permissions.add(beside)
        kept = set(role.permissions.values_list("pk", flat=True))
        answer = owner.post(f"/admin/auth/group/{role.pk}/change/", {"name": role.name, "permissions": sorted(kept)})
        assert answer.status_code == 302
        assert set(role.permissions.values_list("pk", flat=True)) == kept

    def test_of_the_product_all_have_a_name(self, owner: Client) -> None:
        field = rights.RightsField(rights.offered())
        english = [row.codename for row in rights.offered() if field.label_from_instance(row).startswith("Can ")]
        assert english == []
