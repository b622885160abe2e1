"""Answer with a code: it is the customer's, and beside the chat, as soon as the answer is out."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from scrm.automation.actions.contract import ActionOption, CannotAct, Occasion, Outcome, answer
from scrm.automation.actions.reply import TEXTS, text_for
from scrm.commerce.coupons import CODE
from scrm.contacts.family import family_of
from scrm.contacts.models import Identity

# Without what is taken for something else when it is read aloud or typed: 0 O, 1 I L.
LETTERS, LENGTH = "23456789ABCDEFGHJKMNPQRSTUVWXYZ", 8


class GiveCoupon:
    name = "give_coupon"
    label = _("Give a coupon")
    options = (
        ActionOption("code", _("code"), help=_("The same for everybody, or the beginning of each customer's own.")),
        ActionOption("own", _("every customer gets a code of their own"), "yes_no", required=False),
        ActionOption("worth", _("what it gives"), help=_("In few words, for agents.")),
        ActionOption("days", _("valid for so many days"), "number", required=False, help=_("Empty: without an end.")),
        ActionOption(
            "at_once",
            _("it answers what the customer asked"),
            "yes_no",
            required=False,
            help=_("Then it goes at once. Otherwise it is a promotion, which waits for its day; whoever declined promotions gets none."),
        ),
        *TEXTS,
    )

    def run(self, occasion: Occasion) -> Outcome:
        code = str(occasion.option("code")).strip()
        if occasion.option("own"):
            code += "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        if not code or len(code) > CODE:
            raise CannotAct(f"A code has 1 to {CODE} characters.")
        text, language = text_for(occasion)
        if "{code}" not in text:
            raise CannotAct("The text says nothing of the code: write {code} where it is to stand.")
        days = int(occasion.option("days") or 0)
        ends = (occasion.now + timedelta(days=days)).isoformat() if days > 0 else ""
        carried = {"code": code, "text": str(occasion.option("worth")), "expires_at": ends}
        told = {"language": language, "coupon": code}
        return answer(occasion, text.replace("{code}", code), category=_category(occasion), carried={"coupon": carried}, **told)


def _category(occasion: Occasion) -> str:
    """An answer only for those who take promotions: of whoever declined them the law for promotions is asked, which refuses."""
    if not occasion.option("at_once"):
        return "marketing"
    declined = Identity.objects.filter(contact__in=family_of(occasion.contact), valid_to=None).exclude(marketing_opted_out_at=None)
    return "marketing" if declined.exists() else "service"
