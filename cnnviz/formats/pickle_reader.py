"""A reader for pickles of NumPy arrays and numbers in lists, in which nothing that the file names is ever called.

``pickle.load`` imports and calls whatever the file tells it to, and lists of forbidden names have been bypassed again
and again. A pickle is a program for a small stack machine; this module is such a machine, with only the operations
that NumPy 1.x and 2.x emit for arrays in protocols 0 to 5. The few functions that these pickles name are members of
``Name``, and what a call of them would give is worked out in ``_Machine.call``.

The operations are documented in CPython's Lib/pickletools.py.
"""

import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from cnnviz.formats.saved_parameters import FormatError

MAX_OPERATIONS = 1_000_000
"""Some 45 epochs of costs, and still only about a second."""

MAX_DIMENSIONS = 4


class Name(Enum):
    """What a pickled array may name."""

    RECONSTRUCT = auto()
    FROM_BUFFER = auto()
    SCALAR = auto()
    NDARRAY = auto()
    DTYPE = auto()
    ENCODE = auto()


_NAMES = {
    ("numpy", "ndarray"): Name.NDARRAY,
    ("numpy", "dtype"): Name.DTYPE,
    ("_codecs", "encode"): Name.ENCODE,
} | {
    (f"numpy.{core}.{module}", name): member
    for core in ("core", "_core")  # NumPy 1.x, 2.x
    for module, name, member in (
        ("multiarray", "_reconstruct", Name.RECONSTRUCT),
        ("multiarray", "scalar", Name.SCALAR),
        ("numeric", "_frombuffer", Name.FROM_BUFFER),
    )
}


@dataclass(eq=False)
class PickledArray:
    """An array of float32 or float64; ``values`` is None until the stream has given its contents."""

    values: np.ndarray | None = None


@dataclass(eq=False)
class _PickledDType:
    """A dtype such as "f8"; ``byte_order`` is None until the stream has given it."""

    kind: str
    byte_order: str | None = None

    def view(self, content: bytes) -> np.ndarray:
        """Return ``content`` as numbers, without a copy."""
        if self.byte_order is None:
            raise FormatError("the pickle uses a dtype before its order of bytes is known")
        return np.frombuffer(content, self.byte_order + self.kind)


def read_pickle(data: bytes) -> object:
    """Return the lists, tuples, numbers, strings and ``PickledArray`` that ``data`` describes.

    The result may contain itself and may be nested to any depth: match it against what is expected, never walk, compare
    or print it. Array values are finite or not, and views of read-only bytes.

    Raises
    ------
    FormatError
        For anything else than arrays of float32 or float64 in lists, and for damage of any kind.
    """
    try:
        return _Machine(data).run()
    except ValueError as fault:  # of int, float, decode, frombuffer and reshape
        raise FormatError("the pickle is damaged: a number, text or array in it cannot be read") from fault


class _Machine:
    """The stack machine: the bytes and a position in them, a stack, the stacks set aside by MARK, and the memo."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.stack: list[object] = []
        self.marked: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.encodable = len(data)

    def run(self) -> object:
        """Carry out the operations up to STOP, and return the one object that must then be left."""
        for _ in range(MAX_OPERATIONS):
            code = self.take(1)
            if code == pickle.STOP:
                return self.result()
            if code not in _OPERATIONS:
                raise FormatError(f"the pickle uses operation {code!r}, which arrays of numbers do not need")
            _OPERATIONS[code](self)
        raise FormatError(f"the pickle takes more than {MAX_OPERATIONS:,} operations")

    def result(self) -> object:
        if self.position != len(self.data):
            raise FormatError("the pickle is followed by other data")
        if self.marked or len(self.stack) != 1:
            raise FormatError("the pickle is damaged: it does not end with one object")
        return self.stack[0]

    def take(self, count: int) -> bytes:
        start, self.position = self.position, self.position + count
        if self.position > len(self.data):
            raise FormatError("the pickle ends too early")
        return self.data[start : self.position]

    def take_line(self) -> bytes:
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise FormatError("the pickle ends too early")
        return self.take(end + 1 - self.position)[:-1]

    def take_unsigned(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def take_counted(self, width: int) -> bytes:
        """Take as many bytes as the number in front of them, ``width`` bytes wide, says."""
        return self.take(self.take_unsigned(width))

    def push(self, item: object) -> None:
        self.stack.append(item)

    def pop(self, kind: type = object) -> object:
        item = self.top(kind)
        del self.stack[-1]
        return item

    def top(self, kind: type = object) -> object:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise FormatError(f"the pickle is damaged: no {kind.__name__} where one is needed")
        return self.stack[-1]

    def mark(self) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[object]:
        if not self.marked:
            raise FormatError("the pickle is damaged: the start of a list is missing")
        items, self.stack = self.stack, self.marked.pop()
        return items

    def push_tuple(self, size: int) -> None:
        if len(self.stack) < size:
            raise FormatError("the pickle is damaged: too few items for a tuple")
        self.stack[-size:] = [tuple(self.stack[-size:])]

    def append(self, items: list[object]) -> None:
        self.top(list).extend(items)

    def put(self, index: int) -> None:
        self.memo[index] = self.top()

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise FormatError("the pickle is damaged: it refers to an object that it has not described")
        self.push(self.memo[index])

    def push_name(self, module: str, name: str) -> None:
        if (module, name) not in _NAMES:
            wanted = f"{module}.{name}"[:60]
            raise FormatError(f"the pickle asks for {wanted!r}, which arrays of numbers do not need; it was not run")
        self.push(_NAMES[module, name])

    def push_named_on_stack(self) -> None:
        name, module = self.pop(str), self.pop(str)
        self.push_name(module, name)

    def reduce(self) -> None:
        arguments, function = self.pop(tuple), self.pop(Name)
        self.push(self.call(function, arguments))

    def call(self, function: Name, arguments: tuple) -> object:
        """Return what NumPy's ``function`` would, for exactly the arguments that NumPy writes."""
        match function, arguments:
            case Name.RECONSTRUCT, (Name.NDARRAY, (0,), b"b"):
                return PickledArray()
            case Name.DTYPE, ("f4" | "f8" as kind, _, _):
                return _PickledDType(kind)
            case Name.ENCODE, (str(text), "latin1"):
                return self.encode(text)
            case Name.SCALAR, (_PickledDType() as dtype, bytes(content)):
                return _shaped(dtype, content, (), "C").item()
            case Name.FROM_BUFFER, (bytes(content), _PickledDType() as dtype, tuple(shape), "C" | "F" as order):
                return PickledArray(_shaped(dtype, content, shape, order))
        raise FormatError(f"the pickle calls {function.name.lower()} in a way that NumPy does not for arrays of floats")

    def encode(self, text: str) -> bytes:
        """Return the bytes that protocols 0 to 2 write as text; in all they cannot be more than the stream has."""
        self.encodable -= len(text)
        if self.encodable < 0:
            raise FormatError("the pickle is damaged: it unpacks to more than it holds")
        return text.encode("latin1")

    def build(self) -> None:
        """Give a dtype or an array its state, as NumPy's ``__setstate__`` would; once only."""
        state = self.pop(tuple)
        match self.top(), state:
            case _PickledDType(byte_order=None) as dtype, (3, "<" | ">" as byte_order, None, None, None, -1, -1, 0):
                dtype.byte_order = byte_order
            case PickledArray(values=None) as array, (
                1,
                tuple(shape),
                _PickledDType() as dtype,
                bool(is_fortran),
                bytes(content),
            ):
                array.values = _shaped(dtype, content, shape, "F" if is_fortran else "C")
            case _:
                raise FormatError("the pickle sets a state that NumPy does not write for arrays of floats")


def _shaped(dtype: _PickledDType, content: bytes, shape: tuple, order: str) -> np.ndarray:
    if len(shape) > MAX_DIMENSIONS or not all(type(size) is int and size > 0 for size in shape):
        raise FormatError("the pickle holds an array whose shape is not one of a parameter")
    return dtype.view(content).reshape(shape, order=order)


def _integer(line: bytes) -> int | bool:
    """Return the number of an INT operation, which writes booleans as 00 and 01."""
    booleans = {b"00": False, b"01": True}
    return booleans[line] if line in booleans else int(line)


_OPERATIONS: dict[bytes, Callable[[_Machine], None]] = {
    pickle.PROTO: lambda machine: machine.take(1),
    pickle.FRAME: lambda machine: machine.take(8),
    pickle.NONE: lambda machine: machine.push(None),
    pickle.NEWTRUE: lambda machine: machine.push(True),
    pickle.NEWFALSE: lambda machine: machine.push(False),
    pickle.INT: lambda machine: machine.push(_integer(machine.take_line())),
    pickle.BININT: lambda machine: machine.push(*struct.unpack("<i", machine.take(4))),
    pickle.BININT1: lambda machine: machine.push(machine.take_unsigned(1)),
    pickle.BININT2: lambda machine: machine.push(machine.take_unsigned(2)),
    pickle.FLOAT: lambda machine: machine.push(float(machine.take_line())),
    pickle.BINFLOAT: lambda machine: machine.push(*struct.unpack(">d", machine.take(8))),
    pickle.UNICODE: lambda machine: machine.push(machine.take_line().decode("raw-unicode-escape")),
    pickle.SHORT_BINUNICODE: lambda machine: machine.push(machine.take_counted(1).decode()),
    pickle.BINUNICODE: lambda machine: machine.push(machine.take_counted(4).decode()),
    pickle.SHORT_BINBYTES: lambda machine: machine.push(machine.take_counted(1)),
    pickle.BINBYTES: lambda machine: machine.push(machine.take_counted(4)),
    pickle.BYTEARRAY8: lambda machine: machine.push(machine.take_counted(8)),
    pickle.MARK: _Machine.mark,
    pickle.EMPTY_LIST: lambda machine: machine.push([]),
    pickle.LIST: lambda machine: machine.push(machine.pop_to_mark()),
    pickle.APPEND: lambda machine: machine.append([machine.pop()]),
    pickle.APPENDS: lambda machine: machine.append(machine.pop_to_mark()),
    pickle.TUPLE: lambda machine: machine.push(tuple(machine.pop_to_mark())),
    pickle.TUPLE1: lambda machine: machine.push_tuple(1),
    pickle.TUPLE2: lambda machine: machine.push_tuple(2),
    pickle.TUPLE3: lambda machine: machine.push_tuple(3),
    pickle.PUT: lambda machine: machine.put(int(machine.take_line())),
    pickle.BINPUT: lambda machine: machine.put(machine.take_unsigned(1)),
    pickle.LONG_BINPUT: lambda machine: machine.put(machine.take_unsigned(4)),
    pickle.MEMOIZE: lambda machine: machine.put(len(machine.memo)),
    pickle.GET: lambda machine: machine.get(int(machine.take_line())),
    pickle.BINGET: lambda machine: machine.get(machine.take_unsigned(1)),
    pickle.LONG_BINGET: lambda machine: machine.get(machine.take_unsigned(4)),
    pickle.GLOBAL: lambda machine: machine.push_name(machine.take_line().decode(), machine.take_line().decode()),
    pickle.STACK_GLOBAL: _Machine.push_named_on_stack,
    pickle.REDUCE: _Machine.reduce,
    pickle.BUILD: _Machine.build,
}
