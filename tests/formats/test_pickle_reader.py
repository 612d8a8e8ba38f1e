import copyreg
import io
import pickle
import pickletools
import random

import numpy as np
import pytest

from cnnviz.formats import FormatError, pickle_reader
from cnnviz.formats.pickle_reader import PickledArray, read_pickle

PROTOCOLS = range(6)

FLOAT64 = b"cnumpy\ndtype\n(Vf8\nI00\nI01\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb"
"""A dtype in protocol 0, to be followed by what uses it."""

EMPTY_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\1btR"
"""An array before it is given its state."""


def text(string):
    return b"X" + len(string).to_bytes(4, "little") + string.encode()


def array_with_state(state):
    return EMPTY_ARRAY + state + b"b."


def written_by(core, data):
    """Give ``data`` the module names of NumPy 1 ("core") or 2 ("_core")."""
    for module in ("multiarray", "numeric"):
        new = f"numpy.{core}.{module}".encode()
        for old in (f"numpy.core.{module}".encode(), f"numpy._core.{module}".encode()):
            data = data.replace(b"c" + old + b"\n", b"c" + new + b"\n")
            data = data.replace(bytes([len(old)]) + old, bytes([len(new)]) + new)
    return data


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("core", ["core", "_core"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_that_arrays_of_every_numpy_and_protocol_are_read(protocol, core, dtype, order):
    array = np.asarray(np.random.default_rng(3).standard_normal((2, 3, 4)), dtype, order=order)
    strided = np.arange(12.0).reshape(3, 4)[:, ::2]
    first, second, again = read_pickle(written_by(core, pickle.dumps([array, strided, array], protocol)))
    np.testing.assert_array_equal(first.values, array)
    assert first.values.dtype == array.dtype
    np.testing.assert_array_equal(second.values, strided)
    assert again is first


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("core", ["core", "_core"])
def test_that_costs_of_every_numpy_and_protocol_are_read(protocol, core):
    costs = [np.float64(2.5), np.float32(-0.1), 1.25, 7, 300, 70_000, -1, True, None, "nats"] + [np.float64(0)] * 300
    found = read_pickle(written_by(core, pickle.dumps(costs, protocol)))
    assert found == [float(cost) if isinstance(cost, np.floating) else cost for cost in costs]


@pytest.mark.parametrize("pickler", [pickle.Pickler, pickle._Pickler])
def test_that_more_objects_than_a_byte_can_number_are_read(pickler):
    lists = [[float(number)] for number in range(400)]
    for protocol in PROTOCOLS:
        buffer = io.BytesIO()
        pickler(buffer, protocol).dump([lists, lists[::-1]])
        assert read_pickle(buffer.getvalue()) == [lists, lists[::-1]]


PAYLOADS = {
    "GLOBAL": b"cos\nmkdir\n(Vescaped\ntR.",
    "GLOBAL in a list": b"(lcos\nmkdir\n(Vescaped\ntRa.",
    "GLOBAL through the memo": b"(Vescaped\ntp0\ncos\nmkdir\np1\ng1\ng0\nR.",
    "GLOBAL of eval": b"cbuiltins\neval\n(V__import__('os').mkdir('escaped')\ntR.",
    "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93\x8c\x07escaped\x85R.",
    "STACK_GLOBAL of memoised names": b"\x80\x04\x8c\x02os\x94\x8c\x05mkdir\x94h\x00h\x01\x93\x8c\x07escaped\x85R.",
    "INST": b"(Vescaped\nios\nmkdir\n.",
    "OBJ": b"(cos\nmkdir\nVescaped\no.",
    "NEWOBJ": b"\x80\x02cfunctools\npartial\ncos\nmkdir\nVescaped\n\x86\x81)R.",
    "NEWOBJ_EX": b"\x80\x04cfunctools\npartial\ncos\nmkdir\nVescaped\n\x86}\x92)R.",
    "EXT1": b"\x80\x02\x82\xf0(Vescaped\ntR.",
    "EXT2": b"\x80\x02\x83\xf0\x00(Vescaped\ntR.",
    "EXT4": b"\x80\x02\x84\xf0\x00\x00\x00(Vescaped\ntR.",
    "BUILD": b"\x80\x02cfunctools\npartial\ncbuiltins\nlen\n\x85R(cos\nmkdir\n(Vescaped\nt}Ntb)R.",
}
"""Pickles that make the folder "escaped" when they are unpickled, by every way to a call."""


@pytest.fixture
def mkdir_as_extension():
    copyreg.add_extension("os", "mkdir", 240)
    yield
    copyreg.remove_extension("os", "mkdir", 240)


@pytest.mark.usefixtures("mkdir_as_extension")
@pytest.mark.parametrize("name", PAYLOADS)
def test_that_a_call_that_pickle_would_make_is_not_made(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(PAYLOADS[name])
    (tmp_path / "escaped").rmdir()  # which shows that the payload is live
    with pytest.raises(FormatError, match="which arrays of numbers do not need"):
        read_pickle(PAYLOADS[name])
    assert not (tmp_path / "escaped").exists()


def test_that_the_name_asked_for_is_told():
    with pytest.raises(
        FormatError, match=r"asks for 'os\.system', which arrays of numbers do not need; it was not run"
    ):
        read_pickle(b"cos\nsystem\n(Vtrue\ntR.")


@pytest.mark.parametrize("module", ["os", "numpy", "numpy.core", "numpy.core.multiarray", "_codecs", ""])
@pytest.mark.parametrize("name", ["system", "load", "core.records.os.mkdir", "fromfile", "decode", "__class__", ""])
def test_that_only_the_six_names_of_an_array_are_known(module, name):
    for stream in (f"c{module}\n{name}\n.".encode(), text(module) + text(name) + b"\x93."):
        with pytest.raises(FormatError, match="asks for"):
            read_pickle(stream)


@pytest.mark.parametrize(
    "calls",
    {
        "encode with another codec": b"c_codecs\nencode\n(Vabc\nVrot13\ntR.",
        "encode without a codec": b"c_codecs\nencode\n(Vabc\ntR.",
        "encode what latin1 lacks": b"c_codecs\nencode\n(V\\u20ac\nVlatin1\ntR.",
        "dtype of objects": b"cnumpy\ndtype\n(VO8\nI00\nI01\ntR.",
        "dtype of a list": b"cnumpy\ndtype\n((lI00\nI01\ntR.",
        "dtype of integers": b"cnumpy\ndtype\n(Vi8\nI00\nI01\ntR.",
        "ndarray itself": b"cnumpy\nndarray\n((I2\nttR.",
        "reconstruct of something else": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntC\1btR.",
        "reconstruct with a size": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I2000000000\ntC\1btR.",
        "scalar before its order of bytes": (
            b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(Vf8\nI00\nI01\ntRC\x0812345678tR."
        ),
        "scalar of two": b"cnumpy.core.multiarray\nscalar\n(" + FLOAT64 + b"C\x101234567812345678tR.",
        "scalar of half": b"cnumpy.core.multiarray\nscalar\n(" + FLOAT64 + b"C\x041234tR.",
        "scalar of an object": b"cnumpy.core.multiarray\nscalar\n(" + FLOAT64 + b"NtR.",
        "frombuffer in order K": b"cnumpy.core.numeric\n_frombuffer\n(C\x0812345678" + FLOAT64 + b"(I1\ntVK\ntR.",
        "frombuffer of text": b"cnumpy.core.numeric\n_frombuffer\n(V12345678\n" + FLOAT64 + b"(I1\ntVC\ntR.",
        "a call of text": b"Vos.system\n(Vtrue\ntR.",
        "a call with a list": b"c_codecs\nencode\n(lR.",
        "a call with nothing": b"c_codecs\nencode\nR.",
    }.items(),
    ids=lambda each: each[0],
)
def test_that_a_call_that_numpy_does_not_write_is_refused(calls):
    with pytest.raises(FormatError):
        read_pickle(calls[1])


@pytest.mark.parametrize(
    "stream",
    {
        "of an array, as a dict": EMPTY_ARRAY + b"(Vshape\nI1\ndb.",
        "of an array, in another version": array_with_state(b"(I2\n(I1\nt" + FLOAT64 + b"I00\nC\x0812345678t"),
        "of an array of objects": array_with_state(b"(I1\n(I1\nt" + FLOAT64 + b"I00\n(lNat"),
        "of an array, without a dtype": array_with_state(b"(I1\n(I1\ntVf8\nI00\nC\x0812345678t"),
        "of an array, twice": EMPTY_ARRAY + b"(I1\n(I1\nt" + FLOAT64 + b"I00\nC\x0812345678tp9\nbg9\nb.",
        "of a dtype, twice": FLOAT64 + b"(I3\nV>\nNNNI-1\nI-1\nI0\ntb.",
        "of a dtype, with fields": b"cnumpy\ndtype\n(Vf8\nI00\nI01\ntR(I3\nV|\nN(Va\ntNI8\nI1\nI0\ntb.",
        "of a list": b"(l(I1\ntb.",
        "of a name": b"cnumpy\ndtype\n(I1\ntb.",
        "of nothing": b"(I1\ntb.",
    }.items(),
    ids=lambda each: each[0],
)
def test_that_a_state_that_numpy_does_not_write_is_refused(stream):
    with pytest.raises(FormatError):
        read_pickle(stream[1])


@pytest.mark.parametrize(
    ("shape", "content"),
    [
        (b"I2\n", b"C\x0812345678"),
        (b"I0\n", b"C\x0812345678"),
        (b"I-1\n", b"C\x0812345678"),
        (b"I-1\nI-1\n", b"C\x0812345678"),
        (b"I01\n", b"C\x0812345678"),
        (b"F1.0\n", b"C\x0812345678"),
        (b"(l", b"C\x0812345678"),
        (b"I1\n" * 5, b"C\x0812345678"),
        (b"I1\n", b"C\x0712345678"[:9]),
        (b"I1099511627776\n", b"C\x0812345678"),
        (b"I0\nI9223372036854775807\nI9223372036854775807\n", b"C\0"),
        (b"I1" + b"0" * 30 + b"\n", b"C\x0812345678"),
        (b"I0\nI1" + b"0" * 30 + b"\n", b"C\0"),
        (b"I" + b"9" * 5000 + b"\n", b"C\x0812345678"),
    ],
)
def test_that_a_shape_that_the_contents_do_not_fill_is_refused(shape, content):
    with pytest.raises(FormatError):
        read_pickle(array_with_state(b"(I1\n(" + shape + b"t" + FLOAT64 + b"I00\n" + content + b"t"))


def test_that_the_array_these_are_made_from_is_good():
    found = read_pickle(array_with_state(b"(I1\n(I1\nt" + FLOAT64 + b"I00\nC\x08" + np.float64(1.5).tobytes() + b"t"))
    assert found.values.tolist() == [1.5]


@pytest.mark.parametrize("operation", [b"P1\n", b"VX\nQ", b"N0", b"(1", b"N2", b"}", b"(d", b")", b"\x8f", b"(\x91"])
def test_that_operations_without_use_for_arrays_are_unknown(operation):
    with pytest.raises(FormatError, match="the pickle uses operation"):
        read_pickle(operation + b".")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_that_a_pickle_cut_off_at_any_byte_is_refused(protocol):
    data = pickle.dumps([[np.arange(3.0)], [np.float64(1), np.float64(2), 0.5]], protocol)
    for size in range(len(data)):
        with pytest.raises(FormatError):
            read_pickle(data[:size])


@pytest.mark.parametrize("rest", [b"\0", b".", b"\n", b"cos\nsystem\n(Vtrue\ntR."])
def test_that_nothing_may_follow_the_pickle(rest):
    with pytest.raises(FormatError, match="followed by other data"):
        read_pickle(pickle.dumps([1.0], 3) + rest)


@pytest.mark.parametrize(
    "stream", [b".", b"NN.", b"(N.", b"((N.", b"N(.", b"a.", b"(e.", b"t.", b"Na.", b"\x86.", b"N\x87."]
)
def test_that_a_stack_out_of_balance_is_refused(stream):
    with pytest.raises(FormatError):
        read_pickle(stream)


@pytest.mark.parametrize(
    "stream", [b"g0\n.", b"h\0.", b"j\0\0\0\0.", b"p0\n.", b"q\0.", b"\x94.", b"Np0\ng1\n.", b"Npx\n."]
)
def test_that_the_memo_holds_only_what_was_put_there(stream):
    with pytest.raises(FormatError):
        read_pickle(stream)


def test_that_text_cannot_be_unpacked_over_and_over(peak_memory):
    repeated = b"h\0h\1h\2\x86R"
    stream = b"c_codecs\nencode\nq\0" + text("x" * 10**5) + b"q\1Vlatin1\nq\2(" + repeated * 10**4 + b"l."
    with peak_memory() as peak, pytest.raises(FormatError, match="unpacks to more than it holds"):
        read_pickle(stream)
    assert peak.bytes < 2**20


def test_that_a_lie_about_a_length_takes_no_memory(peak_memory):
    for operation in (b"X\xff\xff\xff\xff", b"B\xff\xff\xff\xff", b"\x96" + b"\xff" * 8):
        with peak_memory() as peak, pytest.raises(FormatError, match="ends too early"):
            read_pickle(operation + b"abc.")
        assert peak.bytes < 2**16


@pytest.mark.parametrize("operation", [b"N", b"(", b"]", b"N\x94", b"h\0"])
def test_that_a_stream_without_an_end_is_left(operation, monkeypatch):
    assert pickle_reader.MAX_OPERATIONS == 1_000_000
    monkeypatch.setattr(pickle_reader, "MAX_OPERATIONS", 10_000)
    with pytest.raises(FormatError, match="more than 10,000 operations"):
        read_pickle(b"N\x94" + operation * 10_000)


def test_that_a_list_in_itself_and_one_nested_deeply_do_no_harm():
    within_itself = read_pickle(b"]q\0h\0a.")
    assert within_itself[0] is within_itself
    assert type(read_pickle(b"N" + b"\x85" * 200_000 + b".")) is tuple
    with pytest.raises(FormatError):
        read_pickle(b"c_codecs\nencode\nN" + b"\x85" * 200_000 + b"R.")
    with pytest.raises(FormatError):
        read_pickle(FLOAT64 + b"N" + b"\x85" * 200_000 + b"b.")


def test_that_no_damage_lets_anything_but_a_format_error_out():
    rng = random.Random(13)
    content = [[np.arange(6.0).reshape(2, 3), np.ones((2, 1), np.float32)], [np.float64(1), np.float64(2), 3.0]]
    pickles = [pickle.dumps(content, protocol) for protocol in PROTOCOLS]
    operations = [operation.code.encode("latin1") for operation in pickletools.opcodes]
    survived, messages = 0, set()
    for _ in range(5000):
        data = bytearray(rng.choice(pickles))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(data))
            replaced = rng.choice([0, 1, 1, 1, 2, 8])
            data[place : place + replaced] = rng.choice([b"", rng.randbytes(1), rng.choice(operations)])
        try:
            read_pickle(bytes(data))
            survived += 1
        except FormatError as fault:
            messages.add(str(fault))
    assert survived < 2500
    assert not any("\n" in message for message in messages)


def test_that_an_array_without_a_state_has_no_values():
    assert isinstance(read_pickle(EMPTY_ARRAY + b"."), PickledArray)
    assert read_pickle(EMPTY_ARRAY + b".").values is None
