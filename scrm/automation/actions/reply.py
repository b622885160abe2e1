"""Answer with a text; in the customer's language when there is one for it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from scrm.automation.actions.contract import ActionOption, CannotAct, Occasion, Outcome, answer
from scrm.automation.language import language_for

# The options that `text_for` reads.
TEXTS = (
    ActionOption("text", _("text"), "long_text", help=_("For languages without a text of their own. {name}: the customer's name.")),
    ActionOption("text_ja", _("text in Japanese"), "long_text", required=False),
    ActionOption("text_zh_hant", _("text in traditional Chinese"), "long_text", required=False),
    ActionOption("text_zh_hans", _("text in simplified Chinese"), "long_text", required=False),
)


def text_for(occasion: Occasion) -> tuple[str, str]:
    """The rule's text in the customer's language, with their name, and that language. Raises `CannotAct` when there is none."""
    language = language_for(occasion.message, occasion.contact, occasion.conversation)
    written = {"ja": "text_ja", "zh-hant": "text_zh_hant", "zh-hk": "text_zh_hant", "zh-hans": "text_zh_hans"}.get(language, "text")
    text = str(occasion.option(written) or occasion.option("text")).replace("{name}", occasion.contact.name).strip()
    if not text:
        raise CannotAct("The rule has no text to send.")
    return text, language


class Reply:
    name = "reply"
    label = _("Reply with a text")
    options = TEXTS

    def run(self, occasion: Occasion) -> Outcome:
        text, language = text_for(occasion)
        return answer(occasion, text, language=language)
