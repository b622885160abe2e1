"""How satisfied customers were, by agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Count, Model, Q, QuerySet, Sum
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from reports.agents import conversation_link, line_key, rows_of_line
from reports.base import TOTAL, Column, Figures, Filters, Report
from scrm.conversations.models import Survey
from scrm.conversations.visibility import visible_to
from scrm.staff.models import User

SATISFIED = 4

DEFINITION = _(
    "The answers from 1 to 5 to the survey that is sent after a conversation was closed: once a conversation, at most once in the set "
    "number of days a person, only when a free message may go. An answer counts on the day it was given, for the agent to whom the "
    "conversation was assigned when it was closed, else for whoever closed it. Who changed their answer within 24 hours counts once, with "
    "the last one. Satisfied are 4 and 5. Surveys without an answer are not counted."
)


class Satisfaction(Report):
    slug = "satisfaction"
    title: Any = _("Satisfaction")
    version = 1
    definition: Any = DEFINITION
    permission = "conversations.view_response"
    subject = _("Agent")
    columns = (
        Column("count", _("Answers"), "count"),
        Column("satisfied", _("Satisfied (4 or 5)"), "count"),
        Column("share", _("Share satisfied"), "share"),
        Column("poor", _("Poor (1 or 2)"), "count"),
        Column("mean", _("Mean of 5"), "text"),
    )
    row_columns = (
        Column("conversation", _("Conversation")),
        Column("contact", _("Customer")),
        Column("agent", _("Agent")),
        Column("answered_at", _("Answered"), "time"),
        Column("score", _("Score"), "count"),
        Column("comment", _("Comment")),
    )

    def _answers(self, filters: Filters) -> QuerySet[Survey]:
        rows = Survey.objects.all() if filters.viewer is None else visible_to(Survey.objects.all(), filters.viewer)
        rows = rows.filter(state=Survey.State.ANSWERED, answered_at__gte=filters.since, answered_at__lt=filters.until)
        if filters.connection is not None:
            rows = rows.filter(conversation__connection_id=filters.connection)
        if filters.team is not None:
            rows = rows.filter(team_id=filters.team)
        return rows

    def figures(self, filters: Filters) -> list[Figures]:
        sums = list(
            self._answers(filters)
            .order_by()
            .values("agent_id")
            .annotate(
                number=Count("pk"),
                total=Sum("score"),
                satisfied=Count("pk", filter=Q(score__gte=SATISFIED)),
                poor=Count("pk", filter=Q(score__lte=2)),
            )
        )
        if not sums:
            return []
        agents = User.objects.in_bulk([line["agent_id"] for line in sums if line["agent_id"]])
        lines = [_line(line_key(each["agent_id"]), _name(agents.get(each["agent_id"])), [each]) for each in sums]
        return [_line(TOTAL, _("All agents"), sums), *sorted(lines, key=lambda line: (line.values["share"], str(line.label)))]

    def rows(self, filters: Filters, key: str) -> QuerySet[Survey]:
        rows = self._answers(filters).select_related("agent", "conversation__identity__contact").order_by("-answered_at", "-pk")
        return rows_of_line(rows, key)

    def row_values(self, row: Model) -> dict[str, Any]:
        assert isinstance(row, Survey)
        return {
            "conversation": row.conversation_id,
            "contact": str(row.conversation.identity.contact),
            "agent": _name(row.agent),
            "answered_at": row.answered_at,
            "score": row.score,
            "comment": row.comment,
        }

    def row_link(self, row: Model) -> str:
        assert isinstance(row, Survey)
        return conversation_link(row.conversation_id)


def _name(agent: User | None) -> str:
    return str(agent) if agent else gettext("Nobody")


def _line(key: str, label: Any, sums: Sequence[Mapping[str, Any]]) -> Figures:
    number, total, satisfied, poor = (sum(each[name] for each in sums) for name in ("number", "total", "satisfied", "poor"))
    values = {"count": number, "satisfied": satisfied, "share": satisfied / number, "poor": poor, "mean": f"{total / number:.2f}"}
    return Figures(key, label, values, frozenset({"poor"} if poor else ()))
