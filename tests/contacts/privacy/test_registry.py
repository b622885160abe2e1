"""No model that leads to a person is forgotten."""

from __future__ import annotations

from django.apps import apps
from django.db import models

from scrm.contacts.privacy import registry

PEOPLE = {"contacts.contact", "contacts.identity", "conversations.message"}
# Rows of the sandbox play the customers' and the platforms' side; nothing of it exists in production.
OURS = {
    "core",
    "connections",
    "contacts",
    "commerce",
    "staff",
    "conversations",
    "tags",
    "campaigns",
    "automation",
    "sync",
    "intake",
    "console",
    "api",
}


def leads_to_a_person() -> set[str]:
    """Labels of all models from which foreign keys lead, over any number of steps, to a contact, an address or a message."""
    found = set(PEOPLE)
    while True:
        more = {
            model._meta.label_lower
            for model in apps.get_models()
            for field in model._meta.get_fields()
            if isinstance(field, models.ForeignKey) and field.related_model._meta.label_lower in found
        }
        if more <= found:
            return {label for label in found if label.partition(".")[0] in OURS}
        found |= more


class Registry:
    def test_every_model_that_leads_to_a_person_is_erased_or_exempt_with_a_reason(self):
        forgotten = leads_to_a_person() - registry.covered() - set(registry.exemptions())
        assert not forgotten, f"register these in the app's privacy.py: {sorted(forgotten)}"

    def test_names_only_models_that_exist(self):
        known = {model._meta.label_lower for model in apps.get_models()}
        assert (registry.covered() | set(registry.exemptions())) <= known

    def test_every_exemption_says_why(self):
        assert all(registry.exemptions().values())
