"""Give the conversation to a person or a team; who already has it keeps it unless the rule says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from scrm.automation.actions.contract import ActionOption, CannotAct, Occasion, Outcome
from scrm.contacts import events
from scrm.contacts.models import Event
from scrm.conversations.models import Conversation
from scrm.conversations.services import locked, touch
from scrm.staff.models import Team, User


def _people() -> Sequence[tuple[str, str]]:
    return [(user.username, str(user)) for user in User.objects.filter(is_active=True, is_staff=True).order_by("username")]


def _teams() -> Sequence[tuple[str, str]]:
    return [(team.name, team.name) for team in Team.objects.all()]


class Assign:
    name = "assign"
    label = _("Assign the conversation")
    options = (
        ActionOption("user", _("person"), "choice", required=False, choices=_people),
        ActionOption("team", _("team"), "choice", required=False, choices=_teams),
        ActionOption("take_over", _("also when somebody has it"), "yes_no", required=False),
    )

    def run(self, occasion: Occasion) -> Outcome:
        conversation = locked(occasion.need_conversation())
        changes = self._changes(occasion, conversation)
        if not changes:
            return Outcome(result={"assigned": False, "assignee": conversation.assignee_id, "team": conversation.team_id})
        touch([conversation.pk], **changes)
        shown = {key: str(value) for key, value in changes.items()}
        details = {"conversation": conversation.pk, **shown}
        events.record(
            [
                Event(
                    contact=occasion.contact,
                    identity=conversation.identity,
                    kind="conversation.assigned",
                    occurred_at=occasion.now,
                    data=details,
                    cause=occasion.cause,
                )
            ]
        )
        return Outcome(result={"assigned": True, **shown})

    def _changes(self, occasion: Occasion, conversation: Conversation) -> dict[str, Any]:
        username, team_name = occasion.option("user"), occasion.option("team")
        user = User.objects.filter(username=username, is_active=True).first() if username else None
        team = Team.objects.filter(name=team_name).first() if team_name else None
        if user is None and team is None:
            raise CannotAct("The rule names no person and no team that is still there.")
        wanted = {"assignee": user, "team": team}
        present = {"assignee": conversation.assignee_id, "team": conversation.team_id}
        free = {key: value for key, value in wanted.items() if value is not None and (present[key] is None or occasion.option("take_over"))}
        return {key: value for key, value in free.items() if value is not None and value.pk != present[key]}
