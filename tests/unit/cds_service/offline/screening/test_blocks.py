"""Blocks of whole lines: every line of a file comes once, however it is parted, packed or damaged."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.offline.screening import blocks as module
from cds_service.offline.screening.blocks import Damage, blocks
from cds_service.offline.screening.export import find_export


def lines_of(folder: Path, size: int, damage: Damage | None = None) -> list[bytes]:
    found = []
    for piece in find_export(folder).pieces(size):
        for block in blocks(piece, damage or Damage()):
            assert block.endswith(b"\n")
            found += block.split(b"\n")[:-1]
    return found


@given(
    lines=st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), min_size=1, max_size=20),
    size=st.integers(1, 60),
    chunk=st.integers(1, 40),
    ends=st.booleans(),
)
def test_every_line_comes_once_in_whatever_pieces(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int, chunk: int, ends: bool
) -> None:
    content = b"\n".join(lines) + (b"\n" if ends else b"")
    if not content or content.startswith(codecs.BOM_UTF8):
        return
    folder = tmp_path_factory.mktemp("export")
    (folder / "a.ndjson").write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", chunk)
        found = lines_of(folder, size)
    assert found == content.removesuffix(b"\n").split(b"\n")


@pytest.mark.parametrize("cut", [0, 9])
def test_gzip_of_several_members(tmp_path: Path, cut: int) -> None:
    packed = gzip.compress(b"one\ntw") + gzip.compress(b"o\nthree\n")
    (tmp_path / "a.ndjson.gz").write_bytes(packed[: len(packed) - cut])
    damage = Damage()
    found = lines_of(tmp_path, 10, damage)
    assert damage.is_cut == bool(cut)
    assert found[:1] == [b"one"]
    assert cut or found == [b"one", b"two", b"three"]


def test_what_is_no_gzip_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson.gz").write_bytes(b"{}\n")
    damage = Damage()
    assert lines_of(tmp_path, 10, damage) == []
    assert damage.is_cut


def test_zstd(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="the extra [bulk] is not installed")
    packed = zstandard.ZstdCompressor().compress(b"one\ntwo\n" * 1000)
    (tmp_path / "a.ndjson.zst").write_bytes(packed + packed)
    assert lines_of(tmp_path, 10) == [b"one", b"two"] * 2000
    for torn in (packed[:-4], packed[:5], packed + packed[:6], packed[:-1]):
        (tmp_path / "a.ndjson.zst").write_bytes(torn)
        damage = Damage()
        lines_of(tmp_path, 10, damage)
        assert damage.is_cut


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_what_unpacks_to_a_thousandfold_is_read_in_bounded_blocks(tmp_path: Path, packing: str) -> None:
    blank = b"\n" * (100 << 20)
    if packing == "zst":
        zstandard = pytest.importorskip("zstandard", reason="the extra [bulk] is not installed")
        packed = zstandard.ZstdCompressor().compress(blank)
    else:
        packed = gzip.compress(blank, 1)
    (tmp_path / f"a.ndjson.{packing}").write_bytes(packed)
    (piece,) = find_export(tmp_path).pieces()
    damage = Damage()
    lengths = [len(block) for block in blocks(piece, damage)]
    assert (sum(lengths), damage.is_cut) == (len(blank), False)
    assert max(lengths) <= 8 << 20


@pytest.mark.parametrize("last", [b"", b"\n", b"\nend"])
def test_a_line_that_is_too_long_is_counted_and_left_out(
    tmp_path: Path, last: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", 10)
    monkeypatch.setattr(module, "LONGEST_LINE", 25)
    (tmp_path / "a.ndjson").write_bytes(b"begin\n" + b"x" * 95 + last)
    damage = Damage()
    found = lines_of(tmp_path, 1000, damage)
    assert damage.too_long == 1
    assert found == [b"begin", *([b"end"] if last == b"\nend" else [])]
