import gzip
import hashlib
import os
import random
import re
import socket
import struct
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cnnviz.atomic import WriteError, write_atomically
from cnnviz.data import download
from cnnviz.data.connection import Line
from cnnviz.data.datasets import DataError
from cnnviz.data.download import FILES, MIRRORS, PublishedFile, download_mnist
from cnnviz.data.idx import IDX_FILES, missing_idx_files
from cnnviz.data.mnist import mnist_folder
from cnnviz.errors import Cancelled

RAW = {"train-images-idx3-ubyte": os.urandom(200_000), "t10k-labels-idx1-ubyte": bytes(range(10)) * 50}
PACKED = {f"{name}.gz": gzip.compress(content) for name, content in RAW.items()}
TINY_FILES = tuple(
    PublishedFile(
        name,
        len(PACKED[f"{name}.gz"]),
        len(content),
        hashlib.sha256(PACKED[f"{name}.gz"]).hexdigest(),
        hashlib.sha256(content).hexdigest(),
    )
    for name, content in RAW.items()
)
TOTAL = sum(map(len, PACKED.values()))


def send(handler, body, status=200, kind="application/gzip", **headers):
    handler.send_response(status)
    for name, value in {"Content-Type": kind, **headers}.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def asked_for(handler):
    return PACKED[handler.path.removeprefix("/mnist/")]


def deliver(handler):
    send(handler, asked_for(handler), Content_Length=len(asked_for(handler)))


def deliver_in_pieces(size, seconds):
    def deliver_piecemeal(handler):
        body = asked_for(handler)
        send(handler, b"", Content_Length=len(body))
        for start in range(0, len(body), size):
            handler.wfile.write(body[start : start + size])
            time.sleep(seconds)

    return deliver_piecemeal


def answer_404(handler):
    handler.send_error(404)


def close_half_way(handler):
    body = asked_for(handler)
    send(handler, body[: len(body) // 2], Content_Length=len(body))


def announce_half(handler):
    body = asked_for(handler)
    send(handler, body[: len(body) // 2], Content_Length=len(body) // 2)


def deliver_other_content(handler):
    send(handler, bytes(len(asked_for(handler))))


def deliver_unpacked_content(handler):
    send(handler, gzip.decompress(asked_for(handler)))


def deliver_a_byte_more(handler):
    send(handler, asked_for(handler) + b"\0")


def show_page(handler):
    send(handler, b"<html>log in first</html>", kind="text/html; charset=utf-8")


def redirect_to_page(handler):
    if handler.path == "/login":
        show_page(handler)
    else:
        send(handler, b"", 302, Location="/login")


def redirect_for_ever(handler):
    send(handler, b"", 302, Location=handler.path)


def send_without_end(handler):
    send(handler, b"")
    while not handler.server.released.is_set():
        handler.wfile.write(bytes(65536))


def stall_before_answering(handler):
    handler.server.released.wait(10)


def stall_half_way(handler):
    close_half_way(handler)
    handler.wfile.flush()
    handler.server.released.wait(10)


def drip(handler):
    send(handler, b"")
    while not handler.server.released.wait(0.02):
        handler.wfile.write(b"\x1f")


def drip_headers(handler):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Never-Ending: ")
    while not handler.server.released.wait(0.02):
        handler.wfile.write(b"x")


def speak_no_http(handler):
    handler.wfile.write(b"\x00\x1b[31m no HTTP\r\n" * 3)


def close_at_once(_):
    pass


def reset(handler):
    """End the connection as a broken one does, not in good order."""
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()  # wfile and rfile are of no use any more, which ends the handler with an exception


def reset_half_way(handler):
    close_half_way(handler)
    time.sleep(0.05)  # what is on its way gets lost with the connection
    reset(handler)


def answer_503(handler):
    handler.send_error(503)


def answer_nothing_in_good_order(handler):
    send(handler, b"", 204)


def redirect_to_good_file(handler):
    if handler.path.startswith("/mnist/"):
        send(handler, b"", 301, Location=handler.path.replace("/mnist/", "//mnist/"))
    else:
        deliver(handler)


def show_page_as_if_gzip(handler):
    page = b"<!DOCTYPE html><p>log in first</p>"
    send(handler, page, Content_Length=len(page))


def show_page_of_the_published_size(handler):
    send(handler, b"<p>log in first</p>".ljust(len(asked_for(handler))))


def deliver_a_bomb_of_the_published_size(handler):
    bomb = gzip.compress(bytes(20_000_000))[: len(asked_for(handler))]
    send(handler, bomb.ljust(len(asked_for(handler)), b"\0"))


def stall_in_headers(handler):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Ty")
    handler.server.released.wait(10)


def send_headers_without_end(handler):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    while not handler.server.released.is_set():
        handler.wfile.write(b"X-Never-Ending: yes\r\n" * 1000)


def send_a_header_without_end(handler):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Never-Ending: ")
    while not handler.server.released.is_set():
        handler.wfile.write(b"x" * 65536)


def promise_without_end(handler):
    while not handler.server.released.wait(0.001):
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def break_a_chunk(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\nhalf")


def send_a_chunk_of_no_size(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n")


STALLED = r"(sent only [\d,]+ bytes in 0.3 s|failed \(no answer in time\))"
FAULTS = {
    answer_404: "answered HTTP 404",
    close_half_way: r"sent only [\d,]+ of [\d,]+ bytes",
    announce_half: r"sent only [\d,]+ of [\d,]+ bytes",
    deliver_other_content: "sent other content than was published",
    deliver_unpacked_content: r"sent only [\d,]+ of [\d,]+ bytes",
    show_page: "sent a web page instead",
    redirect_to_page: "answered HTTP 302",
    redirect_for_ever: "answered HTTP 302",
    deliver_a_byte_more: r"sent more than the published [\d,]+ bytes",
    send_without_end: r"sent more than the published [\d,]+ bytes",
    stall_before_answering: STALLED,
    stall_half_way: STALLED,
    drip: STALLED,
    drip_headers: STALLED,
    speak_no_http: r"failed \(BadStatusLine\)",
    close_at_once: r"failed \(RemoteDisconnected\)",
    reset: r"failed \(Connection reset by peer\)",
    reset_half_way: r"failed \(Connection reset by peer\)",
    answer_503: "answered HTTP 503",
    answer_nothing_in_good_order: r"sent only 0 of [\d,]+ bytes",
    redirect_to_good_file: "answered HTTP 301",
    show_page_as_if_gzip: r"sent only 34 of [\d,]+ bytes",
    show_page_of_the_published_size: "sent other content than was published",
    deliver_a_bomb_of_the_published_size: "sent other content than was published",
    stall_in_headers: STALLED,
    send_headers_without_end: r"failed \(HTTPException\)",
    send_a_header_without_end: r"failed \(LineTooLong\)",
    promise_without_end: STALLED,
    break_a_chunk: r"failed \(IncompleteRead\)",
    send_a_chunk_of_no_size: r"failed \(IncompleteRead\)",
}


def transfers():
    return [thread for thread in threading.enumerate() if thread.name == "download"]


def fetch(folder, *mirrors, progress=None, timeout=5.0):
    return download_mnist(folder, progress, [mirror.url for mirror in mirrors], TINY_FILES, timeout)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_that_all_files_arrive_as_published(serve, tmp_path):
    folder = tmp_path / "new" / "folder"
    assert fetch(folder, serve(deliver)) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == PACKED


def test_that_progress_counts_the_bytes_of_all_files(serve, tmp_path):
    reports = []
    fetch(tmp_path, serve(deliver), progress=lambda done, total: reports.append((done, total)))
    done = [done for done, _ in reports]
    assert done == sorted(done)
    assert reports[0][0] == 0
    assert reports[-1] == (TOTAL, TOTAL)
    assert {total for _, total in reports} == {TOTAL}


@pytest.mark.parametrize("answer", FAULTS, ids=lambda answer: answer.__name__)
def test_that_the_second_mirror_takes_over(serve, tmp_path, answer):
    faulty, good = serve(answer), serve(deliver)
    fetch(tmp_path, faulty, good, timeout=0.3)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == PACKED
    assert len([name for name in faulty.asked if name in PACKED]) >= 1


@pytest.mark.parametrize(("answer", "fault"), FAULTS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_that_nothing_is_left_and_the_fault_is_told_when_no_mirror_delivers(serve, tmp_path, answer, fault):
    mirror = serve(answer)
    with pytest.raises(DataError) as caught:
        fetch(tmp_path, mirror, timeout=0.3)
    line = str(caught.value)
    assert re.match(f"could not download {TINY_FILES[0].name}.gz: {mirror.name} {fault};", line)
    assert line.endswith(
        "; check the network connection and try again, or name a folder that holds MNIST with --data-dir DIR"
    )
    assert line.isprintable()
    assert names(tmp_path) == []


def test_that_what_each_mirror_did_is_told(serve, tmp_path):
    first, second = serve(answer_404), serve(show_page)
    with pytest.raises(DataError, match=f"{first.name} answered HTTP 404, {second.name} sent a web page instead;"):
        fetch(tmp_path, first, second)


def test_that_a_mirror_that_cannot_be_reached_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(DataError, match=rf"{address} failed \(Connection refused\)"):
        download_mnist(tmp_path, mirrors=[f"http://{address}/"], files=TINY_FILES)


def test_that_later_files_come_from_the_mirror_that_delivered(serve, tmp_path):
    faulty, good = serve(answer_404), serve(deliver)
    fetch(tmp_path, faulty, good)
    assert faulty.asked == list(PACKED)[:1]
    assert good.asked == list(PACKED)


def test_that_files_fetched_before_a_fault_stay(serve, tmp_path):
    def deliver_first_only(handler):
        if TINY_FILES[0].name in handler.path:
            deliver(handler)
        else:
            answer_404(handler)

    with pytest.raises(DataError, match=TINY_FILES[1].name):
        fetch(tmp_path, serve(deliver_first_only))
    assert names(tmp_path) == [f"{TINY_FILES[0].name}.gz"]
    good = serve(deliver)
    fetch(tmp_path, good)
    assert good.asked == [f"{TINY_FILES[1].name}.gz"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda raw: gzip.compress(raw, 1)])
def test_that_files_with_the_published_content_are_not_fetched_however_packed(serve, tmp_path, pack):
    for name, content in RAW.items():
        (tmp_path / name).write_bytes(pack(content))
    mirror, reports = serve(deliver), []
    fetch(tmp_path, mirror, progress=lambda *report: reports.append(report))
    assert mirror.asked == []
    assert names(tmp_path) == sorted(RAW)
    assert reports[-1] == (TOTAL, TOTAL)


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b broken", bytes(1000), next(iter(PACKED.values()))[:-1]])
def test_that_damaged_files_are_replaced(serve, tmp_path, damage):
    for name in PACKED:
        (tmp_path / name).write_bytes(damage)
    fetch(tmp_path, serve(deliver))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == PACKED


@pytest.mark.parametrize("hash_name", ["packed_sha256", "sha256"])
def test_that_either_hash_that_does_not_fit_is_noticed(serve, tmp_path, hash_name):
    other = replace(TINY_FILES[0], **{hash_name: "0" * 64})
    with pytest.raises(DataError, match="sent other content than was published"):
        download_mnist(tmp_path, None, [serve(deliver).url], [other])
    assert names(tmp_path) == []


SOON = 2.0  # seconds; 0.1 by design, the rest for a busy machine; a mirror's own limit here is 10


class CancelOnce:
    """A progress callback that cancels as soon as ``condition`` holds, and notes when that was asked first."""

    def __init__(self, condition):
        self.condition = condition
        self.called = []

    def __call__(self, done, total):
        self.called.append(time.monotonic())
        if self.condition(done):
            raise Cancelled

    def longest_silence(self):
        return max(after - before for before, after in zip(self.called, self.called[1:], strict=False))


@pytest.mark.parametrize("answer", [stall_before_answering, stall_half_way, drip_headers], ids=lambda f: f.__name__)
def test_that_a_download_from_a_stalled_mirror_is_cancelled_soon(serve, tmp_path, answer):
    wish = time.monotonic() + 0.5
    cancel = CancelOnce(lambda done: time.monotonic() > wish)
    with pytest.raises(Cancelled):
        fetch(tmp_path, serve(answer), progress=cancel, timeout=10.0)
    assert time.monotonic() - wish < SOON
    assert cancel.longest_silence() < SOON
    assert names(tmp_path) == []


def test_that_a_download_is_cancelled_while_the_name_of_the_mirror_is_looked_up(serve, tmp_path, monkeypatch):
    answered = threading.Event()

    def look_up(*_, **__):
        answered.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    wish = time.monotonic() + 0.2
    with pytest.raises(Cancelled):
        fetch(tmp_path, serve(deliver), progress=CancelOnce(lambda done: time.monotonic() > wish), timeout=10.0)
    assert time.monotonic() - wish < SOON
    answered.set()


@pytest.mark.parametrize(
    "answer",
    [drip, drip_headers, stall_before_answering, stall_in_headers, stall_half_way, promise_without_end],
    ids=lambda f: f.__name__,
)
def test_that_a_cancelled_download_does_not_go_on_unseen(serve, tmp_path, answer):
    mirror = serve(answer)
    wish = time.monotonic() + 0.2
    with pytest.raises(Cancelled):
        fetch(tmp_path, mirror, progress=CancelOnce(lambda done: time.monotonic() > wish), timeout=10.0)
    for thread in transfers():
        thread.join(SOON)  # though the mirror would go on
    assert not transfers()
    assert not mirror.released.is_set()


def test_that_a_mirror_that_was_given_up_is_not_listened_to_any_more(serve, tmp_path):
    faulty = serve(promise_without_end)
    fetch(tmp_path, faulty, serve(deliver), timeout=0.3)
    for thread in transfers():
        thread.join(SOON)
    assert not transfers()


def test_that_a_connection_made_after_the_wish_to_cancel_is_not_used(serve):
    line = Line()
    line.cut()
    mirror = serve(deliver)
    with pytest.raises(OSError, match="urlopen error"):
        line.open(f"{mirror.url}{next(iter(PACKED))}", 5.0)
    assert mirror.asked == []


def test_that_at_whatever_moment_a_download_is_cancelled_only_whole_files_are_kept(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "POLL_SECONDS", 0.002)
    mirror, moments = serve(deliver_in_pieces(10_000, 0.005)), random.Random(6)
    cancelled, kept = 0, set()
    for trial in range(30):
        folder, wish = tmp_path / str(trial), time.monotonic() + moments.uniform(0.0, 0.25)
        try:
            fetch(folder, mirror, progress=CancelOnce(lambda done, wish=wish: time.monotonic() > wish))
        except Cancelled:
            cancelled += 1
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert found.items() <= PACKED.items()
        kept.add(len(found))
    assert cancelled > 5
    assert len(kept) > 1  # the moments were spread


def test_that_a_disk_that_fills_up_is_told_and_leaves_whole_files_only(serve, tmp_path, monkeypatch):
    def fail_on_the_second(path, write):
        if TINY_FILES[1].name in path.name:
            raise WriteError(f"could not write {path}: the disk is full")
        write_atomically(path, write)

    monkeypatch.setattr(download, "write_atomically", fail_on_the_second)
    with pytest.raises(WriteError, match="the disk is full"):
        fetch(tmp_path, serve(deliver))
    assert names(tmp_path) == [f"{TINY_FILES[0].name}.gz"]


def test_that_what_killed_downloads_left_is_cleared_from_the_cache_but_from_no_folder_of_the_user_s(
    serve, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    left = f".cnnviz-{'0' * 16}.tmp"
    for folder, stays in ((mnist_folder(), False), (tmp_path / "of the user's", True)):
        folder.mkdir(parents=True)
        (folder / left).write_bytes(b"half")
        os.utime(folder / left, (0, 0))
        fetch(folder, serve(deliver))
        assert (folder / left).exists() == stays


def test_that_a_bomb_or_an_enormous_file_in_the_folder_is_not_unpacked(serve, tmp_path, monkeypatch):
    (tmp_path / f"{TINY_FILES[0].name}.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    with open(tmp_path / f"{TINY_FILES[1].name}.gz", "wb") as enormous:
        enormous.write(PACKED[f"{TINY_FILES[1].name}.gz"])  # what follows is read byte by byte
        enormous.truncate(10 * 2**30)
    looked_at, sha256 = [], hashlib.sha256

    class Counting:
        def __init__(self, content=b""):
            self._hash = sha256(content)
            self.hexdigest = self._hash.hexdigest

        def update(self, content):
            looked_at.append(len(content))
            self._hash.update(content)

    monkeypatch.setattr(hashlib, "sha256", Counting)
    began = time.monotonic()
    fetch(tmp_path, serve(deliver))
    assert time.monotonic() - began < SOON
    assert sum(looked_at) <= 3 * sum(map(len, RAW.values()))
    assert {name: (tmp_path / name).read_bytes() for name in PACKED} == PACKED


def test_that_a_cancelled_download_keeps_whole_files_only(serve, tmp_path):
    with pytest.raises(Cancelled):
        fetch(tmp_path, serve(deliver), progress=CancelOnce(lambda done: done >= TINY_FILES[0].packed_bytes))
    assert set(names(tmp_path)) <= {f"{TINY_FILES[0].name}.gz"}
    for path in tmp_path.iterdir():
        assert path.read_bytes() == PACKED[path.name]


def test_that_an_endless_download_is_ended_before_memory_is_filled(serve, tmp_path):
    mirror = serve(send_without_end)
    highest = []
    with pytest.raises(DataError):
        fetch(tmp_path, mirror, progress=lambda done, total: highest.append(done))
    assert max(highest) <= TINY_FILES[0].packed_bytes


def test_that_a_mirror_above_the_slowest_rate_is_waited_for(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "POLL_SECONDS", 0.01)
    fetch(tmp_path, serve(deliver_in_pieces(20_000, 0.05)), timeout=0.2)
    assert set(names(tmp_path)) == set(PACKED)


def test_that_a_folder_that_cannot_be_made_is_told_before_anything_is_fetched(serve, tmp_path):
    (tmp_path / "file").touch()
    mirror = serve(deliver)
    with pytest.raises(WriteError, match=r"could not create the folder .*file: what should be its folder is a file"):
        fetch(tmp_path / "file", mirror)
    assert mirror.asked == []


def test_that_a_file_that_cannot_be_written_is_told(serve, tmp_path):
    (tmp_path / f"{TINY_FILES[0].name}.gz").mkdir()
    with pytest.raises(WriteError, match="it is a folder"):
        fetch(tmp_path, serve(deliver))


def test_that_the_folder_is_by_default_where_mnist_is_looked_for(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path))
    assert fetch(None, serve(deliver)) == tmp_path
    assert set(names(tmp_path)) == set(PACKED)


def test_that_the_mirrors_are_encrypted_and_the_files_are_those_that_are_loaded():
    assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in MIRRORS)
    assert tuple(file.name for file in FILES) == IDX_FILES
    assert [file.packed_bytes for file in FILES] == [9_912_422, 28_881, 1_648_877, 4_542]
    assert [file.content_bytes for file in FILES] == [16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000]


def test_that_the_real_files_are_recognised_by_their_content():
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("CNNVIZ_TEST_DATA", beside)) / "mnist"
    if missing_idx_files(folder):
        pytest.skip(f"needs the four MNIST files in {folder}")
    assert download_mnist(folder, mirrors=()) == folder
