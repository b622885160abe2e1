"""What each figure of a person means, in words for the page and for whoever changes the figure. `tags.portrait` reads them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from scrm.tags.grades import MOST_ACTIVE_DAYS, Grade
from scrm.tags.mood import LEAST_SIGNS
from scrm.tags.portrait import CONVERSATIONS, SAMPLE

GRADES: dict[Grade, str | Promise] = {
    Grade.HIGH: _("High interest"),
    Grade.POTENTIAL: _("Potential"),
    Grade.LOST: _("Lost"),
    Grade.QUIET: _("Quiet"),
    Grade.NEW: _("Never wrote"),
}
TONES = {Grade.HIGH: "good", Grade.POTENTIAL: "calm", Grade.LOST: "bad", Grade.QUIET: "warn", Grade.NEW: ""}

_TEXTS: tuple[tuple[str | Promise, str | Promise], ...] = (
    (
        _("Grade"),
        _(
            "High interest: at least %(high_questions)s messages of the last %(high_days)s days name a product of the catalogue. "
            "Potential: wrote within %(potential_days)s days. Lost: nothing for %(lost_days)s days or more. Quiet: in between."
        ),
    ),
    (
        _("Activity"),
        _(
            "0 to 100. Half for how lately the customer wrote, halved with every 30 days of silence; half for on how many days of the last "
            "90 they wrote, with %(most_days)s days or more as the most."
        ),
    ),
    (
        _("Satisfaction"),
        _(
            "0 to 100 %%, read from emoji, reactions and words in Japanese, Chinese and English in the latest %(sample)s messages of the "
            "customer. Each message counts once, one that is 60 days older half as much. Not shown for fewer than %(least)s such messages."
        ),
    ),
    (_("Favourite emoji"), _("The most used in the same messages, without skin tones.")),
    (
        _("Lifetime value"),
        _("The sum of all orders that were not cancelled, by currency; nothing is converted, refunds are as the shop told us."),
    ),
    (
        _("Messages"),
        _(
            "From the customer: all that they wrote. To the customer: all that was sent or is about to be, also what failed. Reactions, "
            "corrections, notes and what a rule blocked are not counted."
        ),
    ),
    (_("Conversations"), _("All, and those in which the customer wrote within %(potential_days)s days.")),
    (_("First and last contact"), _("When the first conversation began, and when the customer last wrote.")),
)


def definitions() -> list[tuple[str, str]]:
    """(figure, what it means), with the thresholds in force."""
    values: dict[str, Any] = {
        **settings.GRADES,
        "sample": SAMPLE,
        "conversations": CONVERSATIONS,
        "least": LEAST_SIGNS,
        "most_days": MOST_ACTIVE_DAYS,
    }
    return [(str(name), str(text) % values) for name, text in _TEXTS]
