import pytest

from cnnviz.explain.places import INPUT, Cell, Probability, Weight, exists, gradient_at, value_at


@pytest.fixture
def snapshot(make_snapshot):
    return make_snapshot("escontrela")


def test_that_a_place_leads_to_the_engine_s_own_numbers(snapshot):
    trace = snapshot.trace
    assert value_at(snapshot, Cell("conv2", (4, 5, 6))) == trace.outputs["conv2"][4, 5, 6]
    assert gradient_at(snapshot, Cell("conv2", (4, 5, 6))) == trace.output_gradients["conv2"][4, 5, 6]
    assert value_at(snapshot, Cell(INPUT, (10, 11, 0))) == trace.inputs[10, 11, 0]
    assert gradient_at(snapshot, Cell(INPUT, (10, 11, 0))) == trace.input_gradient[10, 11, 0]
    assert (
        value_at(snapshot, Weight("conv1", "weight", (3, 0, 1, 2)))
        == snapshot.parameters["conv1"]["weight"][3, 0, 1, 2]
    )
    assert value_at(snapshot, Probability(4)) == trace.probabilities[4]


def test_that_the_gradient_by_a_weight_is_that_of_the_probe_not_of_the_batch(snapshot):
    bias = Weight("dense2", "bias", (5,))
    assert gradient_at(snapshot, bias) == snapshot.trace.output_gradients["dense2"][5]
    assert gradient_at(snapshot, bias) != snapshot.gradients["dense2"]["bias"][5]


@pytest.mark.parametrize(
    ("place", "there"),
    [
        (Cell("conv2", (19, 19, 7)), True),
        (Cell("conv2", (20, 0, 0)), False),
        (Cell("conv2", (0, 0)), False),
        (Cell("conv9", (0, 0, 0)), False),
        (Cell(INPUT, (27, 27, 0)), True),
        (Weight("conv1", "bias", (7,)), True),
        (Weight("relu1", "weight", (0,)), False),
        (Weight("dense2", "weight", (9, 127)), True),
        (Probability(9), True),
        (Probability(10), False),
    ],
)
def test_that_a_place_of_another_network_is_known_to_be_gone(snapshot, place, there):
    assert exists(snapshot, place) is there


def test_that_places_are_named_as_people_name_them():
    names = [
        Cell("conv2", (12, 7, 3)),
        Cell(INPUT, (1, 2, 0)),
        Cell("dense1", (17,)),
        Weight("conv1", "weight", (3, 0, 1, 2)),
    ]
    names += [Weight("dense1", "weight", (5, 640)), Weight("conv1", "bias", (3,)), Probability(7)]
    assert [str(name) for name in names] == [
        "conv2, channel 3, (12, 7)",
        "input, (1, 2)",
        "dense1, unit 17",
        "conv1, filter 3, channel 0, (1, 2)",
        "dense1, weight of input 640 for unit 5",
        "conv1, bias 3",
        "probability of 7",
    ]
