"""Damage to files, at random and on purpose: every function takes a random.Random and valid files, and returns one."""

import gzip
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from random import Random

from tests.endurance.seeds import repacked, unpacked

_BYTES = (0x00, 0x01, 0x0A, 0x1F, 0x20, 0x22, 0x2E, 0x5B, 0x7B, 0x7F, 0x80, 0x8B, 0xFF)
_NUMBERS = (0, 1, -1, 2**7, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
_NEAR_ENDS = 256  # bytes; where headers and directories are

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[\[\]{},:]')
_VALUES = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e308", b"1e-400", b"1e308", b"0", b"-0.0", b"-1", b"10", b"255",
    b"256", b"1" + b"0" * 400, b"9" * 5000, b"0.1e", b"null", b"true", b"false", b'""', b'"4"', b'"\\ud800"',
    b'"\\u0000\\n\\u001b[2J"', b'"\xff\xfe"', b'"' + b"a" * 3000 + b'"', b"[]", b"{}", b"[[]]", b"[" * 600 + b"]" * 600,
    b"[" * 100_000, b'{"a":' * 700 + b"1" + b"}" * 700, b"[1,2]", b'{"label":1,"label":[]}', b",", b"]", b"}", b"\0",
)  # fmt: skip

_ZIP_RECORDS = {b"PK\x01\x02": 46, b"PK\x03\x04": 30, b"PK\x05\x06": 22}  # and their lengths


def of_bytes(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Return a file with one to four changes that know nothing of its format."""
    data = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(_CHANGES)(rng, data, seeds)
    return data


def _place(rng: Random, data: bytes) -> int:
    """Return a position, often one near an end."""
    if rng.random() < 0.5 and len(data) > 2 * _NEAR_ENDS:
        offset = rng.randrange(_NEAR_ENDS)
        return rng.choice((offset, len(data) - 1 - offset))
    return rng.randrange(len(data) + 1)


def _flip_bits(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[min(_place(rng, data), len(changed) - 1)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set_bytes(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] + bytes(rng.choice(_BYTES) for _ in range(rng.choice((1, 1, 2, 4)))) + data[at + 1 :]


def _truncate(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: _place(rng, data)]


def _duplicate(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = sorted((_place(rng, data), _place(rng, data)))
    return data[:end] + data[start:end] * rng.choice((1, 1, 3)) + data[end:]


def _cut_out(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start = _place(rng, data)
    return data[:start] + data[start + rng.choice((1, 2, 4, 16, 256)) :]


def _splice(rng: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    other = rng.choice(seeds)
    return data[: _place(rng, data)] + other[_place(rng, other) :]


def _put_number(rng: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Overwrite or insert a number of 1 to 8 bytes, such as might be taken for a length."""
    width = rng.choice((1, 2, 4, 8))
    number = (rng.choice(_NUMBERS) % 256**width).to_bytes(width, rng.choice(("little", "big")))
    at = _place(rng, data)
    return data[:at] + number + data[at + rng.choice((0, width)) :]


_CHANGES = (_flip_bits, _set_bytes, _truncate, _duplicate, _cut_out, _splice, _put_number)


def of_packed(rng: Random, seeds: Sequence[bytes], change: Callable[..., bytes] = of_bytes) -> bytes:
    """Return a file that is changed as it lies there, or beneath a gzip that is whole."""
    if rng.random() < 0.3:
        return of_bytes(rng, seeds)
    plain = change(rng, [gzip.decompress(seed) if seed.startswith(b"\x1f\x8b") else seed for seed in seeds])
    return gzip.compress(plain, 1, mtime=0) if rng.random() < 0.3 else plain


def of_json(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Return a text in which tokens are exchanged, doubled or left out; sometimes bytes."""
    seeds = [seed for seed in seeds if not seed.startswith(b"\x1f\x8b")]
    if rng.random() < 0.25:
        return of_bytes(rng, seeds)
    data = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = _change_token(rng, data)
    return data


def _change_token(rng: Random, data: bytes) -> bytes:
    tokens = list(_TOKEN.finditer(data))
    if not tokens:
        return data
    first = rng.choice(tokens)
    start, end = first.span()
    match rng.randrange(5):
        case 0:
            last = rng.choice(tokens)
            start, end = min(start, last.start()), max(end, last.end())
            return data[:end] + b"," * rng.randrange(2) + data[start:end] + data[end:]
        case 1:
            return data[:start] + data[end:]
        case 2:
            return data[:start] + rng.choice(tokens).group() + data[end:]
    return data[:start] + rng.choice(_VALUES) + data[end:]


def of_packed_json(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Return such a text, sometimes gzipped."""
    return of_packed(rng, seeds, of_json)


def of_npz(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Return an archive that is changed in its bytes, in the fields of its directory, or in a member, packed anew."""
    match rng.randrange(4):
        case 0:
            return of_bytes(rng, seeds)
        case 1:
            return _change_zip_field(rng, rng.choice(seeds))
    members = unpacked(rng.choice(seeds))
    name = rng.choice(list(members))
    content = members[name]
    header = content.index(b"\n") + 1  # of a .npy file: the text that tells shape and dtype ends there
    match rng.randrange(4):
        case 0:
            members[name] = of_bytes(rng, [content])
        case 1:
            members[name] = of_bytes(rng, [content[:header]]) + content[header:]
        case 2:
            members[rng.choice((name, f"../{name}", "x" * 300, "\n\x1b.npy"))] = members.pop(name)
        case _:
            members["cnnviz.npy"] = _with_json(rng, members["cnnviz.npy"])
    return repacked(members, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)))


def _with_json(rng: Random, content: bytes) -> bytes:
    """Return a .npy file of bytes in which the JSON is changed, and the shape told in the header with it."""
    header = content.index(b"\n") + 1
    text = of_json(rng, [content[header:]])
    shape = re.sub(rb"\((\d+),\)", b"(%d,)" % len(text), content[:header])
    padding = b" " * max(0, header - len(shape))
    return shape[: header - 1].rstrip(b"\n") + padding + b"\n" + text


def _change_zip_field(rng: Random, data: bytes) -> bytes:
    records = [match.start() for match in re.finditer(rb"PK[\x01\x03\x05][\x02\x04\x06]", data)]
    start = rng.choice(records)
    length = _ZIP_RECORDS.get(data[start : start + 4], 22)
    at, width = start + rng.randrange(2, length), rng.choice((1, 2, 4))
    number = struct.pack("<Q", rng.choice(_NUMBERS) % 2**64)[:width]
    return data[:at] + number + data[at + width :]


def of_pickle(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Return a pickle that is changed mostly where its operations are, not in its weights."""
    if rng.random() < 0.3:
        return of_bytes(rng, seeds)
    data = rng.choice(seeds)
    places = [match.start() for match in re.finditer(rb"numpy|_reconstruct|dtype|cbuild|f8|R\(K|tb|\x94", data)]
    at = min(len(data), max(0, rng.choice(places) + rng.randrange(-24, 24)))
    end = min(len(data), at + rng.choice((8, 32, 96)))
    return data[:at] + of_bytes(rng, [data[at:end] or b"."]) + data[end:]


def of_picture(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Return a picture that is changed; of a PNG often with check sums that are right again."""
    data = of_bytes(rng, seeds)
    return _with_right_sums(data) if data.startswith(b"\x89PNG") and rng.random() < 0.7 else data


def _with_right_sums(data: bytes) -> bytes:
    """Return a PNG file with the check sums that belong to its chunks (PNG specification, 5.3)."""
    mended, at = data[:8], 8
    while len(chunk := data[at : at + 8]) == 8:
        (length,) = struct.unpack(">I", chunk[:4])
        content = data[at + 4 : at + 8 + length]
        mended += chunk[:4] + content + struct.pack(">I", zlib.crc32(content))
        at += 12 + length
    return mended
