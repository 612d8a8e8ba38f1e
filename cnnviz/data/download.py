"""Fetching MNIST from its mirrors, checked against the published sizes and hashes."""

import hashlib
import http.client
import io
import os
import threading
import time
import urllib.error
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from cnnviz.atomic import make_folder, make_own_folder, write_atomically
from cnnviz.data.connection import Line
from cnnviz.data.datasets import DataError, Progress, part_of
from cnnviz.data.idx import find_idx_file
from cnnviz.data.mnist import cache_folder, mnist_folder
from cnnviz.foreign import open_foreign, unpacked


@dataclass(frozen=True)
class PublishedFile:
    """What is known of a file before it is fetched.

    Attributes
    ----------
    name : str
        Without ``.gz``.
    packed_bytes, content_bytes : int
        Size of the gzip file and of its content.
    packed_sha256, sha256 : str
        Hashes of the gzip file and of its content.
    """

    name: str
    packed_bytes: int
    content_bytes: int
    packed_sha256: str
    sha256: str


FILES = (
    PublishedFile(
        "train-images-idx3-ubyte",
        9_912_422,
        47_040_016,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    PublishedFile(
        "train-labels-idx1-ubyte",
        28_881,
        60_008,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    PublishedFile(
        "t10k-images-idx3-ubyte",
        1_648_877,
        7_840_016,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    PublishedFile(
        "t10k-labels-idx1-ubyte",
        4_542,
        10_008,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

MIN_BYTES_PER_SECOND = 1_000
POLL_SECONDS = 0.1
CHUNK_BYTES = 64 * 2**10


class _MirrorError(Exception):
    """A mirror did not deliver what was published; the text completes a sentence that begins with its name."""


def download_mnist(
    destination: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    mirrors: Sequence[str] = MIRRORS,
    files: Sequence[PublishedFile] = FILES,
    timeout: float = 15.0,
) -> Path:
    """Fetch the files that are not yet there, each from the first mirror that delivers it as published.

    Parameters
    ----------
    destination : path, optional
        The folder to fill; by default where `mnist_folder` looks.
    progress : callable, optional
        Gets the packed bytes that are there and those of all files, ten times a second however slow the mirror is.
    mirrors : sequence of str
        Addresses that a file's name is appended to.
    files : sequence of PublishedFile
    timeout : float
        Seconds without fair progress after which a mirror is given up.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DataError
        If no mirror delivered a file. The files fetched before it stay; nothing incomplete does.
    WriteError
        If the folder cannot be written.
    """
    folder = Path(os.path.expanduser(destination)) if destination else mnist_folder()
    make_own_folder(folder) if folder == cache_folder() else make_folder(folder)
    ranked = deque(mirrors)
    total = sum(file.packed_bytes for file in files)
    done = 0
    for file in files:
        report = part_of(progress, done, total)
        if not _is_there(folder, file, report):
            packed = _fetch(file, ranked, timeout, report)
            write_atomically(folder / f"{file.name}.gz", lambda stream, packed=packed: stream.write(packed))
        done += file.packed_bytes
        report(file.packed_bytes, 0)
    return folder


def _is_there(folder: Path, file: PublishedFile, report: Progress) -> bool:
    """Return whether the file that would be loaded from ``folder`` has the published content, however packed."""
    path = find_idx_file(folder, file.name)
    if path is None:
        return False
    try:
        with open_foreign(path, "an IDX file", file.content_bytes + CHUNK_BYTES, DataError) as stream:
            return _has_content(stream, file, lambda: report(0, 0))
    except DataError:
        return False


def _fetch(file: PublishedFile, mirrors: deque[str], timeout: float, report: Progress) -> bytes:
    """Return the gzip file from the first mirror that delivers it; those that fail go to the end of ``mirrors``."""
    faults = []
    for _ in range(len(mirrors)):
        try:
            return _fetch_from(mirrors[0], file, timeout, report)
        except _MirrorError as fault:
            faults.append(f"{urlsplit(mirrors[0]).netloc} {fault}")
            mirrors.rotate(-1)
    raise DataError(
        f"could not download {file.name}.gz: {', '.join(faults)}; check the network connection and try again, "
        "or name a folder that holds MNIST with --data-dir DIR"
    )


def _fetch_from(mirror: str, file: PublishedFile, timeout: float, report: Progress) -> bytes:
    """Return the gzip file from one mirror after checking it."""
    packed = _receive(f"{mirror}{file.name}.gz", file.packed_bytes, timeout, report)
    if len(packed) < file.packed_bytes:
        raise _MirrorError(f"sent only {len(packed):,} of {file.packed_bytes:,} bytes")
    is_published = hashlib.sha256(packed).hexdigest() == file.packed_sha256
    if not (is_published and _has_content(io.BytesIO(packed), file, lambda: report(file.packed_bytes, 0))):
        raise _MirrorError("sent other content than was published")
    return packed


def _has_content(stream: BinaryIO, file: PublishedFile, tick: Callable[[], None]) -> bool:
    """Return whether ``stream``, unpacked, hashes as published; ``tick`` is called between its parts.

    No more of it is unpacked than was published: small files can hold gigabytes.
    """
    sha256, left = hashlib.sha256(), file.content_bytes
    try:
        content = unpacked(stream)
        while chunk := content.read(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                return False
            sha256.update(chunk)
            tick()
    except (OSError, EOFError, zlib.error):
        return False
    return sha256.hexdigest() == file.sha256


def _receive(url: str, limit: int, timeout: float, report: Progress) -> bytes:
    """Return what ``url`` sends, at most ``limit`` bytes.

    A thread does the waiting, for no timeout of a socket covers the look-up of names or lets a read be taken up again.
    It is left behind when the user cancels or the mirror stalls, and ends at once, as its line is cut then; only one
    that still looks up the name or waits to be connected ends with that.
    """
    received = bytearray()
    line = Line()
    report(0, limit)
    transfer = _run_in_thread(_transfer, url, limit, timeout, received, line)
    try:
        _watch(transfer, received, timeout, report)
    finally:
        line.cut()
    transfer.result()
    return bytes(received)


def _run_in_thread(function: Callable[..., None], *arguments: object) -> Future[None]:
    """Start ``function`` in a thread that does not keep the program from ending, as an executor's would."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            future.set_result(function(*arguments))
        except Exception as fault:
            future.set_exception(fault)

    threading.Thread(target=run, name="download", daemon=True).start()
    return future


def _watch(transfer: Future[None], received: bytearray, timeout: float, report: Progress) -> None:
    """Report until ``transfer`` has ended; give it up when ``timeout`` seconds have brought too few bytes."""
    counted, deadline = 0, time.monotonic() + timeout
    while not transfer.done():
        report(len(received), 0)
        wait([transfer], POLL_SECONDS)
        if time.monotonic() >= deadline and not transfer.done():
            fresh = len(received) - counted
            if fresh < timeout * MIN_BYTES_PER_SECOND:
                raise _MirrorError(f"sent only {fresh:,} bytes in {timeout:g} s")
            counted, deadline = counted + fresh, time.monotonic() + timeout


def _transfer(url: str, limit: int, timeout: float, received: bytearray, line: Line) -> None:
    """Append what ``url`` sends to ``received``, in the thread of its own."""
    try:
        with line.open(url, timeout) as response:
            if response.headers.get_content_type() == "text/html":
                raise _MirrorError("sent a web page instead")
            while not line.is_cut and (chunk := response.read1(CHUNK_BYTES)):
                if len(received) + len(chunk) > limit:
                    raise _MirrorError(f"sent more than the published {limit:,} bytes")
                received += chunk
    except urllib.error.HTTPError as fault:
        fault.close()
        raise _MirrorError(f"answered HTTP {fault.code}") from fault
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise _MirrorError(f"failed ({_cause(fault)})") from fault


def _cause(fault: Exception) -> str:
    """Return the system's words for a fault of the network, or its type; never words of the server's."""
    reason = getattr(fault, "reason", fault)
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    return getattr(reason, "strerror", None) or type(reason).__name__
