"""Values that are legal where they stand and that programs stumble over: dates, numbers and strings.

A number is kept as it is written (`Raw`), since Python cannot hold every JSON number; a string may hold what only an
escape can write (`\\ud800`). `dumps` writes both.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Raw:
    """A JSON value as it is written: `1e400`, `-0`, `0.10`."""

    text: str


#: "Not set" as .NET, MySQL and others write it, in every precision and on both sides of Greenwich.
NOT_SET = (
    "0001-01-01", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "0001-01-01T00:00:00.0000000Z", "0001", "0001-01",
    "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00-12:00", "0000-00-00", "0000-00-00T00:00:00Z", "0001-12-31",
)  # fmt: skip
#: "No end" likewise.
NO_END = (
    "9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59", "9999", "9999-12",
    "9999-12-31T23:59:59-12:00", "9999-12-31T00:00:00+14:00", "9999-01-01",
)  # fmt: skip
#: Other early and late dates that stand for none, and the days next to the end of the calendar.
FAR = (
    "1753-01-01", "1900-01-01", "1970-01-01T00:00:00Z", "2999-12-31", "4712-12-31", "9998-12-31", "0002-01-01",
    "9998-12-31T23:59:59-12:00", "0002-01-01T00:00:00+14:00",
)  # fmt: skip
_YEARS = ("0000", "0001", "0002", "1583", "1899", "1970", "2026", "2038", "9998", "9999")
_DAYS = ("", "-01", "-02", "-12", "-00", "-13", "-01-01", "-02-28", "-02-29", "-06-30", "-12-31", "-12-32", "-00-00")
_TIMES = (
    "T00:00", "T00:00:00", "T23:59:59", "T23:59:60", "T24:00:00", "T12:30:00.5", "T23:59:59.999999999999999999",
    "T99:99:99", "T235959", " 12:00:00",
)  # fmt: skip
_OFFSETS = ("", "Z", "+00:00", "-00:00", "+14:00", "-12:00", "+05:45", "-03:30", "+0530", "+23:59", "-24:00", "+99:99")


def _spelled(year: str, day: str) -> list[str]:
    clocks = map("".join, itertools.product(_TIMES, _OFFSETS)) if day.count("-") == 2 else ()
    return [f"{year}{day}{clock}" for clock in ("", *clocks)]


#: Every precision, time, fraction, leap second and offset that the grammar of FHIR dates knows, and its near misses.
GRAMMAR = tuple(text for year, day in itertools.product(_YEARS, _DAYS) for text in _spelled(year, day))
DATES = (
    *NOT_SET, *NO_END, *FAR, "2026-06-30T23:59:60Z", "2026-06-30T12:00:00.123456789-04:00", "2026-02-30", "2026-W24-1",
    "now", "",
)  # fmt: skip

_NUMBERS = """0 -0 -0.0 0e0 1 -1 1.0 1e0 0.1 1E5 5e-324 -5e-324 2.2250738585072014e-308 1e-400 1e-30 1e-12 1e-9 1e-4 1e9
999999999 999999999.9999 1e12 1e15 1e18 1e22 1e30 1e100 1.7976931348623157e308 123456789012345678901234567890
0.123456789012345678901234567890 123456789012345.678901234567890 9007199254740993 18446744073709551616
-9223372036854775809 4294967296 3.141592653589793 300 75 0.30000000000000004"""
NUMBERS = tuple(map(Raw, _NUMBERS.split()))
#: No double holds these, and so the parser refuses them.
TOO_LARGE = (Raw("1e400"), Raw("-1e400"), Raw("1" * 400))
#: Numbers where they are written as text.
NUMBERS_IN_WORDS = (
    "NaN", "Infinity", "-Infinity", "sNaN", "1e400", "1e-400", "1E999999999", "1e-999999999", "-0", "0x10", "1_000",
    "٣٨", "½", "1/2", "38,5", "1,234", "1.234.567", " 38 ", "38 ng/mL", "<5", ">1e400", "0" * 400, "9" * 400, "",
)  # fmt: skip
STRINGS = (
    "\U0010ffff", "\uffff", "\ufdd0", "\ufeff", "\ufffd", "\x00", "a\x00b", "\x1b[31m", "\r\nX-Injected: 1", "\u2028",
    "\u202e", "\u0130", "ß", "ﬁ", "﷽" * 40, "e" + "\u0301" * 200, "İ" * 80, " ", "", "\t\n", "Patient/", "#",
    "../../etc/passwd", "%00", "%s%n", "{0}", "$ref", "null", "<script>", "x" * 5000, "(" * 900, "1 " * 900,
    "½¼¾" * 30, "9" * 900, "-" * 300, ",.;" * 200, *NUMBERS_IN_WORDS,
)  # fmt: skip
#: A half of a pair: JSON can escape it and no text can hold it.
SURROGATES = ("\ud800", "\udfff", "a\ud83d", "\udc00b", "\udfff\ud800", "#\ud800", "urn:uuid:\ud800")

_MARK = "\x11raw\x11"


def dumps(value: Any) -> bytes:
    """JSON with `Raw` values as they are written and lone surrogates as escapes."""
    mark = json.dumps(_MARK)[1:-1]
    text = json.dumps(value, default=lambda raw: f"{_MARK}{raw.text}{_MARK}")
    return text.replace(f'"{mark}', "").replace(f'{mark}"', "").encode("ascii")
