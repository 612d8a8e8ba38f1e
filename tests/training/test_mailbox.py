import threading

from cnnviz.training.mailbox import Mailbox


def test_that_a_new_mailbox_is_empty():
    mailbox = Mailbox()
    assert mailbox.is_empty
    assert mailbox.take() is None


def test_that_the_newest_content_wins():
    mailbox = Mailbox()
    mailbox.put("old")
    mailbox.put("new")
    assert not mailbox.is_empty
    assert mailbox.take() == "new"


def test_that_taking_empties_the_mailbox():
    mailbox = Mailbox()
    mailbox.put("letter")
    mailbox.take()
    assert mailbox.is_empty
    assert mailbox.take() is None


def test_that_a_reader_on_another_thread_sees_rising_numbers_and_at_last_the_last():
    mailbox: Mailbox[int] = Mailbox()
    writer = threading.Thread(target=lambda: [mailbox.put(number) for number in range(1, 20_001)])
    writer.start()
    seen = []
    while writer.is_alive() or not mailbox.is_empty:
        if (number := mailbox.take()) is not None:
            seen.append(number)
    writer.join()
    assert seen[-1] == 20_000
    assert seen == sorted(set(seen))
