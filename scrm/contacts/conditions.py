"""The one language for who and when: segments, automation rules and campaign audiences share it.

A condition is JSON: {"all": [...]}, {"any": [...]}, {"not": {...}} or a leaf {"term": "tag", "op": "is", "value": "order-status"}.
The empty condition {} is always true. Each term says its type and its operators, reads its value from the facts about one
occasion and, where it can, builds a query for many contacts; a property test holds the two equal. This module imports no
Django; the apps that know a term register it in their `terms.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from django.db.models import Q

Tree: TypeAlias = Mapping[str, Any]
ValueType: TypeAlias = Literal["text", "number", "yes_no", "set", "found"]

MAX_DEPTH = 8
MAX_LEAVES = 60


class NotForSets(Exception):
    """The condition asks for something that only one occasion has, such as the text of a message."""


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


def check(tree: Any) -> list[str]:
    """What is wrong with a condition, in words; an empty list when it can be used."""
    errors = list(_check(tree, 1))
    if not errors and len(list(leaves_of(tree))) > MAX_LEAVES:
        errors.append(f"There are more than {MAX_LEAVES} conditions.")
    return errors


def _check(node: Any, depth: int) -> Iterator[str]:
    if not isinstance(node, Mapping):
        yield f'A condition is written in braces, such as {{"term": "tag", "op": "is", "value": "price"}}; found {_shown(node)}.'
    elif depth > MAX_DEPTH:
        yield f"Conditions are nested more than {MAX_DEPTH} deep."
    elif "term" in node:
        yield from _check_leaf(node)
    elif node or depth > 1:
        yield from _check_branch(node, depth)


def _check_branch(node: Tree, depth: int) -> Iterator[str]:
    keys = list(node)
    if len(keys) != 1 or keys[0] not in ("all", "any", "not"):
        yield f'Expected one of "all", "any", "not" or "term"; found {_shown(sorted(map(str, keys)))}.'
        return
    children = node[keys[0]]
    if keys[0] == "not":
        yield from _check(children, depth + 1)
    elif not isinstance(children, list) or not children:
        yield f'"{keys[0]}" needs a list of at least one condition.'
    else:
        for child in children:
            yield from _check(child, depth + 1)


def _check_leaf(node: Tree) -> Iterator[str]:
    term = _terms.get(node["term"]) if isinstance(node["term"], str) else None
    if term is None:
        yield f"There is no term {_shown(node['term'])}. Known terms: {', '.join(sorted(_terms))}."
        return
    if node.get("op") not in term.operators:
        yield f"{term.name}: the operator {_shown(node.get('op'))} is not one of {', '.join(term.operators)}."
    elif error := _wrong_value(term, str(node["op"]), node.get("value")):
        yield f"{term.name}: {error}"
    yield from _check_options(term, node)


def _check_options(term: Term, node: Tree) -> Iterator[str]:
    expected = {option.name: option for option in term.options}
    for name in sorted(set(map(str, node)) - {"term", "op", "value"} - set(expected)):
        yield f"{term.name}: there is no setting {name!r}."
    for option in term.options:
        value = node.get(option.name)
        if option.type == "number" and not (_is_number(value) and float(value or 0) > 0):
            yield f"{term.name}: {option.name} must be a number above 0."
        elif option.type == "text" and not (isinstance(value, str) and value):
            yield f"{term.name}: {option.name} must be given."


def _wrong_value(term: Term, op: str, value: Any) -> str:
    if term.type == "number":
        return "" if _is_number(value) else "the value must be a number."
    if term.type == "yes_no":
        return "" if isinstance(value, bool) else "the value must be true or false."
    words = value if op in ("in", "not_in") else [value]
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        return "the value must be a list of words." if op in ("in", "not_in") else "the value must be a word."
    if term.type in ("set", "found") and not all(words):
        return "the value must not be empty."
    unknown = [word for word in words if term.choices and word not in term.choices]
    return f"{_shown(unknown[0])} is not one of {', '.join(term.choices)}." if unknown else ""


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
        raise NotForSets(f"{term.name} is known for one message only and cannot choose contacts.")
    return term.to_q(leaf, now)
