import io
import itertools
import pickle
import pickletools
import random

import numpy as np
import pytest

from cnnviz.data.preprocessing import Normalization
from cnnviz.formats import FormatError, SavedParameters
from cnnviz.formats.params_pkl import decode, encode

PROTOCOLS = range(6)


@pytest.fixture(scope="module")
def published(escontrela):
    """The list ``params`` of the published scripts."""
    order = ["conv1/weight", "conv2/weight", "dense1/weight", "dense2/weight"]
    weights = [escontrela.parameters[name].astype(np.float64) for name in order]
    biases = [escontrela.parameters[name.replace("weight", "bias")].astype(np.float64)[:, np.newaxis] for name in order]
    return weights + biases


def with_array(published, index, array):
    return [*published[:index], array, *published[index + 1 :]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_that_the_list_of_the_article_is_read(protocol, published, escontrela, assert_equal_parameters):
    found = decode(pickle.dumps(published, protocol))
    assert_equal_parameters(found, escontrela)
    assert found.training == {}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("number", [np.float64, float])
def test_that_the_list_and_costs_of_the_repository_are_read(
    protocol, number, published, escontrela, assert_equal_parameters
):
    cost = [number(0.001 * step) for step in range(3126)]
    found = decode(pickle.dumps([published, cost], protocol))
    assert_equal_parameters(found, escontrela)
    assert found.training == {"steps": 3126}


def test_that_an_empty_list_of_costs_says_nothing_of_the_training(published):
    assert decode(pickle.dumps([published, []])).training == {}


def test_that_it_is_normalised_and_scored_as_published(published):
    found = decode(pickle.dumps(published))
    assert found.normalization == Normalization(33, 78)
    assert found.test_normalization is None


def test_that_the_published_script_reads_what_is_written(escontrela, published):
    params, cost = pickle.load(io.BytesIO(encode(escontrela)))
    assert cost == []
    [f1, f2, w3, w4, b1, b2, b3, b4] = params
    for found, expected in zip([f1, f2, w3, w4, b1, b2, b3, b4], published, strict=True):
        assert found.dtype == np.float64
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, expected)


def test_that_numpy_1_and_python_3_know_every_name_that_is_written(escontrela):
    operations = list(pickletools.genops(encode(escontrela)))
    assert {argument for operation, argument, _ in operations if operation.name == "GLOBAL"} == {
        "numpy.core.multiarray _reconstruct",
        "numpy ndarray",
        "numpy dtype",
    }
    assert operations[0][1] == 3
    assert max(operation.proto for operation, _, _ in operations) == 3


def test_that_another_network_is_referred_to_npz(zhou):
    with pytest.raises(FormatError, match=r"escontrela network only, not zhou; save as \.npz$"):
        encode(zhou)


def test_that_another_normalisation_is_referred_to_npz(escontrela):
    saved = SavedParameters("escontrela", escontrela.parameters, Normalization(41.5, 80))
    with pytest.raises(
        FormatError, match=r"mean 33 and std 78, but these parameters need 41\.5 and 80; save as \.npz$"
    ):
        encode(saved)


@pytest.mark.parametrize(
    ("index", "array", "message"),
    [
        (0, np.zeros((8, 1, 3, 3)), r"conv1/weight has shape \(8, 1, 3, 3\), expected \(8, 1, 5, 5\)"),
        (2, np.zeros((800, 128)), r"dense1/weight has shape \(800, 128\), expected \(128, 800\)"),
        (4, np.zeros(8), r"conv1/bias has shape \(8,\), expected \(8, 1\)"),
        (7, np.full((10, 1), np.nan), "dense2/bias holds values that are not finite"),
        (7, np.full((10, 1), np.inf), "dense2/bias holds values that are not finite"),
        (7, np.full((10, 1), 1e39), "dense2/bias holds values that are not finite"),
        (7, [[0.0]] * 10, "no array where dense2/bias should be"),
        (7, None, "no array where dense2/bias should be"),
        (7, np.zeros((10, 1), int), "calls dtype"),
        (7, np.zeros((10, 1), complex), "calls dtype"),
        (7, np.zeros((10, 1), np.float16), "calls dtype"),
        (7, np.full((10, 1), None), "calls dtype"),
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_that_another_array_is_refused(index, array, message, protocol, published):
    with pytest.raises(FormatError, match=message):
        decode(pickle.dumps(with_array(published, index, array), protocol))


@pytest.mark.parametrize(
    "form", ["seven", "nine", "costs first", "costs of text", "costs of lists", "three parts", "dict"]
)
def test_that_another_form_is_refused(form, published):
    content = {
        "seven": published[:7],
        "nine": [*published, 0.5],
        "costs first": [[0.5], published],
        "costs of text": [published, ["0.5"]],
        "costs of lists": [published, [[0.5]]],
        "three parts": [published, [0.5], [0.5]],
        "dict": {"params": published},
    }[form]
    with pytest.raises(FormatError):
        decode(pickle.dumps(content, 3))


def test_that_arrays_without_contents_are_refused():
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\1btR"
    with pytest.raises(FormatError, match="no array where conv1/weight should be"):
        decode(b"](" + array * 8 + b"e.")


@pytest.mark.parametrize(
    "stream", [b"]q\0h\0a.", b"](K\0K\0K\0K\0K\0K\0K\0K\0ee.", b"]q\0(" + b"h\0" * 8 + b"e.", b"N."]
)
def test_that_a_tangle_of_lists_is_refused(stream):
    with pytest.raises(FormatError):
        decode(stream)


def structure(data):
    """The places in a pickle that are not inside the contents of an array."""
    starts = [place for _, _, place in pickletools.genops(data)] + [len(data)]
    return [place for start, end in itertools.pairwise(starts) for place in range(start, min(end, start + 80))]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_that_a_file_cut_off_between_two_operations_is_refused(protocol, published):
    data = pickle.dumps([published, [np.float64(0.5)]], protocol)
    for place in structure(data)[::7]:
        with pytest.raises(FormatError):
            decode(data[:place])


def test_that_no_damage_lets_anything_but_a_format_error_out(published):
    rng = random.Random(17)
    pickles = [pickle.dumps([published, [np.float64(0.5)] * 3], protocol) for protocol in (2, 3, 4, 5)]
    places = [structure(data) for data in pickles]
    survived, messages = 0, set()
    for number in range(2000):
        data = bytearray(pickles[number % 4])
        for place in rng.sample(places[number % 4], rng.randint(1, 4)):
            data[place] = rng.randrange(256)
        try:
            decode(bytes(data))
            survived += 1
        except FormatError as fault:
            messages.add(str(fault))
    assert survived < 1000
    assert len(messages) > 20
    assert not any("\n" in message for message in messages)
