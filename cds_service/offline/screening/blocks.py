"""Read a piece of a file as blocks of whole lines, with bounded memory, whatever compresses it."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cds_service.offline.screening.export import TABLE, BadExport, ExportFile, Piece
from cds_service.offline.screening.line import parsed
from cds_service.offline.screening.tables import table_lines
from cds_service.web.json_reader import MEBIBYTE

#: What a processor keeps at hand: the same bytes are searched several times.
_BLOCK = MEBIBYTE // 4
#: A longer line is no resource that a decision could need, and is counted as a bad one.
LONGEST_LINE = 16 * MEBIBYTE
#: Bytes of a zstd file that are unpacked at once. A block may take only 4 of them and unpack to 128 KiB, so one read
#: yields at most 8 MiB.
_PACKED = 256
_GZIP = zlib.MAX_WBITS | 16


@dataclass(slots=True)
class Damage:
    """What could not be read of a piece: lines that are too long, and a file that ends too early."""

    too_long: int = 0
    is_cut: bool = False


def blocks(piece: Piece, damage: Damage) -> Iterator[bytes]:
    """Yield the lines of a piece in blocks, each with its line end, and note in `damage` what is missing.

    The last line of a file gets a line end where it has none. Raises `BadExport` for what needs a package that is not
    installed.
    """
    if piece.file.compression == TABLE:
        yield from table_lines(piece.file)
        return
    with piece.file.path.open("rb") as file:
        chunks = _chunks(piece, file, damage)
        yield from _whole_lines(chunks if piece.start else _without_mark(chunks), damage)


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the mark of the byte order that some editors put before UTF-8."""
    yield next(chunks, b"").removeprefix(codecs.BOM_UTF8)
    yield from chunks


def ends_too_early(file: ExportFile) -> bool:
    """Return whether a file without compression ends in the middle of a line, told from its end alone."""
    with file.path.open("rb") as lines:
        for length in (_BLOCK, LONGEST_LINE + 1):
            lines.seek(max(file.size - length, 0))
            rest = lines.read(length)
            last = rest.rpartition(b"\n")[2]
            if len(last) < len(rest) or len(rest) == file.size:
                return _is_torn(last)
    return True


def _is_torn(rest: bytes) -> bool:
    """Return whether what stands behind the last line end of a file is no whole line."""
    return bool(rest) and not rest.isspace() and parsed(rest.removeprefix(codecs.BOM_UTF8)) is None


def _whole_lines(chunks: Iterator[bytes], damage: Damage) -> Iterator[bytes]:
    rest: list[bytes] = []
    length, skips = 0, False
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if not end:
            rest, length, skips = _longer(rest, length, skips, chunk, damage)
            continue
        if skips:
            chunk = chunk[chunk.find(b"\n") + 1 :]
            end, skips = chunk.rfind(b"\n") + 1, False
        if end:
            yield b"".join((*rest, chunk[:end]))
        rest, length = [chunk[end:]], len(chunk) - end
    damage.is_cut |= skips
    if length and not skips:
        last = b"".join(rest)
        damage.is_cut |= _is_torn(last)
        yield last + b"\n"


def _longer(rest: list[bytes], length: int, skips: bool, chunk: bytes, damage: Damage) -> tuple[list[bytes], int, bool]:
    """A line goes on past a whole chunk; one that is too long is skipped to its end."""
    if skips:
        return [], 0, True
    if length + len(chunk) > LONGEST_LINE:
        damage.too_long += 1
        return [], 0, True
    rest.append(chunk)
    return rest, length + len(chunk), False


def _chunks(piece: Piece, file: BinaryIO, damage: Damage) -> Iterator[bytes]:
    if piece.file.compression == "gzip":
        return _gunzipped(file, damage)
    if piece.file.compression == "zstd":
        return _unzstd(piece.file, file, damage)
    return _plain(piece, file)


def _plain(piece: Piece, file: BinaryIO) -> Iterator[bytes]:
    """The bytes of the lines that begin in the piece; the last of them may end beyond it."""
    at = piece.start
    if at:
        file.seek(at - 1)
        while chunk := file.read(_BLOCK):
            end = chunk.find(b"\n")
            if end >= 0:
                at += end
                break
            at += len(chunk)
        else:
            return
        if at >= piece.end:
            return
        file.seek(at)
    while at < piece.end:
        chunk = file.read(min(_BLOCK, piece.end - at))
        if not chunk:
            return
        at += len(chunk)
        yield chunk
    yield from _to_the_line_end(piece, file)


def _to_the_line_end(piece: Piece, file: BinaryIO) -> Iterator[bytes]:
    if piece.end == 0:
        return
    file.seek(piece.end - 1)
    if file.read(1) == b"\n":
        return
    while chunk := file.read(_BLOCK):
        end = chunk.find(b"\n") + 1
        if end:
            yield chunk[:end]
            return
        yield chunk


def _gunzipped(file: BinaryIO, damage: Damage) -> Iterator[bytes]:
    """Unpack one gzip member after the other."""
    reader = zlib.decompressobj(_GZIP)
    begun = False
    while packed := file.read(MEBIBYTE):
        while packed:
            try:
                plain = reader.decompress(packed, _BLOCK)
            except zlib.error:
                damage.is_cut = True
                return
            begun = True
            if plain:
                yield plain
            packed = reader.unconsumed_tail
            if reader.eof:
                packed = reader.unused_data.lstrip(b"\0")
                reader, begun = zlib.decompressobj(_GZIP), False
    damage.is_cut |= begun


def _unzstd(about: ExportFile, file: BinaryIO, damage: Damage) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError:
        raise BadExport(
            f"{about.name}: compressed by zstd, which needs a further package; pip install 'rls-cds[bulk]', "
            "or unpack the file"
        ) from None
    reader, begun = zstandard.ZstdDecompressor().decompressobj(), False
    while packed := file.read(_PACKED):
        while packed:
            try:
                plain = reader.decompress(packed)
            except zstandard.ZstdError:
                damage.is_cut = True
                return
            begun, packed = not reader.eof, b""
            if plain:
                yield plain
            if reader.eof:
                packed = reader.unused_data
                reader = zstandard.ZstdDecompressor().decompressobj()
    damage.is_cut |= begun
