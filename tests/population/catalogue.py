"""What may stand in a generated export, as values."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The catalogue; `result_weights` are summed up as `random.choices` takes them, for all patients and for RLS."""

    sites: Mapping[str, Mapping[str, Any]]
    results: tuple[Mapping[str, Any], ...]
    result_weights: tuple[list[float], list[float]]
    vitals: tuple[Mapping[str, Any], ...]
    vital_weights: list[float]
    diagnoses: tuple[Mapping[str, Any], ...]
    drugs: tuple[Mapping[str, Any], ...]
    faults: Mapping[str, float]
    others: Mapping[str, float]


@cache
def catalogue() -> Catalogue:
    """Return the catalogue as its file says."""
    found = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    results, vitals = tuple(found["results"]), tuple(found["vitals"])
    return Catalogue(
        sites=found["sites"],
        results=results,
        result_weights=(
            _summed(each["weight"] for each in results),
            _summed(each.get("in_rls", 0) for each in results),
        ),
        vitals=vitals,
        vital_weights=_summed(each["weight"] for each in vitals),
        diagnoses=tuple(found["diagnoses"]),
        drugs=tuple(found["drugs"]),
        faults=found["faults"],
        others=found["others"],
    )


def _summed(weights: Any) -> list[float]:
    total, found = 0.0, []
    for each in weights:
        total += each
        found.append(total)
    return found
