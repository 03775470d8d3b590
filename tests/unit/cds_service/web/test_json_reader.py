"""JSON as clients and FHIR servers write it (reliability DOS-3, DOS-4)."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cds_service.web import json_reader
from cds_service.web.errors import BadRequest, RequestFault
from cds_service.web.json_reader import DEEPEST, LONGEST_STRING, parse_json, read_json

BOM = b"\xef\xbb\xbf"
HALVES = st.integers(0xD800, 0xDFFF).map(chr)
PIECES = (
    st.text(st.characters(codec="utf-8"), max_size=3) | HALVES | st.sampled_from(["\\", "u", "d83d", '"', "\U0001f600"])
)
TEXT = st.lists(PIECES).map("".join)
LONG = "x" * (LONGEST_STRING + 1)


@given(TEXT, st.booleans())
def test_half_pairs_become_the_replacement_character_and_nothing_else_changes(text: str, has_mark: bool) -> None:
    raw = json.dumps({"a": [text], text: 1}).encode()
    read = read_json(BOM + raw if has_mark else raw)
    expected = {"a": [_without_half_pairs(text)], _without_half_pairs(text): 1}
    assert read.document == expected
    assert json.loads(read.text) == expected, "the text that is kept says the same"
    json.dumps(read.document, ensure_ascii=False).encode()


def _without_half_pairs(text: str) -> str:
    """Return what a parser of UTF-16 makes of the text: pairs joined, halves replaced one by one."""
    units = text.encode("utf-16-le", "surrogatepass")
    found, place = "", 0
    while place < len(units):
        one = units[place : place + 2].decode("utf-16-le", "surrogatepass")
        two = units[place : place + 4].decode("utf-16-le", "surrogatepass")
        if "\ud800" <= one <= "\udbff" and len(two) == 1 and place + 4 <= len(units):
            found, place = found + two, place + 4
        else:
            found, place = found + ("\ufffd" if "\ud800" <= one <= "\udfff" else one), place + 2
    return found


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb'"cut \ud83d"', "cut \ufffd"),
        (rb'"\uD83D\uDE00 \uDE00"', "\U0001f600 \ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\\ud83d \ud83d"', "\\ud83d \ufffd"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (rb'"\ud83dx\n\t\u0041\""', '\ufffdx\n\tA"'),
    ],
)
def test_escapes_are_told_from_escaped_backslashes(written: bytes, read: str) -> None:
    assert parse_json(written) == read


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        BOM,
        BOM + BOM + b"{}",
        b"\xff\xfe{}",
        b'"\xed\xa0\xbd"',
        b'"\xe9"',
        b"\\ud83d",
        b'{"a": \\ud83d}',
        b'"\\ud83',
        b'"\\ud83d',
        b"NaN",
        b'{"a": 1e400}',
    ],
)
def test_what_is_no_json_in_utf8_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_json(raw)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        json.dumps(read_json(raw).document, ensure_ascii=False).encode()
    except BadRequest:
        return


def test_damaged_text_is_read_or_refused() -> None:
    whole = json.dumps({"note": [{"text": "cut \ud83d \\ \U0001f600 é"}], "a": {"b": [1.5, None, True]}}).encode()
    choose = random.Random(1)  # noqa: S311 - it makes test data
    for _ in range(2_000):
        cut = whole[: choose.randrange(len(whole) + 1)] if choose.random() < 0.5 else bytearray(whole)
        damaged = bytearray(cut)
        for _ in range(choose.randrange(3)):
            if damaged:
                damaged[choose.randrange(len(damaged))] = choose.randrange(256)
        try:
            parse_json(bytes(damaged))
        except BadRequest as fault:
            assert "\ud83d" not in str(fault)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(("levels", "is_kept"), [(DEEPEST, True), (DEEPEST + 1, False), (900, False)])
def test_a_value_nested_too_deep_costs_itself_where_values_stand_apart(levels: int, is_kept: bool) -> None:
    raw = json.dumps({"prefetch": {"a": nested(levels), "b": 1}, "c": 2}).encode()
    assert read_json(raw, checked_one_by_one="prefetch").document == {
        "prefetch": {"a": nested(levels) if is_kept else {}, "b": 1},
        "c": 2,
    }


@pytest.mark.parametrize(
    "document", [{"c": nested(DEEPEST)}, {"prefetch": [], "c": nested(DEEPEST)}, nested(DEEPEST + 1)]
)
def test_any_other_nesting_is_refused(document: Any) -> None:
    with pytest.raises(BadRequest, match="nested"):
        read_json(json.dumps(document).encode(), checked_one_by_one="prefetch")


def bundle(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:x", "resource": each} for each in resources]}


ATTACHMENTS = {
    "photo": [{"contentType": "image/png", "data": LONG}],
    "presentedForm": [{"data": LONG}],
    "content": [{"attachment": {"data": LONG}}],
    "valueAttachment": {"data": LONG},
    "image": [{"url": f"data:image/png;base64,{LONG}"}],
    "text": {"status": "generated", "div": LONG},
    "note": [{"time": "2026", "text": LONG}],
}


@pytest.mark.parametrize("member", ATTACHMENTS)
def test_a_long_attachment_narrative_or_note_is_left_out_alone(member: str) -> None:
    kept = {"resourceType": "Patient", "id": "p1", "gender": "female"}
    found = parse_json(json.dumps({"labs": bundle(kept | {member: ATTACHMENTS[member]}, kept)}).encode())
    first, second = (entry["resource"] for entry in found["labs"]["entry"])
    assert {name: first[name] for name in kept} == kept == second
    assert LONG not in json.dumps(first)


@pytest.mark.parametrize(
    "member",
    [
        {"valueString": LONG},
        {"valueSampledData": {"data": LONG}},
        {"code": {"coding": [{"code": LONG}]}},
        {"given": [LONG]},
        {LONG: 1},
        {"contained": [{"resourceType": "Bundle", "entry": [{"data": LONG, "resource": {}}]}], "x": LONG},
    ],
)
def test_any_other_long_string_makes_its_resource_unreadable(member: dict[str, Any]) -> None:
    kept = {"resourceType": "Observation", "id": "o1"}
    found = parse_json(json.dumps({"labs": bundle(kept | member, kept)}).encode())
    assert [entry["resource"] for entry in found["labs"]["entry"]] == [{}, kept]


def test_only_the_innermost_resource_is_unreadable() -> None:
    inner = {"resourceType": "Medication", "id": "m1", "extension": [{"valueString": LONG}]}
    found = parse_json(json.dumps(bundle({"resourceType": "MedicationRequest", "contained": [inner]})).encode())
    assert found["entry"][0]["resource"] == {"resourceType": "MedicationRequest", "contained": [{}]}


@pytest.mark.parametrize("entry", [{"data": LONG}, {"url": f"data:{LONG}"}])
def test_an_entry_never_disappears_from_a_list(entry: dict[str, Any]) -> None:
    """A list without it would look complete."""
    raw = json.dumps({"resourceType": "Bundle", "entry": [entry | {"resource": {"resourceType": "Patient"}}]}).encode()
    assert parse_json(raw) == {}


@pytest.mark.parametrize("document", [LONG, [LONG], {"a": LONG}, {"a": {"b": [LONG]}}, {LONG: 1}])
def test_outside_of_resources_a_long_string_costs_nothing(document: Any) -> None:
    assert parse_json(json.dumps(document).encode()) == document


@pytest.mark.parametrize("length", [LONGEST_STRING - 1, LONGEST_STRING])
def test_a_string_at_the_limit_is_kept(length: int) -> None:
    document = {"resourceType": "Observation", "valueString": "x" * length, "note": [{"text": "x" * length}]}
    assert parse_json(json.dumps(document).encode()) == document


def holds_long_strings(value: Any, longest: int) -> bool:
    if isinstance(value, dict):
        return any(len(key) > longest or holds_long_strings(member, longest) for key, member in value.items())
    if isinstance(value, list):
        return any(holds_long_strings(each, longest) for each in value)
    return isinstance(value, str) and len(value) > longest


@given(
    texts=st.lists(st.text(alphabet='ab"\\é/', max_size=130), max_size=8),
    number=st.integers(0, 10**60),
    ascii_only=st.booleans(),
)
def test_no_long_string_hides_between_quotes(texts: list[str], number: int, ascii_only: bool) -> None:
    longest = 50
    document = {"texts": texts, "".join(texts[:1]): number}
    raw = json.dumps(document, ensure_ascii=ascii_only).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_reader, "LONGEST_STRING", longest)
        assert json_reader._may_hold_long_strings(raw) or not holds_long_strings(document, longest)


# ------------------------------------------------------------------ members that are sent twice, numbers out of range

KEPT = {"resourceType": "Observation", "id": "kept"}
FLAWS = {
    "a value": '"valueQuantity":{"value":38},"valueQuantity":{"value":380}',
    "the same value": '"status":"final","status":"final"',
    "null": '"status":"final","status":null',
    "one deep inside": '"component":[{"code":{"text":"a","text":"b"}}]',
    "blanks before the colons": '"a" : 1, "a" : 2',
    "line ends before the colons": '"a"\n:1,"a"\n\t:2',
    "a tab before the second colon": '"a":1,"a"\t:2',
    "two blanks before the second colon": '"a":1,"a"  :2',
    "a text with an escaped quote before a colon": '"a":1,"a":2,"b":"\\u0022:"',
    "a text with an escaped colon": '"a":1,"a":2,"b":"x\\"\\u003a\\u003A"',
    "a text that begins with an escaped colon": '"a":1,"a":2,"b":"\\u003A"',
    "a text with an escaped blank before a colon": '"a":1,"a":2,"b":"\\"\\u0020:"',
    "an escape": '"stat\\u0075s":"final","status":"x"',
    "a large number": '"value":1e400',
    "a small number": '"value":-1E+0400',
    "a long number": f'"value":{"9" * 400}',
    "a longer number": f'"value":-{"1" * 5_000}.5',
}


def flawed(flaw: str, holder: str) -> bytes:
    resource = '{"resourceType":"Observation",' + flaw + "}"
    entries = f'[{{"resource":{json.dumps(KEPT)}}},{{"resource":{resource}}}]'
    return holder.replace("@", f'{{"resourceType":"Bundle","entry":{entries}}}').encode()


@pytest.mark.parametrize("holder", ["@", '{"prefetch":{"labs":@}}', '{"context":{"draftOrders":@}}', "\ufeff@"])
@pytest.mark.parametrize("flaw", FLAWS.values(), ids=FLAWS)
def test_a_flaw_costs_its_resource(flaw: str, holder: str) -> None:
    found = read_json(flawed(flaw, holder), checked_one_by_one="prefetch").document
    for name in ("prefetch", "labs", "context", "draftOrders"):
        found = found.get(name, found)
    assert found == {"resourceType": "Bundle", "entry": [{"resource": KEPT}, {"resource": {}}]}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('{"prefetch":{"labs":1,"labs":null,"orders":2}}', {"prefetch": {"labs": {}, "orders": 2}}),
        ('{"prefetch":{"labs":[1e400],"orders":2}}', {"prefetch": {"labs": {}, "orders": 2}}),
        ('{"prefetch":{"labs":{"resourceType":"Bundle","entry":[1],"entry":[]}}}', {"prefetch": {"labs": {}}}),
        ('{"prefetch":{"labs":{"entry":[{"resource":1,"resource":2}]}}}', {"prefetch": {"labs": {"entry": [{}]}}}),
    ],
)
def test_a_flaw_outside_a_resource_costs_the_value_that_stands_apart(written: str, read: Any) -> None:
    assert read_json(written.encode(), checked_one_by_one="prefetch").document == read


@pytest.mark.parametrize(
    ("written", "place", "words"),
    [
        ('{"prefetch":{},"prefetch":{}}', "prefetch", "sent more than once"),
        ('{"context":{"patientId":"1","patientId":"2"}}', "context.patientId", "sent more than once"),
        ('{"context":{"draftOrders":{"resourceType":"Bundle","entry":[],"entry":[]}}}',
         "context.draftOrders.entry", "sent more than once"),
        ('{"fhirAuthorization":{"scope":"a","scope":"b"}}', "fhirAuthorization", "member that is sent more than once"),
        ('{"x":{"Jane":1,"Jane":2}}', "", "member that is sent more than once"),
        ('{"context":{"patientId":1e400}}', "context.patientId", "number out of range"),
        ('[1e999]', "", "number out of range"),
    ],
)  # fmt: skip
def test_a_flaw_of_the_request_itself_is_named(written: str, place: str, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_json(written.encode(), checked_one_by_one="prefetch")
    [fault] = refused.value.faults
    assert isinstance(fault, RequestFault) and fault.location == place and words in str(fault)
    assert "Jane" not in str(fault)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from('":\\ \tab') | st.characters(codec="utf-8"), max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('":\\ ab', max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON, st.sampled_from([None, (",", ":"), (" , ", " : "), (",", "\n: ")]), st.booleans())
@example({"a": "\\u003a", ":": '\\":'}, None, False)
def test_a_document_without_a_flaw_is_read_as_it_is(document: Any, separators: Any, ascii_only: bool) -> None:
    raw = json.dumps(document, separators=separators, ensure_ascii=ascii_only).encode()
    assert parse_json(raw) == document


@given(st.dictionaries(st.text('":\\ ab', max_size=4), JSON, min_size=1, max_size=4), JSON, st.data())
def test_a_member_that_is_sent_twice_is_always_seen(members: dict[str, Any], other: Any, data: Any) -> None:
    name = data.draw(st.sampled_from(sorted(members)))
    pairs = [(json.dumps(key), json.dumps(value)) for key, value in [*members.items(), (name, other)]]
    raw = "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"
    with pytest.raises(BadRequest, match="more than once"):
        parse_json(raw.encode())


@pytest.mark.parametrize("levels", [60, 64, 65, 900])
def test_a_draft_that_is_nested_too_deep_costs_itself(levels: int) -> None:
    def request(*drafts: Any, **beside: Any) -> bytes:
        orders = {"resourceType": "Bundle", "entry": list(drafts), **beside}
        return json.dumps({"prefetch": {}, "context": {"draftOrders": orders}}).encode()

    found = read_json(request(nested(levels), KEPT), checked_one_by_one="prefetch").document
    assert found["context"]["draftOrders"]["entry"] == [nested(levels) if levels <= DEEPEST else {}, KEPT]
    with pytest.raises(BadRequest, match="nested"):
        read_json(request(KEPT, other=nested(DEEPEST)), checked_one_by_one="prefetch")


def nested_object(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize("levels", [65, 250, 900, 990, 1010])
def test_an_object_that_is_nested_too_deep_costs_itself(levels: int) -> None:
    for deep in (nested_object(levels), '{"b":1,"b":2,"c":' + nested_object(levels - 1) + "}"):
        raw = f'{{"prefetch":{{"labs":{deep},"orders":2}},"context":{{"draftOrders":{{"entry":[{deep},3]}}}}}}'
        found = read_json(raw.encode(), checked_one_by_one="prefetch").document
        assert found == {"prefetch": {"labs": {}, "orders": 2}, "context": {"draftOrders": {"entry": [{}, 3]}}}


@pytest.mark.parametrize("levels", [65, 900, 990, 1010])
def test_what_is_sent_twice_is_seen_beside_a_value_that_is_nested_too_deep(levels: int) -> None:
    deep = nested_object(levels)
    flaw = '{"resourceType":"Observation","text":"[{\\"","status":"final","status":"entered-in-error"}'
    raw = f'{{"prefetch":{{"a":{deep},"b":{{"entry":[{{"resource":{flaw}}},1]}},"c":{deep}}}}}'
    assert read_json(raw.encode(), checked_one_by_one="prefetch").document == {
        "prefetch": {"a": {}, "b": {"entry": [{"resource": {}}, 1]}, "c": {}}
    }
    with pytest.raises(BadRequest, match="more than once"):
        read_json(f'{{"prefetch":{{"a":{deep}}},"context":1,"context":2}}'.encode(), checked_one_by_one="prefetch")


@pytest.mark.parametrize("levels", [250, 900, 990])
def test_less_stack_makes_no_difference(levels: int) -> None:
    def read(frames: int) -> Any:
        if frames:
            return read(frames - 1)
        raw = f'{{"prefetch":{{"a":{nested_object(levels)},"b":1}}}}'
        return read_json(raw.encode(), checked_one_by_one="prefetch").document

    assert read(300) == {"prefetch": {"a": {}, "b": 1}}


def test_flaws_beyond_number_refuse_the_document() -> None:
    for many in (b'{"a":1,"a":2},' * 2_000, b'{"prefetch":{"a":[' + b'{"a":1,"a":2},' * 2_000 + b"1]}}"):
        with pytest.raises(BadRequest):
            parse_json(many if many.startswith(b'{"p') else b"[" + many + b"1]")


def test_what_is_no_json_at_a_great_depth_is_refused_beside_a_large_number() -> None:
    deep = "[" * 1500 + "nonsense" + "]" * 1500
    for number in ("", '"x":"1e100",'):
        with pytest.raises(BadRequest):
            read_json(f'{{"prefetch":{{{number}"p":{deep}}}}}'.encode(), checked_one_by_one="prefetch")
