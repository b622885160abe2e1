"""Put a tag on the customer."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from scrm.automation.actions.contract import ActionOption, CannotAct, Occasion, Outcome
from scrm.tags.models import Tag
from scrm.tags.services import add_tag


def _tags() -> Sequence[tuple[str, str]]:
    return list(Tag.objects.values_list("slug", "name"))


class AddTag:
    name = "add_tag"
    label = _("Add a tag")
    options = (ActionOption("tag", _("tag"), "choice", choices=_tags),)

    def run(self, occasion: Occasion) -> Outcome:
        tag = Tag.objects.filter(slug=occasion.option("tag")).first()
        if tag is None:
            raise CannotAct(f"There is no tag {occasion.option('tag')!r} any more.")
        row = add_tag(occasion.contact, tag, conversation=occasion.conversation, message=occasion.message)
        return Outcome(result={"tag": tag.slug, "assignment": row.pk})
