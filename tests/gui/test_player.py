from collections.abc import Callable

import pytest
from PySide6.QtTest import QSignalSpy

from cnnviz.gui.player import Player


@pytest.fixture
def player(qapp) -> Player:
    player = Player()
    player.load(4)
    return player


def positions(player: Player) -> list[int]:
    """Return a list to which every picture that is shown from now on is added."""
    seen: list[int] = []
    player.moved.connect(lambda: seen.append(player.position))
    return seen


def test_that_pictures_are_gone_through_one_by_one_and_no_further_than_the_ends(player):
    for step in (player.forward, player.forward, player.back, player.to_last, player.forward, player.to_first):
        step()
    player.back()
    seen = positions(player)
    for step in (player.forward, player.to_last, player.forward, player.back):
        step()
    assert seen == [1, 3, 2]


def test_that_it_plays_to_the_end_and_rests_there(player, wait_until):
    player.set_pace(200)
    seen = positions(player)
    player.toggle()
    assert player.direction == 1
    wait_until(lambda: player.direction == 0)
    assert seen == [1, 2, 3]


def test_that_it_plays_backwards(player, wait_until):
    player.set_pace(200)
    player.to_last()
    seen = positions(player)
    player.toggle_backwards()
    assert player.direction == -1
    wait_until(lambda: player.direction == 0)
    assert seen == [2, 1, 0]


def test_that_it_pauses_where_it_is_and_goes_on_from_there(player, wait_until):
    player.set_pace(200)
    player.toggle()
    wait_until(lambda: player.position == 2)
    player.toggle()
    assert (player.direction, player.position) == (0, 2)
    seen = positions(player)
    player.toggle()
    wait_until(lambda: player.direction == 0)
    assert seen == [3]


@pytest.mark.parametrize(("go", "play", "expected"), [("to_last", "toggle", 0), ("to_first", "toggle_backwards", 3)])
def test_that_from_the_end_it_plays_from_the_other_one(player, go, play, expected):
    getattr(player, go)()
    getattr(player, play)()
    assert player.position == expected
    assert player.direction != 0
    player.pause()


@pytest.mark.parametrize("act", ["forward", "back", "to_first", "to_last", "pause"])
def test_that_whoever_goes_by_hand_stops_the_play(player, act):
    player.toggle()
    getattr(player, act)()
    assert player.direction == 0
    assert not player._timer.isActive()


def test_that_the_other_direction_takes_over_at_once(player):
    player.go_to(2)
    player.toggle()
    player.toggle_backwards()
    assert player.direction == -1
    player.pause()


def test_that_the_pace_is_in_pictures_a_second(player):
    player.set_pace(4)
    assert player._timer.interval() == 250


def test_that_others_begin_at_the_first_and_at_rest(player):
    player.go_to(3)
    player.toggle_backwards()
    spy = QSignalSpy(player.moved)
    player.load(9)
    assert (player.position, player.direction, player.last, spy.count()) == (0, 0, 8, 1)


def test_that_nothing_plays_where_there_is_nothing(qapp: Callable):
    player = Player()
    player.toggle()
    player.forward()
    assert (player.direction, player.position, player.last) == (0, 0, 0)
