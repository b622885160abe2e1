"""The one language for who and when: segments, automation rules and campaign audiences share it.

A condition is JSON: {"all": [...]}, {"any": [...]}, {"not": {...}} or a leaf {"term": "tag", "op": "is", "value": "order-status"}.
The empty condition {} is always true. Each term says its type and its operators, reads its value from the facts about one
occasion and, where it can, builds a query for many contacts; a property test holds the two equal. This module imports nothing of
Django but the mark of what is to be translated; the apps that know a term register it in their `terms.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from django.utils.translation import gettext_noop as _

if TYPE_CHECKING:
    from django.db.models import Q

Tree: TypeAlias = Mapping[str, Any]
ValueType: TypeAlias = Literal["text", "number", "yes_no", "set", "found"]

MAX_DEPTH = 8
MAX_LEAVES = 60
EXAMPLE = '{"term": "tag", "op": "is", "value": "price"}'


class Fault(str):
    """What is wrong with a condition, as an English sentence; `text` and `values` make the same in other languages, see `worded`."""

    text: str
    values: Mapping[str, Any]

    def __new__(cls, text: str, **values: Any) -> Fault:
        made = super().__new__(cls, text % values)
        made.text, made.values = text, values
        return made


class NotForSets(Exception):
    """The condition asks for something that only one occasion has, such as the text of a message. Holds a `Fault`."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """`options` are the leaf's further keys, for example kind and within_hours of a count."""

    term: str
    op: str
    value: Any
    options: tuple[tuple[str, Any], ...] = ()

    def option(self, name: str) -> Any:
        return dict(self.options).get(name)


@dataclass(slots=True)
class Facts:
    """What is known about one occasion. `known` keeps what terms have loaded, so that a batch is loaded with few queries."""

    contact: Any
    now: datetime
    conversation: Any = None
    message: Any = None
    event: Any = None
    known: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    type: Literal["text", "number"]


@dataclass(frozen=True)
class Term:
    """`read` gives the actual value of a leaf in the facts; `load` fills `Facts.known` for many facts at once before that;
    `to_q` gives a query over contacts with the same meaning at `now`, and is absent for terms of one occasion."""

    name: str
    label: Any
    type: ValueType
    read: Callable[[Facts, Leaf], Any]
    load: Callable[[Sequence[Facts], Sequence[Leaf]], None] | None = None
    to_q: Callable[[Leaf, datetime], Q] | None = None
    options: tuple[Option, ...] = ()
    choices: tuple[str, ...] = ()

    @property
    def operators(self) -> tuple[str, ...]:
        return tuple(OPERATORS[self.type])


@dataclass(frozen=True, slots=True)
class LeafTruth:
    term: str
    op: str
    wanted: Any
    actual: Any
    truth: bool

    def as_json(self) -> dict[str, Any]:
        return {"term": self.term, "op": self.op, "wanted": self.wanted, "actual": self.actual, "truth": self.truth}


@dataclass(frozen=True, slots=True)
class Explained:
    """Whether the condition holds, and the truth of every leaf, also of those that did not decide."""

    truth: bool
    leaves: tuple[LeafTruth, ...]


Compare: TypeAlias = Callable[[Any, Any], bool]

OPERATORS: dict[ValueType, dict[str, Compare]] = {
    "text": {"is": lambda a, w: a == w, "is_not": lambda a, w: a != w, "in": lambda a, w: a in w, "not_in": lambda a, w: a not in w},
    "number": {
        "==": lambda a, w: a == w,
        "!=": lambda a, w: a != w,
        ">=": lambda a, w: a >= w,
        "<=": lambda a, w: a <= w,
        ">": lambda a, w: a > w,
        "<": lambda a, w: a < w,
    },
    "yes_no": {"is": lambda a, w: a is w},
    "set": {"is": lambda a, w: w in a, "is_not": lambda a, w: w not in a},
    # The reader looks for the wanted words and gives what it found, or ''.
    "found": {"contains": lambda a, _: bool(a), "contains_not": lambda a, _: not a},
}

_terms: dict[str, Term] = {}


def register_term(term: Term) -> Term:
    """Make a term known. Registering a name again replaces it, so that reloading a module is harmless."""
    _terms[term.name] = term
    return term


def terms() -> dict[str, Term]:
    return dict(_terms)


def leaf_of(node: Tree) -> Leaf:
    options = tuple(sorted((key, value) for key, value in node.items() if key not in ("term", "op", "value")))
    return Leaf(str(node["term"]), str(node["op"]), node["value"], options)


def leaves_of(tree: Tree) -> Iterator[Leaf]:
    """The leaves in the order they are written."""
    if "term" in tree:
        yield leaf_of(tree)
    for child in (*tree.get("all", ()), *tree.get("any", ()), *([tree["not"]] if "not" in tree else [])):
        yield from leaves_of(child)


def check(tree: Any) -> list[Fault]:
    """What is wrong with a condition; an empty list when it can be used."""
    errors = list(_check(tree, 1))
    if not errors and len(list(leaves_of(tree))) > MAX_LEAVES:
        errors.append(Fault(_("There are more than %(most)s conditions."), most=MAX_LEAVES))
    return errors


def _check(node: Any, depth: int) -> Iterator[Fault]:
    if not isinstance(node, Mapping):
        yield Fault(_("A condition is written in braces, such as %(example)s; found %(found)s."), example=EXAMPLE, found=_shown(node))
    elif depth > MAX_DEPTH:
        yield Fault(_("Conditions are nested more than %(most)s deep."), most=MAX_DEPTH)
    elif "term" in node:
        yield from _check_leaf(node)
    elif node or depth > 1:
        yield from _check_branch(node, depth)


def _check_branch(node: Tree, depth: int) -> Iterator[Fault]:
    keys = list(node)
    if len(keys) != 1 or keys[0] not in ("all", "any", "not"):
        yield Fault(_('Expected one of "all", "any", "not" or "term"; found %(found)s.'), found=_shown(sorted(map(str, keys))))
        return
    children = node[keys[0]]
    if keys[0] == "not":
        yield from _check(children, depth + 1)
    elif not isinstance(children, list) or not children:
        yield Fault(_('"%(key)s" needs a list of at least one condition.'), key=keys[0])
    else:
        for child in children:
            yield from _check(child, depth + 1)


def _check_leaf(node: Tree) -> Iterator[Fault]:
    term = _terms.get(node["term"]) if isinstance(node["term"], str) else None
    if term is None:
        known = ", ".join(sorted(_terms))
        yield Fault(_("There is no term %(term)s. Known terms: %(known)s."), term=_shown(node["term"]), known=known)
        return
    if node.get("op") not in term.operators:
        text = _("%(term)s: the operator %(op)s is not one of %(known)s.")
        yield Fault(text, term=term.name, op=_shown(node.get("op")), known=", ".join(term.operators))
    else:
        yield from _check_value(term, str(node["op"]), node.get("value"))
    yield from _check_options(term, node)


def _check_options(term: Term, node: Tree) -> Iterator[Fault]:
    expected = {option.name: option for option in term.options}
    for name in sorted(set(map(str, node)) - {"term", "op", "value"} - set(expected)):
        yield Fault(_("%(term)s: there is no setting %(name)s."), term=term.name, name=repr(name))
    for option in term.options:
        value = node.get(option.name)
        if option.type == "number" and not (_is_number(value) and float(value or 0) > 0):
            yield Fault(_("%(term)s: %(name)s must be a number above 0."), term=term.name, name=option.name)
        elif option.type == "text" and not (isinstance(value, str) and value):
            yield Fault(_("%(term)s: %(name)s must be given."), term=term.name, name=option.name)


def _check_value(term: Term, op: str, value: Any) -> Iterator[Fault]:
    several = op in ("in", "not_in")
    given = value if several else [value]
    if term.type == "number":
        if not _is_number(value):
            yield Fault(_("%(term)s: the value must be a number."), term=term.name)
    elif term.type == "yes_no":
        if not isinstance(value, bool):
            yield Fault(_("%(term)s: the value must be true or false."), term=term.name)
    elif not isinstance(given, list) or not given or not all(isinstance(word, str) for word in given):
        text = _("%(term)s: the value must be a list of words.") if several else _("%(term)s: the value must be a word.")
        yield Fault(text, term=term.name)
    elif term.type in ("set", "found") and not all(given):
        yield Fault(_("%(term)s: the value must not be empty."), term=term.name)
    elif unknown := [word for word in given if term.choices and word not in term.choices]:
        known = ", ".join(term.choices)
        yield Fault(_("%(term)s: %(value)s is not one of %(known)s."), term=term.name, value=_shown(unknown[0]), known=known)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return repr(value)[:80]


def load(trees: Iterable[Tree], facts: Sequence[Facts]) -> None:
    """Load what `trees` will ask about all `facts`, with a few queries a term however many facts there are."""
    wanted: dict[str, dict[str, Leaf]] = {}
    for tree in trees:
        for leaf in leaves_of(tree):
            wanted.setdefault(leaf.term, {})[repr(leaf)] = leaf
    for name, leaves in wanted.items():
        loader = _terms[name].load if name in _terms else None
        if loader and facts:
            loader(facts, list(leaves.values()))


def evaluate(tree: Tree, facts: Facts) -> Explained:
    """The truth of `tree` for one occasion, with each leaf's actual value. Loads what `load` has not."""
    found: list[LeafTruth] = []
    truth = _evaluate(tree, facts, found)
    return Explained(truth, tuple(found))


def _evaluate(tree: Tree, facts: Facts, found: list[LeafTruth]) -> bool:
    if "term" in tree:
        found.append(_leaf_truth(leaf_of(tree), facts))
        return found[-1].truth
    if "not" in tree:
        return not _evaluate(tree["not"], facts, found)
    if "any" in tree:
        # Lists, not generators: every leaf is evaluated, so that the record is complete.
        truths = [_evaluate(child, facts, found) for child in tree["any"]]
        return any(truths)
    truths = [_evaluate(child, facts, found) for child in tree.get("all", ())]
    return all(truths)


def _leaf_truth(leaf: Leaf, facts: Facts) -> LeafTruth:
    term = _terms[leaf.term]
    actual = term.read(facts, leaf)
    shown = sorted(actual) if isinstance(actual, set | frozenset) else actual
    wanted = leaf.value if not leaf.options else {"value": leaf.value, **dict(leaf.options)}
    return LeafTruth(leaf.term, leaf.op, wanted, shown, bool(OPERATORS[term.type][leaf.op](actual, leaf.value)))


def to_q(tree: Tree, now: datetime) -> Q:
    """The contacts for whom `tree` holds at `now`. Raises `NotForSets` when a term has no meaning for many contacts."""
    from django.db.models import Q

    if "term" in tree:
        return _leaf_q(leaf_of(tree), now)
    if "not" in tree:
        return ~to_q(tree["not"], now)
    everybody = Q(pk__isnull=False)
    if "any" in tree:
        return _joined([to_q(child, now) for child in tree["any"]], Q.OR, ~everybody)
    return _joined([to_q(child, now) for child in tree.get("all", ())], Q.AND, everybody)


def _joined(parts: Sequence[Q], connector: str, empty: Q) -> Q:
    result = parts[0] if parts else empty
    for part in parts[1:]:
        result = result._combine(part, connector)  # type: ignore[attr-defined]
    return result


def _leaf_q(leaf: Leaf, now: datetime) -> Q:
    term = _terms[leaf.term]
    if term.to_q is None:
        raise NotForSets(Fault(_("%(term)s is known for one message only and cannot choose contacts."), term=term.name))
    return term.to_q(leaf, now)
