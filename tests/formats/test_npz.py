import io
import json
import os
import random
import struct
import warnings
import zipfile

import numpy as np
import pytest

from cnnviz.data.preprocessing import Normalization
from cnnviz.formats import FormatError
from cnnviz.formats.npz import NPZ, decode, encode


@pytest.fixture(scope="module")
def entries(zhou):
    """The arrays of a good file under their keys, "cnnviz" included."""
    with np.load(io.BytesIO(encode(zhou)), allow_pickle=False) as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def members(zhou):
    """The members of a good file as bytes."""
    with zipfile.ZipFile(io.BytesIO(encode(zhou))) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def savez(entries, save=np.savez):
    buffer = io.BytesIO()
    save(buffer, **entries)
    return buffer.getvalue()


def zipped(members, compression=zipfile.ZIP_STORED):
    """An archive of (name, content) pairs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name")
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(header, content=b""):
    header = f"{header}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + content


def with_metadata(entries, **changes):
    metadata = json.loads(entries["cnnviz"].tobytes()) | changes
    return savez(entries | {"cnnviz": np.frombuffer(json.dumps(metadata).encode(), np.uint8)})


def test_that_numpy_alone_opens_the_file(entries, zhou):
    assert entries.keys() == zhou.parameters.keys() | {"cnnviz"}
    np.testing.assert_array_equal(entries["dense1/weight"], zhou.parameters["dense1/weight"])
    assert json.loads(entries["cnnviz"].tobytes()) == {
        "format": 1,
        "architecture": "zhou",
        "normalization": {"mean": 127.5, "std": 255},
        "test_normalization": None,
        "training": {"preset": "zhou", "dataset": "mnist", "seed": 3, "epochs": 3},
    }


def test_that_the_bytes_depend_on_neither_clock_nor_system(zhou):
    with zipfile.ZipFile(io.BytesIO(encode(zhou))) as archive:
        assert {(info.date_time, info.create_system) for info in archive.infolist()} == {((1980, 1, 1, 0, 0, 0), 3)}


def test_that_the_facts_come_back(zhou):
    found = decode(encode(zhou))
    assert found.normalization == Normalization(127.5, 255)
    assert found.test_normalization is None
    assert found.training == zhou.training


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_that_a_file_that_numpy_wrote_again_is_read(entries, save, zhou, assert_equal_parameters):
    assert_equal_parameters(decode(savez(entries, save)), zhou)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_that_every_order_of_bytes_and_axes_is_read(entries, dtype, order, zhou, assert_equal_parameters):
    arrays = {name: np.asarray(entries[name], dtype, order=order) for name in zhou.parameters}
    assert_equal_parameters(decode(savez(entries | arrays)), zhou)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(11, np.float32), r"dense1/bias has shape \(11,\), expected \(10,\)"),
        (np.zeros((2, 5), np.float32), r"has shape \(2, 5\)"),
        (np.zeros(10, np.complex64), r"array of 'c8', expected f4 or f8"),
        (np.zeros(10, np.int32), r"array of 'i4'"),
        (np.zeros(10, np.float16), r"array of 'f2'"),
        (np.zeros(10, "V4"), r"array of 'V4'"),
        (np.zeros(10, [("a", "<f4")]), r"not written as NumPy writes arrays of numbers"),
        (np.full(10, None), r"array of 'O'"),
        (np.full(10, np.nan, np.float32), r"not finite"),
        (np.full(10, 1e39), r"not finite in float32"),
    ],
)
def test_that_an_array_of_another_kind_is_refused(entries, values, message):
    with pytest.raises(FormatError, match=message):
        decode(savez(entries | {"dense1/bias": values}))


@pytest.mark.parametrize("missing", ["cnnviz", "conv1/weight", "dense1/bias"])
def test_that_a_missing_entry_is_named(entries, missing):
    with pytest.raises(FormatError, match=missing):
        decode(savez({name: values for name, values in entries.items() if name != missing}))


@pytest.mark.parametrize("name", ["../../dense1/bias", "/dense1/bias", "dense2/bias", "conv1\\weight", "extra", ""])
def test_that_a_surplus_member_is_refused(members, name):
    with pytest.raises(FormatError, match="which is not expected"):
        decode(zipped([*members.items(), (f"{name}.npy", members["dense1/bias.npy"])]))


@pytest.mark.parametrize("name", ["dense1/bias.npy", "dense1/bias", "cnnviz.npy"])
def test_that_two_members_of_one_name_are_refused(members, name):
    with pytest.raises(FormatError, match="two members of one name"):
        decode(zipped([*members.items(), (name, members["dense1/bias.npy"])]))


def test_that_nothing_is_written_to_the_disk(members, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError):
        decode(zipped([*members.items(), ("escaped", b"")]))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["cnnviz.npy", "conv1/weight.npy"])
def test_that_a_member_that_unpacks_to_a_hundred_megabytes_is_refused_packed(members, name, peak_memory):
    bomb = zipped((members | {name: bytes(10**8)}).items(), zipfile.ZIP_DEFLATED)
    assert len(bomb) < 2 * 10**5
    with peak_memory() as peak, pytest.raises(FormatError, match="is larger than it can rightly be"):
        decode(bomb)
    assert peak.bytes < 2**21


def test_that_a_member_that_lies_about_its_size_is_refused_packed(members, peak_memory):
    bomb = zipped((members | {"conv1/weight.npy": bytes(10**8)}).items(), zipfile.ZIP_DEFLATED)
    bomb = bomb.replace(struct.pack("<I", 10**8), struct.pack("<I", 416))
    with peak_memory() as peak, pytest.raises(FormatError, match="Bad CRC-32"):
        decode(bomb)
    assert peak.bytes < 2**21


def test_that_a_directory_of_many_members_is_refused_unread(members, peak_memory):
    archive = zipped([*members.items(), *((f"{number:05}", b"") for number in range(2000))])
    with peak_memory() as peak, pytest.raises(FormatError, match="too many members"):
        decode(archive)
    assert peak.bytes < 2**16


def test_that_a_second_larger_directory_cannot_be_smuggled_in(zhou):
    data = encode(zhou)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, 0, 1)
    with pytest.raises(FormatError, match="not a NumPy archive"):
        decode(data[:-22] + locator + data[-22:])
    with pytest.raises(FormatError, match="not a NumPy archive"):
        decode(data[:-2] + b"\3\0abc")


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2147483648, 2147483648, 2147483648)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-10,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (10,)}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (10,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10,)}\n   ",  # longer than it is
        "__import__('os').mkdir('escaped')",
        "(" * 500,
        "{'descr': '''",
        r"{'descr': '<f4\d', 'fortran_order': False, 'shape': (10,)}",  # Python would warn of the escape
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10L,)}",  # NumPy would warn of Python 2
    ],
)
def test_that_a_header_that_declares_something_else_is_refused(members, header, peak_memory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive = zipped((members | {"dense1/bias.npy": npy(header, bytes(36))}).items())
    with peak_memory() as peak, pytest.raises(FormatError):
        decode(archive)
    assert peak.bytes < 2**21
    assert os.listdir(tmp_path) == []


def test_that_an_unknown_npy_version_is_refused(members):
    newer = members["dense1/bias.npy"].replace(b"NUMPY\1", b"NUMPY\3")
    with pytest.raises(FormatError, match="not written as NumPy writes arrays"):
        decode(zipped((members | {"dense1/bias.npy": newer}).items()))


def test_that_members_that_lie_in_one_another_are_refused(members):
    data = zipped(members.items())
    bias = data.rindex(b"dense1/bias") - 46  # where its record in the directory begins; sizes are 20 bytes in
    sizes = struct.pack("<II", *[len(members["dense1/weight.npy"])] * 2)
    with pytest.raises(FormatError, match="lie in one another"):
        decode(data[: bias + 20] + sizes + data[bias + 28 :])


def test_that_an_encrypted_member_and_a_rare_packing_are_refused(members):
    plain = zipped(members.items())
    start = plain.index(b"PK\1\2")  # the directory; the flags are 8 bytes in
    encrypted = plain[: start + 8] + b"\1" + plain[start + 9 :]
    with pytest.raises(FormatError, match="encrypted"):
        decode(encrypted)
    with pytest.raises(FormatError, match="packed in a way that NumPy does not use"):
        decode(zipped(members.items(), zipfile.ZIP_BZIP2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "format other than 1"),
        ({"format": "1"}, "lacks something"),
        ({"architecture": "lenet"}, "unknown architecture 'lenet'"),
        ({"architecture": ["zhou"]}, "lacks something"),
        ({"architecture": "escontrela"}, "'conv1/bias' is missing"),
        ({"normalization": None}, "normalisation is not a mean"),
        ({"normalization": {"mean": 33}}, "normalisation is not a mean"),
        ({"normalization": {"mean": "33", "std": 78}}, "normalisation is not a mean"),
        ({"normalization": {"mean": 33, "std": 0}}, "positive std"),
        ({"normalization": {"mean": 10**400, "std": 1}}, "is damaged"),
        ({"normalization": {"mean": float("nan"), "std": 1}}, "finite mean"),
        ({"normalization": {"mean": 1e308, "std": 1}}, "finite mean"),
        ({"normalization": {"mean": 33, "std": 1e-300}}, "positive std"),
        ({"test_normalization": {"mean": 33, "std": float("nan")}}, "positive std"),
        ({"test_normalization": [33, 79]}, "normalisation is not a mean"),
        ({"test_normalization": 0}, "normalisation is not a mean"),
        ({"training": []}, "lacks something"),
        ({"training": {"loss": float("inf")}}, "JSON"),
    ],
)
def test_that_metadata_of_another_form_is_refused(entries, changes, message):
    with pytest.raises(FormatError, match=message):
        decode(with_metadata(entries, **changes))


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"format": 1}', b"1" * 5000])
def test_that_metadata_that_is_not_our_json_is_refused(entries, text):
    with pytest.raises(FormatError):
        decode(savez(entries | {"cnnviz": np.frombuffer(text, np.uint8)}))


def test_that_a_file_cut_off_at_any_byte_is_refused(zhou):
    data = encode(zhou)
    for size in range(len(data)):
        with pytest.raises(FormatError):
            decode(data[:size])


def test_that_a_byte_more_is_refused(zhou):
    with pytest.raises(FormatError):
        decode(encode(zhou) + b"\0")


def test_that_no_damage_lets_anything_but_a_format_error_out(zhou, members):
    rng = random.Random(11)
    stored, packed = encode(zhou), zipped(members.items(), zipfile.ZIP_DEFLATED)
    survived, messages = 0, set()
    for _ in range(2000):
        data = bytearray(rng.choice([stored, packed]))
        directory = data.index(b"PK\1\2")
        for _ in range(rng.randint(1, 4)):
            # Half of the damage in the directory, a fiftieth of the file.
            data[rng.randrange(rng.choice([0, directory]), len(data))] = rng.randrange(256)
        try:
            decode(bytes(data))
            survived += 1
        except FormatError as fault:
            messages.add(str(fault))
    assert survived < 400
    assert not any("\n" in message for message in messages)


def test_that_damaged_members_let_nothing_but_a_format_error_out(members):
    """The same behind sound checksums, where the parsers of headers and JSON see it."""
    rng, messages = random.Random(12), set()
    for _ in range(1000):
        name = rng.choice(sorted(members))
        content = bytearray(members[name])
        for _ in range(rng.randint(1, 3)):
            content[rng.randrange(min(len(content), 200))] = rng.randrange(256)
        try:
            NPZ.decode(zipped((members | {name: bytes(content)}).items()))
        except FormatError as fault:
            messages.add(str(fault))
    assert len(messages) > 20
    assert not any("\n" in message for message in messages)
