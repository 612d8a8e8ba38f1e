import io

import numpy as np
from PIL import Image

from cnnviz.data.datasets import ArrayImageSet
from cnnviz.data.preview import GAP, GAP_GREY, contact_sheet, write_png


def image_set(labels):
    labels = np.array(labels)
    grey = 100 + 10 * labels + np.arange(len(labels))
    return ArrayImageSet(np.broadcast_to(grey[:, None, None], (len(labels), 28, 28)).astype(np.uint8), labels)


def test_that_each_digit_has_its_row_and_images_come_in_stored_order():
    sheet = contact_sheet(image_set([3, 0, 3, 3]), per_digit=2, enlargement=1)
    top = 3 * (28 + GAP) + GAP
    assert (sheet[top : top + 28, GAP : GAP + 28] == 130).all()
    assert (sheet[top : top + 28, 28 + 2 * GAP : 56 + 2 * GAP] == 132).all()
    assert (sheet[GAP : GAP + 28, GAP : GAP + 28] == 101).all()


def test_that_gaps_and_missing_images_are_grey():
    sheet = contact_sheet(image_set([3]), per_digit=2, enlargement=1)
    assert (sheet[:GAP] == GAP_GREY).all()
    assert (sheet[: 3 * (28 + GAP)] == GAP_GREY).all()


def test_that_pixels_are_enlarged_without_blur():
    small = contact_sheet(image_set([1, 2]), per_digit=1, enlargement=1)
    large = contact_sheet(image_set([1, 2]), per_digit=1, enlargement=3)
    assert large.shape == (3 * small.shape[0], 3 * small.shape[1])
    np.testing.assert_array_equal(large[1::3, 1::3], small)


def test_that_a_sheet_is_read_no_further_than_needed():
    class Counting(ArrayImageSet):
        last = 0

        def batch(self, indices):
            self.last = indices[-1]
            return super().batch(indices)

    whole = image_set(list(range(10)) * 100)
    counting = Counting(whole.images, whole.labels)
    contact_sheet(counting, per_digit=5)
    assert counting.last < 250


def test_that_a_written_sheet_can_be_read_again():
    pixels = contact_sheet(image_set([1, 2]), per_digit=1, enlargement=1)
    file = io.BytesIO()
    write_png(file, pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(file)), pixels)
