"""Memory that two processes see: what is large need not go through a pipe, in pieces and at the trainer's expense."""

import mmap
import os
import sys
import tempfile
import uuid

import numpy as np


class SharedMemory:
    """A piece of memory without a name in the file system; it is gone with the last process that has it.

    Attributes
    ----------
    handle : str
        For the other process, to ``attach`` to.
    descriptors : tuple of int
        What the other process has to inherit.
    """

    def __init__(self) -> None:
        if sys.platform == "win32":
            self.handle, self.descriptors = f"cnnviz-{uuid.uuid4()}", ()
            return
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("cnnviz")
        else:
            with tempfile.TemporaryFile() as file:
                descriptor = os.dup(file.fileno())
        self.handle, self.descriptors = str(descriptor), (descriptor,)

    def arrays(self, *shape: int) -> np.ndarray:
        """Return float32 values of this shape at its beginning; only then can the other process attach to them."""
        for descriptor in self.descriptors:
            size = 4 * int(np.prod(shape))
            if os.fstat(descriptor).st_size < size:  # it only grows: what is mapped already stays
                os.ftruncate(descriptor, size)
        return attach(self.handle, *shape)

    def close(self) -> None:
        """Let go of it; arrays stay valid."""
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = ()


def attach(handle: str, *shape: int) -> np.ndarray:
    """Return the float32 values of this shape at the beginning of the memory that ``handle`` names."""
    size = 4 * int(np.prod(shape))
    if sys.platform == "win32":
        memory = mmap.mmap(-1, size, tagname=f"{handle}-{size}")  # one of a size does not grow
    else:
        memory = mmap.mmap(int(handle), size)
    return np.frombuffer(memory, np.float32).reshape(shape)
