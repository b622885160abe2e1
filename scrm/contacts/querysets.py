"""Reads of contacts that several screens share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from scrm.contacts.models import Contact  # noqa: F401 - named in a string


class ContactQuerySet(models.QuerySet["Contact"]):
    def current(self) -> ContactQuerySet:
        """People, without the duplicates that were merged into somebody."""
        return self.filter(merged_into=None)

    def search(self, text: str) -> ContactQuerySet:
        """By name, company, e-mail, or the last digits of a number; in any script, width and case."""
        from scrm.contacts.search import contact_index

        return contact_index.filter(self, text)
