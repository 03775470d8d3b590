"""Every pattern of the packages, and the texts that would make each slow.

Patterns are found in the globals of the modules, in what these hold, in what their cached functions without arguments
return, in calls such as `re.fullmatch("...", text)`, and in the JSON Schemas. The texts are made from the pattern
itself: what leads to a repetition, and then the repeated part many times over.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.resources import files
from itertools import islice, product
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any, NamedTuple

PACKAGES = ("cards", "cds_service")
_METHODS = ("search", "match", "fullmatch", "sub", "split", "finditer", "findall")
#: A repetition of more than this is one that a text can make long.
_MANY = 64
_MOST_SAMPLES, _MOST_TEXTS = 3, 160


class Found(NamedTuple):
    """One pattern, and the methods by which the packages use it (search and fullmatch where that cannot be told)."""

    name: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


# ------------------------------------------------------------------ the patterns


@cache
def modules() -> tuple[ModuleType, ...]:
    names = list(PACKAGES)
    for package in map(importlib.import_module, PACKAGES):
        names += [each.name for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return tuple(importlib.import_module(name) for name in names if ".migrations" not in name)


@cache
def all_patterns() -> tuple[Found, ...]:
    """Return every pattern once, by name."""
    sources = {module.__name__: inspect.getsource(module) for module in modules()}
    uses = _uses("\n".join(sources.values()))
    found: dict[tuple[Any, int], Found] = {}
    for module in modules():
        for name, value in vars(module).items():
            if getattr(value, "__module__", module.__name__).split(".")[0] in (*PACKAGES, "builtins", "re"):
                methods = uses.get(name, frozenset({"search", "fullmatch"}))
                for place, pattern in _inside(value, f"{module.__name__}.{name}", set()):
                    found.setdefault((pattern.pattern, pattern.flags), Found(place, pattern, methods))
        for place, pattern, method in _written_in_calls(module.__name__, sources[module.__name__]):
            found.setdefault((pattern.pattern, pattern.flags), Found(place, pattern, frozenset({method})))
    for place, pattern in _in_schemas():
        found.setdefault((pattern.pattern, pattern.flags), Found(place, pattern, frozenset({"search"})))
    return tuple(found.values())


def _uses(source: str) -> Mapping[str, frozenset[str]]:
    """Return the methods of patterns that are called on each name of the source."""
    found: dict[str, set[str]] = {}
    for name, method in re.findall(rf"(\w+)(?:\.pattern|\(\))?\.({'|'.join(_METHODS)})\b", source):
        found.setdefault(name, set()).add(method)
    return {name: frozenset(methods) for name, methods in found.items()}


def _inside(value: Any, place: str, seen: set[int]) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield the patterns that a value holds, be it in a table, in a dataclass, or in what a cached function returns."""
    if isinstance(value, re.Pattern):
        yield place, value
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if _is_cached_without_arguments(value):
        value = value()
        if isinstance(value, re.Pattern):
            yield place, value
            return
    if isinstance(value, Mapping):
        held: Iterable[Any] = value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        held = value
    elif is_dataclass(value) and not isinstance(value, type):
        held = [getattr(value, each.name, None) for each in fields(value)]
    else:
        return
    for number, each in enumerate(held):
        if not isinstance(each, str | bytes | int):
            yield from _inside(each, f"{place}[{number}]", seen)


def _is_cached_without_arguments(value: Any) -> bool:
    return hasattr(value, "cache_info") and not inspect.signature(value).parameters


def _written_in_calls(module: str, source: str) -> Iterator[tuple[str, re.Pattern[Any], str]]:
    """Yield the patterns of `re.search("...", text)`; what an f-string puts in is taken as a letter."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in _METHODS
        ):
            written = _text_of(node.args[0])
            if written is not None:
                yield f"{module}:{node.lineno}", re.compile(written), node.func.attr


def _text_of(node: ast.expr) -> str | bytes | None:
    if isinstance(node, ast.Constant):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.JoinedStr):
        return "".join(each.value if isinstance(each, ast.Constant) else "x" for each in node.values)  # type: ignore[misc]
    return None


def _in_schemas() -> Iterator[tuple[str, re.Pattern[str]]]:
    for path in sorted((files("cds_service") / "schemas").iterdir(), key=lambda each: each.name):
        for pattern in _patterns_of_schema(json.loads(path.read_text())):
            yield f"{path.name}: {pattern}", re.compile(pattern)


def _patterns_of_schema(value: Any) -> Iterator[str]:
    for name, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if name == "pattern" and isinstance(each, str):
            yield each
        yield from _patterns_of_schema(each)


# ------------------------------------------------------------------ the texts

_PUMPS = (" ", "1", "a", "\n", "0.", ",", ".", "-", "(", "[", "{", "/", "1 ", "a ", "1.", "1,", "1-", "1/", "no ",
          "é", "_", "<", "<5 ", " x", "1 mg ", "take 1 ", "of ", "and ", "a.", "%", "://", "iron ", "A")  # fmt: skip


def texts(pattern: re.Pattern[Any]) -> list[Callable[[int], Any]]:
    """Return makers of texts of a given length that the pattern may take long for."""
    made: dict[tuple[str, str, str], None] = dict.fromkeys(("", pump, end) for pump in _PUMPS for end in ("\x00",))
    written = pattern.pattern
    tree = parser.parse(written, pattern.flags & ~re.UNICODE if isinstance(written, bytes) else pattern.flags)
    for before, pump in islice(_repeated(list(tree), ""), _MOST_TEXTS):
        made |= dict.fromkeys([(before, pump, "\x00"), ("", pump, "\x00"), ("", before + pump, "\x00")])
        made |= dict.fromkeys([("", before or pump, pump), (before, pump, "")])
    return [_maker(*parts, as_bytes=isinstance(written, bytes)) for parts in made if parts[1]]


def _maker(before: str, pump: str, end: str, *, as_bytes: bool) -> Callable[[int], Any]:
    def make(length: int) -> Any:
        made = before + pump * max(1, length // len(pump)) + end
        return made.encode("latin-1", "replace") if as_bytes else made

    return make


def _repeated(nodes: list[Any], before: str) -> Iterator[tuple[str, str]]:
    """Yield every repetition of a pattern: an example of what leads to it, and one of what is repeated."""
    for place, (kind, content) in enumerate(nodes):
        lead = before + next(iter(_samples(nodes[:place])), "")
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            _, most, inner = content
            if most > _MANY:
                yield from ((lead, each) for each in _samples(list(inner)) if each)
            yield from _repeated(list(inner), lead)
        elif kind is sre.SUBPATTERN:
            yield from _repeated(list(content[3]), lead)
        elif kind is sre.ATOMIC_GROUP:
            yield from _repeated(list(content), lead)
        elif kind is sre.BRANCH:
            for branch in content[1]:
                yield from _repeated(list(branch), lead)
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            yield from _repeated(list(content[1]), lead)


def _samples(nodes: list[Any]) -> list[str]:
    """Return a few texts that the nodes match, as far as that can be told without their conditions."""
    parts = [_samples_of(kind, content) for kind, content in nodes]
    return ["".join(each) for each in islice(product(*parts), _MOST_SAMPLES)]


def _samples_of(kind: Any, content: Any) -> list[str]:
    if kind is sre.LITERAL:
        return [chr(content)]
    if kind is sre.NOT_LITERAL:
        return [next(each for each in "a 1" if ord(each) != content)]
    if kind is sre.ANY:
        return ["a", " "]
    if kind is sre.IN:
        return _members(content)
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least, most, inner = content
        return [each * max(least, 1 if most else 0) for each in _samples(list(inner))] or [""]
    if kind is sre.SUBPATTERN:
        return _samples(list(content[3])) or [""]
    if kind is sre.ATOMIC_GROUP:
        return _samples(list(content)) or [""]
    if kind is sre.BRANCH:
        return [sample for branch in content[1][:_MOST_SAMPLES] for sample in _samples(list(branch))[:1]] or [""]
    return [""]


_CATEGORIES = {sre.CATEGORY_DIGIT: "1", sre.CATEGORY_SPACE: " ", sre.CATEGORY_WORD: "a1",
               sre.CATEGORY_NOT_DIGIT: "a ", sre.CATEGORY_NOT_SPACE: "a1", sre.CATEGORY_NOT_WORD: " -"}  # fmt: skip


def _members(content: list[Any]) -> list[str]:
    """Return some signs of a set: one of each of its parts, the odd ones too."""
    signs = ""
    is_negated = content[0][0] is sre.NEGATE
    for kind, value in content:
        if kind is sre.LITERAL:
            signs += chr(value)
        elif kind is sre.RANGE:
            signs += chr(value[0]) + chr(min(value[0] + 1, value[1]))
        elif kind is sre.CATEGORY:
            signs += _CATEGORIES.get(value, "")
    if is_negated:
        return [each for each in "a 1([{-\n" if each not in signs][:_MOST_SAMPLES]
    return list(dict.fromkeys(signs))[: _MOST_SAMPLES + 1]
