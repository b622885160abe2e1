"""What people set about matching, in words that they read: similarity in per cent, days, probabilities. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

DEFAULT_PHONETIC = ("phonetic", "kana", "furigana", "name_kana", "フリガナ", "ふりがな")


@dataclass(frozen=True, slots=True)
class Settings:
    """`name_similarity`: per cent of normalised Levenshtein similarity from which two names count as near. `sku_days`: how many days
    may lie between two purchases of one SKU. `review_from`, `merge_from`: probabilities in per cent from which a pair is shown to
    people, and from which it is proposed for merging. `id_fields`: further fields that identify a person, such as a member number."""

    name_similarity: int = 80
    sku_days: int = 90
    review_from: float = 50.0
    merge_from: float = 97.0
    id_fields: tuple[str, ...] = ()
    phonetic_fields: tuple[str, ...] = DEFAULT_PHONETIC

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Settings:
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items() if name in known
        }
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def problems(self) -> dict[str, str]:
        """What is wrong, by field: a code that `words` puts into words; empty when all is well."""
        found: dict[str, str] = {}
        if not 50 <= self.name_similarity <= 100:
            found["name_similarity"] = "between_50_and_100"
        if not 1 <= self.sku_days <= 3650:
            found["sku_days"] = "between_1_and_3650"
        if not 1 <= self.review_from < 100:
            found["review_from"] = "between_1_and_99"
        if not self.review_from <= self.merge_from <= 100:
            found["merge_from"] = "not_below_review"
        return found
