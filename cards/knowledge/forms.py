"""What may stand in a knowledge file: one description that is checked, that words the faults and that reads the values.

A `Form` holds a JSON Schema whose `description` says what is allowed and whose `x-next-step` says what to do, and the
function that turns what stands in the file into a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from decimal import Decimal
from typing import Any

from cards.values import frozen

Schema = dict[str, Any]


def _as_it_stands(found: Any) -> Any:
    return found


@frozen
class Form:
    """One place of a file. `is_required` and `holds_facts` (in braces) are about a member of a table."""

    schema: Schema
    read: Callable[[Any], Any] = _as_it_stands
    is_required: bool = True
    holds_facts: bool = False
    item: Form | None = None  # of a list, or of a table that holds the same under every name


@frozen
class Table(Form):
    """A table of known members."""

    members: Mapping[str, Form] = field(default_factory=dict)

    def values(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the members that stand in the file, as values. What is in another form must have been refused."""
        return {key: self.members[key].read(found) for key, found in content.items()}


def optional(form: Form) -> Form:
    """Return the same form for a member that may be left out."""
    return replace(form, is_required=False)


def with_facts(form: Form) -> Form:
    """Return the same form for a text whose braces are filled with facts and limits."""
    return replace(form, holds_facts=True)


def words(most: int, says: str) -> Form:
    """Return the form of a text of at most so many characters that a card prints."""
    described = f"{says}, without < and > (they open a tag in Markdown)"
    return _text(most, described, "write it in plain words", "^[^<>]*$")


def name(most: int, says: str, step: str, pattern: str = "") -> Form:
    """Return the form of a name, or of a text that is compared."""
    return _text(most, says, step, pattern)


def _text(most: int, says: str, step: str, pattern: str) -> Form:
    schema = {"type": "string", "minLength": 1, "maxLength": most, **({"pattern": pattern} if pattern else {})}
    return Form(_said(schema, says, step))


def number() -> Form:
    """Return the form of a number, which stands in quotes so that no digit of it is lost."""
    said = _text(20, "a number in quotes, with a point", "write the number in quotes", r"^-?[0-9]+(\.[0-9]+)?$")
    return replace(said, read=Decimal)


def day() -> Form:
    """Return the form of a day, which TOML reads without quotes."""
    schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
    return Form(_said(schema, "a day, YYYY-MM-DD without quotes", "write it as 2026-06-15, without quotes"))


def one_of(choices: Iterable[str], says: str, step: str) -> Form:
    """Return the form of a choice."""
    return Form(_said({"enum": list(choices)}, says, step))


def listed(
    item: Form, says: str, step: str, *, least: int = 0, most: int = 0, unique: bool = True, read: Any = tuple
) -> Form:
    """Return the form of a list; `read` makes a value of the values of its items."""
    schema: Schema = {"type": "array", "items": item.schema}
    schema |= {"minItems": least} if least else {}
    schema |= {"maxItems": most} if most else {}
    schema |= {"uniqueItems": True} if unique else {}
    return Form(_said(schema, says, step), lambda found: read(item.read(each) for each in found), item=item)


def by_name(
    item: Form, says: str, step: str, *, names: Schema | None = None, least: int = 0, required: tuple[str, ...] = ()
) -> Form:
    """Return the form of a table that holds the same under every name; `names` says what a name may be."""
    schema: Schema = {"type": "object", "additionalProperties": item.schema}
    schema |= {"propertyNames": names} if names else {}
    schema |= {"minProperties": least} if least else {}
    schema |= {"required": list(required)} if required else {}
    return Form(_said(schema, says, step), lambda found: {key: item.read(found[key]) for key in found}, item=item)


def called(pattern: str, says: str) -> Schema:
    """Return what a name of a table may be."""
    return _said({"pattern": pattern}, says, "rename it")


def table(step: str, says: str = "", /, **members: Form) -> Table:
    """Return the form of a table of these members; without other words it says which of them it must have."""
    required = [member for member, form in members.items() if form.is_required]
    schema: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {member: form.schema for member, form in members.items()},
    }
    schema |= {"required": required} if required else {}
    described = says or f"a table with {', '.join(required[:-1])} and {required[-1]}"
    found = Table(_said(schema, described, step), members=members)
    return replace(found, read=found.values)


def texts_with_facts(form: Form, content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Return every text of a content whose braces are filled, with its place."""
    if form.holds_facts:
        yield path, content
    elif isinstance(content, Mapping):
        for key, inner in content.items():
            found = form.members[key] if isinstance(form, Table) else form.item
            if found:
                yield from texts_with_facts(found, inner, (*path, key))


def _said(schema: Schema, says: str, step: str) -> Schema:
    return {**schema, "description": says, "x-next-step": step}
