"""The actions a rule can do: one file each, and one line here."""

from __future__ import annotations

from scrm.automation.actions.add_tag import AddTag
from scrm.automation.actions.assign import Assign
from scrm.automation.actions.contract import Action
from scrm.automation.actions.give_coupon import GiveCoupon
from scrm.automation.actions.hand_to_person import HandToPerson
from scrm.automation.actions.order_status import AnswerOrderStatus
from scrm.automation.actions.reply import Reply

ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Reply(),
        AnswerOrderStatus(),
        GiveCoupon(),
        AddTag(),
        Assign(),
        HandToPerson(),
    )
}
