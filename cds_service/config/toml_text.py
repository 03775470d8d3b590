"""Parse TOML written by people: settings and the files of a site."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any

#: Deepest nesting accepted; no setting needs more.
MAX_DEPTH = 32
_WHOLE_NUMBERS = range(-(2**63), 2**63)


class NotToml(ValueError):
    """The text is not valid TOML; the message says where and why, in less than 200 characters."""


def parse_toml(text: str, parse_float: Callable[[str], Any] = float) -> Mapping[str, Any]:
    """Parse TOML, with or without the byte order mark that some editors write.

    Raises `NotToml`, also for nesting that is too deep and for integers beyond 64 bits.
    """
    try:
        content = tomllib.loads(text.removeprefix("\ufeff"), parse_float=parse_float)
    except tomllib.TOMLDecodeError as fault:
        raise NotToml(str(fault)[:160]) from None
    except RecursionError:
        raise NotToml(f"nested deeper than {MAX_DEPTH}") from None
    except ValueError:  # an integer with more digits than Python converts
        raise NotToml("a whole number beyond 64 bits") from None
    refuse_outsize(content)
    return content


def refuse_outsize(content: object) -> None:
    """Raise `NotToml` for nesting that is too deep and for integers beyond 64 bits."""
    level: list[Any] = [content]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(value, int) and value not in _WHOLE_NUMBERS for value in level):
            raise NotToml("a whole number beyond 64 bits")
        tables = [value.values() for value in level if isinstance(value, dict)]
        level = [inner for held in (*tables, *(each for each in level if isinstance(each, list))) for inner in held]
        if not level:
            return
    raise NotToml(f"nested deeper than {MAX_DEPTH}")
