"""Step aside for a person: automation pauses and the conversation waits in the queue; with a word to the customer before."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from scrm.automation.actions.contract import ActionOption, Occasion, Outcome, answer_now
from scrm.automation.language import language_for
from scrm.conversations.services import hand_to_person

_WORDS = {
    "en": "Thank you. A colleague will take over and answer you here as soon as possible.",
    "ja": "承知いたしました。担当者に引き継ぎ、こちらのチャットでできるだけ早くご返信いたします。",
    "zh-hant": "好的，已為您轉接專人，同事會盡快在這裡回覆您。",
    "zh-hk": "收到，已經幫你轉畀同事跟進，佢哋會盡快喺呢度覆你。",
    "zh-hans": "好的，已为您转接人工客服，同事会尽快在这里回复您。",
}


class HandToPerson:
    name = "hand_to_person"
    label = _("Hand to a person")
    options = (
        ActionOption("announce", _("tell the customer"), "yes_no", required=False, help=_("A short word in the customer's language.")),
    )

    def run(self, occasion: Occasion) -> Outcome:
        conversation = occasion.need_conversation()
        outcome = Outcome()
        if occasion.option("announce"):
            language = language_for(occasion.message, occasion.contact, conversation)
            outcome = answer_now(occasion, _WORDS[language], language=language)
        # After the word: the pause holds back everything that automation says from here on.
        hand_to_person(conversation, cause=occasion.cause)
        return Outcome(outcome.verdict, {**outcome.result, "handed": True})
