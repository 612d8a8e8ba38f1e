import json

import numpy as np
import pytest

from cnnviz.data.drawings import Drawing, DrawingsError, read_drawings, write_drawings
from cnnviz.data.preparation import prepare_strokes

SEVEN = [np.array([[0.2, 0.2], [0.8, 0.2], [0.4, 0.9]]), np.array([[0.3, 0.5], [0.7, 0.5]])]


def image() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (28, 28)).astype(np.uint8)


def test_that_written_drawings_are_read_again_as_they_were(tmp_path):
    path = tmp_path / "drawings.json"
    write_drawings(path, [Drawing(SEVEN, 7), Drawing(SEVEN[:1], None), Drawing([], 3, image())])
    seven, unlabelled, picture = read_drawings(path)
    assert [each.label for each in (seven, unlabelled, picture)] == [7, None, 3]
    for written, read in zip(SEVEN, seven.strokes, strict=True):
        np.testing.assert_array_equal(read, written)
    assert seven.image is None
    assert picture.strokes == []
    np.testing.assert_array_equal(picture.image, image())


def test_that_strokes_are_prepared_and_an_image_is_taken_as_it_is():
    np.testing.assert_array_equal(Drawing(SEVEN, 7).prepared(3.1), prepare_strokes(SEVEN, 3.1))
    np.testing.assert_array_equal(Drawing([], 7, image()).prepared(3.1), image())


@pytest.mark.parametrize(
    ("item", "finding"),
    [
        ({"label": 1, "image": [[0] * 28] * 27}, "expected an image of 28 rows of 28 grey levels from 0 to 255"),
        ({"label": 1, "image": [[0] * 27] * 28}, "expected an image of 28 rows"),
        ({"label": 1, "image": [[256] * 28] * 28}, "expected an image of 28 rows"),
        ({"label": 1, "image": [[0.5] * 28] * 28}, "expected an image of 28 rows"),
        ({"label": 1, "image": [[True] * 28] * 28}, "expected an image of 28 rows"),
        ({"label": 1, "image": [[0] * 28] * 28}, "expected an image with ink, found an empty one"),
        (
            {"label": 1, "image": image().tolist(), "strokes": [[[0, 0], [1, 1]]]},
            'expected an object with "strokes" (or',
        ),
        ({"label": 1}, 'expected an object with "strokes" (or "image")'),
    ],
)
def test_that_an_image_that_is_none_is_refused_by_its_item(tmp_path, item, finding):
    path = tmp_path / "drawings.json"
    path.write_text(json.dumps([{"strokes": [[[0, 0], [1, 1]]]}, item]))
    with pytest.raises(DrawingsError) as error:
        read_drawings(path)
    assert str(error.value).startswith(f"{path}: item 1: {finding}")
