import os
import pickle

import numpy as np
import pytest

from cnnviz.nn import Parameters
from cnnviz.training.config import TrainingConfig
from cnnviz.training.control import ProbeChoice
from cnnviz.training.messages import Begin, Ready, Wish, receive, send
from cnnviz.training.shared_memory import SharedMemory, attach


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as writer:
        yield reader, writer


def test_that_messages_come_out_in_order_and_as_they_went_in(pipe):
    reader, writer = pipe
    parameters = Parameters.zeros(TrainingConfig.from_preset("zhou", "strokes").recipe.build().parameter_shapes)
    parameters.vector[:100] = np.arange(100)
    image = np.arange(784, dtype=np.uint8).reshape(28, 28)
    config = TrainingConfig.from_preset("zhou", "strokes", seed=3)
    send(writer, Ready(7))
    send(writer, Begin(8, config, None, 2.5, ProbeChoice("drawing", image=image)))
    send(writer, Wish(8, "set_speed", (None,)))
    assert receive(reader) == Ready(7)
    begun = receive(reader)
    assert (begun.run, begun.config, begun.parameters, begun.steps_per_second) == (8, config, None, 2.5)
    assert np.array_equal(begun.probe.image, image)
    assert receive(reader) == Wish(8, "set_speed", (None,))


@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.999])
def test_that_a_message_that_breaks_off_is_an_end(pipe, part):
    reader, writer = pipe
    image = np.zeros((28, 28), np.uint8)
    send(writer, Wish(1, "set_probe", (ProbeChoice("drawing", image=image),)))
    whole = reader.read1(100_000)
    writer.write(whole[: int(part * len(whole))])
    writer.close()
    with pytest.raises(EOFError):
        receive(reader)


def test_that_an_array_goes_as_it_lies_in_memory_once(pipe):
    reader, writer = pipe
    image = np.arange(784, dtype=np.uint8)
    send(writer, Wish(1, "set_probe", (image,)))
    assert reader.read1(100_000).count(image.tobytes()) == 1


def test_that_parameters_go_through_pickle_as_one_vector():
    parameters = Parameters.zeros(TrainingConfig.from_preset("zhou", "strokes").recipe.build().parameter_shapes)
    parameters.vector[:] = np.arange(len(parameters.vector))
    frame = pickle.dumps(parameters, protocol=5)
    copy = pickle.loads(frame)
    assert len(frame) < parameters.vector.nbytes + 1000
    assert copy.shapes == parameters.shapes
    for name, array in parameters.flat().items():
        assert np.array_equal(copy.flat()[name], array)
        assert np.shares_memory(copy.flat()[name], copy.vector)


def test_that_both_sides_of_shared_memory_see_the_same_values_and_growth_keeps_what_is_in_use():
    memory = SharedMemory()
    ours = memory.arrays(2, 3)
    theirs = attach(memory.handle, 2, 3)
    theirs[1, 2] = 5.0
    assert ours[1, 2] == 5.0
    larger = memory.arrays(100, 1000)
    memory.arrays(2, 3)
    larger[99, 999] = 6.0
    assert attach(memory.handle, 100, 1000)[99, 999] == 6.0
    memory.close()
    ours[0, 0] = 7.0
    assert theirs[0, 0] == 7.0
