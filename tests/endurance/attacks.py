"""Files made to do harm: bombs, programs in disguise, values that no reader may hand on. See ``attacks_on``."""

import gzip
import io
import os
import pickle
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from tests.endurance import seeds
from tests.endurance.readers import MIB, Reader

_BLOCK = bytes(2**23)
_BLOCKS = 100  # 800 MiB, of which deflate makes some 800 KiB
_TEXT_BYTES = 63 * 2**20  # just within what a file of drawings may have
_ARCHIVES = ("npz", "checkpoint")
_TEXTS = ("drawings", "unipen", "own digits in", "own digits", "settings")


def attacks_on(reader: Reader, marker: str) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of files; if one of them is executed, there will be a folder ``marker``."""
    yield from ((f"program-{name}", content) for name, content in programs(marker))
    yield "gzip-bomb", _gzip_bomb()
    yield "zip-bomb", _zip_bomb(reader)
    yield "png-of-2.5-gigapixels", _png(50_000, b"")
    yield "png-with-a-text-of-800-MiB", _png(28, _chunk(b"zTXt", b"a\0\0" + _zlib_bomb()))
    yield "png-with-colours-of-800-MiB", _png(28, _chunk(b"iCCP", b"a\0\0" + _zlib_bomb()))
    if reader.name in _TEXTS:
        yield from _texts(reader.name)
    if reader.name in _ARCHIVES:
        yield from _sly_archives(reader)


def _texts(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield what is hard on a reader of texts; each is as large as such a file may be."""
    wide = b'[{"label":1,"strokes":[' + b"[]," * (_TEXT_BYTES // 3)
    nothing = b".\n" * (_TEXT_BYTES // 2)
    if name in ("own digits", "settings"):
        yield "deep-lists", b"[" * (MIB - 1)
        yield "long-text", b'{"theme":"' + b"a" * (MIB - 12) + b'"}'
    elif name == "unipen":
        yield "nothing", nothing
        yield "packed-nothing", gzip.compress(nothing, 1)
        yield "one-stroke", b'.SEGMENT DIGIT 0 ? "1"\n.PEN_DOWN\n' + b"1 1\n" * (_TEXT_BYTES // 4)
        yield "one-line", b'.SEGMENT DIGIT 0 ? "1"\n.PEN_DOWN\n' + b"1 " * (_TEXT_BYTES // 2)
    else:
        yield "deep-lists", b"[" * _TEXT_BYTES
        yield "deep-objects", b'{"a":' * (2 * 10**6)
        yield "wide-list", b"[" + b"[]," * (_TEXT_BYTES // 3)
        yield "wide-strokes", wide
        yield "packed-wide-strokes", gzip.compress(wide, 1)
        yield "tiny-strokes", _repeated(b'[{"label":1,"strokes":[', b"[[1,1]],", b"[[1,1]]]}]")
        yield "tiny-digits", _repeated(b"[", b'{"label":1,"strokes":[[[1,1]]]},', b'{"label":1,"strokes":[[[1,1]]]}]')
        yield "long-number", b'[{"label":1,"strokes":[[[1,' + b"9" * _TEXT_BYTES + b"]]]}]"
        yield "gzip-without-an-end-of-its-name", b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * _TEXT_BYTES
        yield "gzip-of-a-million-parts", gzip.compress(b"", mtime=0) * 10**6


def programs(marker: str) -> Iterator[tuple[str, bytes]]:
    """Yield pickles, bare and in archives, that make a folder ``marker`` if anybody runs them."""

    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (marker,)

    for protocol in range(6):
        yield f"reduce-{protocol}", pickle.dumps(Payload(), protocol)
        yield f"reduce-in-a-list-{protocol}", pickle.dumps([[Payload()] * 8, []], protocol)
    text = f"V{marker}\n".encode()
    yield "global", b"cposix\nmkdir\n(" + text + b"tR."
    yield "inst", b"(" + text + b"iposix\nmkdir\n."
    yield "obj", b"(cposix\nmkdir\n" + text + b"o."
    yield "newobj", b"\x80\x02cposix\nmkdir\n(" + text + b"t\x81."
    yield "build", b"cnumpy\nndarray\n(tR}(V__setstate__\ncposix\nmkdir\nu" + b"b(" + text + b"tR."
    yield "named-by-a-text", b"\x80\x04\x8c\x05posix\x94\x8c\x05mkdir\x94\x93(" + text + b"tR."
    yield "extension", b"\x80\x02\x82\x01(" + text + b"tR."
    yield "eval", b"c__builtin__\neval\n(V__import__('os').mkdir(" + repr(marker).encode() + b")\ntR."
    buffer = io.BytesIO()
    np.savez(buffer, **{"cnnviz": np.array([Payload()], object), "conv1/weight": np.array([Payload()], object)})
    yield "objects-in-an-archive", buffer.getvalue()
    members = seeds.unpacked(seeds.npz()[0])
    yield "pickle-in-place-of-an-array", seeds.repacked(members | {"conv1/weight.npy": pickle.dumps(Payload())})
    lying = b"\x93NUMPY\x01\x00v\x00" + b"__import__('os').mkdir(%r)" % marker
    yield "program-in-place-of-a-header", seeds.repacked(members | {"conv1/weight.npy": lying.ljust(127) + b"\n"})


def _repeated(start: bytes, middle: bytes, end: bytes) -> bytes:
    return start + middle * ((_TEXT_BYTES - len(start + end)) // len(middle)) + end


def _deflated() -> bytes:
    """Return 800 MiB of zeros as deflate packs them, made of one block that is packed once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(_BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
    return first * _BLOCKS + packer.flush()


def _sums() -> tuple[int, int]:
    """Return CRC-32 and Adler-32 of these zeros."""
    crc, adler = 0, 1
    for _ in range(_BLOCKS):
        crc, adler = zlib.crc32(_BLOCK, crc), zlib.adler32(_BLOCK, adler)
    return crc, adler


def _gzip_bomb() -> bytes:
    trailer = struct.pack("<II", _sums()[0], _BLOCKS * len(_BLOCK))
    return b"\x1f\x8b\x08" + bytes(7) + _deflated() + trailer


def _zlib_bomb() -> bytes:
    return b"\x78\x9c" + _deflated() + struct.pack(">I", _sums()[1])


def _zip_bomb(reader: Reader) -> bytes:
    """Return an archive of which one member, needed by the reader if it takes archives at all, has 800 MiB."""
    name = b"parameters.npy" if reader.name == "checkpoint" else b"conv1/weight.npy"
    packed = _deflated()
    facts = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x21, _sums()[0], len(packed), _BLOCKS * len(_BLOCK), len(name), 0)
    local = b"PK\3\4" + facts + name + packed
    rest = seeds.unpacked(reader.seeds()[0]) if reader.name in _ARCHIVES else {}
    rest.pop(name.decode(), None)
    whole = seeds.repacked(rest)
    directory = whole.index(b"PK\1\2") if rest else 0
    entries = whole[directory : whole.rindex(b"PK\5\6")]
    entry = b"PK\1\2" + struct.pack("<H", 20) + facts + struct.pack("<HHHII", 0, 0, 0, 0, directory) + name
    sizes = struct.pack("<II", len(entries + entry), directory + len(local))
    count = struct.pack("<HH", len(rest) + 1, len(rest) + 1)
    return whole[:directory] + local + entries + entry + b"PK\5\6" + bytes(4) + count + sizes + bytes(2)


def _png(side: int, chunks: bytes) -> bytes:
    """Return a black-and-white picture of ``side`` pixels in a square."""
    rows = bytes((side + 7) // 8 + 1)
    packer = zlib.compressobj(9)
    data = packer.compress(rows) + packer.flush(zlib.Z_FULL_FLUSH)  # the rows that follow are not looked at any more
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunks + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _sly_archives(reader: Reader) -> Iterator[tuple[str, bytes]]:
    """Yield archives that are whole, but hold what is not to be handed on."""
    members = seeds.unpacked(reader.seeds()[0])
    name = next(each for each in members if "weight" in each or each == "parameters.npy")
    content = members[name]
    header = content.index(b"\n") + 1
    for what, value in (("nan", np.nan), ("infinity", np.inf)):
        changed = content[:header] + np.float32(value).tobytes() + content[header + 4 :]
        yield f"archive-with-{what}", seeds.repacked(members | {name: changed})
    huge = content[:header].replace(b"'shape': (", b"'shape': (1099511627776, ").ljust(header - 1)[: header - 1] + b"\n"
    yield "archive-with-8-TiB-declared", seeds.repacked(members | {name: huge + content[header:]})
    yield "archive-with-one-value-too-few", seeds.repacked(members | {name: content[:-4]})
    if reader.name == "npz":
        yield "archive-with-a-path-outside", seeds.repacked(members | {"../../escaped.npy": content})
    yield "archive-without-an-entry", seeds.repacked({key: each for key, each in members.items() if key != name})
