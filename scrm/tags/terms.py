"""What conditions can ask about people's tags and about a message and its conversation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from scrm.contacts.conditions import Facts, Leaf, Term, register_term
from scrm.contacts.family import by_root, rooted
from scrm.tags import rules
from scrm.tags.keywords import KeywordRule, Matcher
from scrm.tags.models import TagAssignment

_TAGS = "tags"
_EARNED = "tags of the message"


def _load_tags(facts: Sequence[Facts], leaves: Sequence[Leaf]) -> None:
    found: dict[int, set[str]] = {}
    people = by_root(fact.contact for fact in facts)
    rows = TagAssignment.objects.filter(contact_id__in=people, removed_at=None)
    for contact, slug in rows.values_list("contact_id", "tag__slug"):
        found.setdefault(people[contact], set()).add(slug)
    for fact in facts:
        fact.known[_TAGS] = found.get(fact.contact.pk, set())


def _tags(facts: Facts, leaf: Leaf) -> set[str]:
    if _TAGS not in facts.known:
        _load_tags([facts], [])
    known: set[str] = facts.known[_TAGS]
    return known


def _tag_q(leaf: Leaf, now: datetime) -> Q:
    has = Q(pk__in=TagAssignment.objects.filter(removed_at=None, tag__slug=leaf.value).values(person=rooted()))
    return has if leaf.op == "is" else ~has


def _text(facts: Facts) -> str:
    return facts.message.text if facts.message is not None else ""


def _message_tags(facts: Facts, leaf: Leaf) -> set[str]:
    """The tags that this message's words earn, whether or not the person had them before. Found once for all rules that ask."""
    if _EARNED not in facts.known:
        facts.known[_EARNED] = set(rules.current().tags_of(_text(facts)))
    earned: set[str] = facts.known[_EARNED]
    return earned


def _kind(facts: Facts, leaf: Leaf) -> str:
    return facts.message.kind if facts.message is not None else ""


def _found_in_text(facts: Facts, leaf: Leaf) -> str:
    hits = Matcher([KeywordRule(0, (leaf.value,))]).hits(_text(facts))
    return hits[0].matched if hits else ""


def _paused(facts: Facts, leaf: Leaf) -> bool:
    until = facts.conversation.automation_paused_until if facts.conversation is not None else None
    return until is not None and until > facts.now


register_term(Term("tag", _("has the tag"), "set", _tags, _load_tags, _tag_q))
register_term(Term("message.tag", _("the message speaks of"), "set", _message_tags))
register_term(Term("message.text", _("the message's text"), "found", _found_in_text))
register_term(Term("message.kind", _("the message's kind"), "text", _kind))
register_term(Term("conversation.automation_paused", _("automation is paused"), "yes_no", _paused))
