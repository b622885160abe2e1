"""The cards of a carousel in the template form: what is posted or stored of them, as rows to draw and as parts to judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scrm.conversations.template_layout_rules import CARD_BUTTON_KINDS, CARD_BUTTONS, CARDS, PRODUCT_CARD_BUTTON_KINDS
from scrm.conversations.template_parts import CARD_FORMATS, Button, Parts

CARD_ROWS, BUTTON_ROWS = range(CARDS[-1]), range(CARD_BUTTONS)
KINDS = CARD_BUTTON_KINDS | PRODUCT_CARD_BUTTON_KINDS
Posted = Mapping[str, Any]
LONGEST = 2000


@dataclass(frozen=True)
class CardButton:
    text: str = ""
    value: str = ""
    example: str = ""


@dataclass(frozen=True)
class CardRow:
    """One card's fields. `kept` is the index that the card had when it was stored (its example file lies there), "" for a new one."""

    body: str = ""
    kept: str = ""
    buttons: tuple[CardButton, ...] = (CardButton(),) * CARD_BUTTONS
    has_file: bool = False

    @property
    def is_filled(self) -> bool:
        return bool(self.body or self.kept or self.has_file or any(button != CardButton() for button in self.buttons))


@dataclass(frozen=True)
class Cards:
    """All rows with what they have in common: the kind of their headers and buttons.

    `rows` ends with the last one that is filled; of products, whose cards hold nothing, with the last that is asked for.
    """

    header_format: str = "IMAGE"
    kinds: tuple[str, ...] = ("",) * CARD_BUTTONS
    rows: tuple[CardRow, ...] = ()
    examples: Mapping[str, str] = field(default_factory=dict)

    def padded(self) -> list[CardRow]:
        """The rows of the form."""
        return [*self.rows, *(CardRow() for _row in CARD_ROWS[len(self.rows) :])]

    def parts(self, stored: tuple[Parts, ...]) -> tuple[Parts, ...]:
        """`stored`: the cards as the platform knows them; their headers' handles are kept where no new file is given."""
        return tuple(self._card(index, row, stored) for index, row in enumerate(self.rows))

    def _card(self, index: int, row: CardRow, stored: tuple[Parts, ...]) -> Parts:
        before = stored[int(row.kept)] if row.kept and int(row.kept) < len(stored) else Parts()
        prefix = f"card_{index}_"
        buttons = zip(self.kinds, row.buttons, strict=True)
        return Parts(
            header_format=self.header_format,
            header_handle=before.header_handle if before.header_format == self.header_format and not row.has_file else "",
            body=row.body,
            buttons=tuple(Button(kind, button.text, button.value, button.example) for kind, button in buttons if kind),
            examples={key.removeprefix(prefix): value for key, value in self.examples.items() if key.startswith(prefix)},
        )


def posted_cards(data: Posted, files: Mapping[str, Any]) -> Cards:
    """As the form was posted. The kinds of the buttons are chosen once for all cards."""
    rows = [_posted_row(data, files, index) for index in CARD_ROWS]
    form = _said(data, "cards_format")
    if form == "PRODUCT":
        rows = [replace(row, body="", has_file=False) for row in rows[: _count(data)]]
    while form != "PRODUCT" and rows and not rows[-1].is_filled:
        rows.pop()
    kinds = tuple(_said(data, f"card_button_{n}_kind") for n in BUTTON_ROWS)
    return Cards(
        header_format=form if form in CARD_FORMATS else "IMAGE",
        kinds=tuple(kind if kind in KINDS else "" for kind in kinds),
        rows=tuple(rows),
        examples=dict(_examples(data)),
    )


def _count(data: Posted) -> int:
    """How many product cards are asked for, within what a carousel holds."""
    said = _said(data, "cards_count")
    return min(max(int(said), CARDS[0]), CARDS[-1]) if said.isdecimal() and len(said) < 3 else CARDS[0]


def _posted_row(data: Posted, files: Mapping[str, Any], index: int) -> CardRow:
    kept = _said(data, f"card_{index}_kept")
    buttons = (CardButton(*(_said(data, f"card_{index}_button_{n}_{part}") for part in ("text", "value", "example"))) for n in BUTTON_ROWS)
    return CardRow(
        body=_said(data, f"card_{index}_body").replace("\r\n", "\n"),
        kept=kept if kept.isdecimal() and len(kept) < 3 else "",
        buttons=tuple(buttons),
        has_file=bool(files.get(f"card_{index}_file")),
    )


def _examples(data: Posted) -> Iterator[tuple[str, str]]:
    for name in data:
        if str(name).startswith("example_card_"):
            yield str(name).removeprefix("example_"), _said(data, str(name))


def _said(data: Posted, name: str) -> str:
    return str(data.get(name, "")).replace("\x00", "").strip()[:LONGEST]


def stored_cards(parts: Parts) -> Cards:
    """As they are stored. Cards that differ in their buttons' kinds are shown with those of the first."""
    if not parts.cards:
        return Cards()
    first = parts.cards[0]
    kinds = [button.kind for button in first.buttons[:CARD_BUTTONS]]
    return Cards(
        header_format=first.header_format,
        kinds=(*kinds, *[""] * (CARD_BUTTONS - len(kinds))),
        rows=tuple(_stored_row(index, card) for index, card in enumerate(parts.cards[: len(CARD_ROWS)])),
    )


def _stored_row(index: int, card: Parts) -> CardRow:
    buttons = [CardButton(button.text, button.value, button.example) for button in card.buttons[:CARD_BUTTONS]]
    return CardRow(card.body, str(index), (*buttons, *[CardButton()] * (CARD_BUTTONS - len(buttons))))
