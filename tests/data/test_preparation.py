import logging
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnviz.data import preparation
from cnnviz.data.idx import read_idx_images
from cnnviz.data.preparation import PreparationError, prepare_picture, prepare_strokes, read_picture

SEVEN = [np.array([(10, 10), (50, 8), (90, 10), (60, 60), (40, 120)], float)]
FOUR = [np.array([(20, 0), (5, 50), (80, 48)], float), np.array([(60, 5), (55, 50), (50, 110)], float)]


def centre_of_mass(image):
    index = np.arange(28)
    total = image.sum(dtype=float)
    return image.sum(axis=1) @ index / total, image.sum(axis=0) @ index / total


def extent(image):
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


def assert_framed(image):
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert image.max() == 255
    assert max(extent(image)) == 20
    for coordinate in centre_of_mass(image):
        assert 13.5 <= coordinate < 14.5


def picture(strokes=SEVEN, factor=10):
    return np.kron(prepare_strokes(strokes), np.ones((factor, factor), np.uint8))


def assert_alike(image, wanted, tolerance=14):
    """Assert that both are the same digit, perhaps moved by a pixel where its mass lies between two."""
    assert max(extent(image)) >= 19
    wanted = wanted.astype(int)
    moves = [np.roll(image, move, (0, 1)) for move in np.ndindex(3, 3)]
    assert min(np.abs(np.roll(moved, (-1, -1), (0, 1)) - wanted).mean() for moved in moves) < tolerance


def soft_ink(strokes=FOUR, side=280):
    """Return a large picture of a digit in the middle, (side, side), 0 (paper) to 1 (ink), with soft edges."""
    small = Image.fromarray(prepare_strokes(strokes))
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC)) / 255


def photograph(ink, light, paper=230, pen=60, noise=4):
    """Return grey levels of ink (height, width) on paper under ``light``, with noise."""
    levels = light * (paper + (pen - paper) * ink) + np.random.default_rng(0).normal(0, noise, ink.shape)
    return np.clip(levels, 0, 255).astype(np.uint8)


ROWS, COLUMNS = np.mgrid[:400, :400] / 400 - 0.5
LIGHTS = {
    "vignette": 1 - 1.2 * (ROWS**2 + COLUMNS**2),
    "slope": 1 + 0.7 * COLUMNS,
    "soft shadow": 1 - 0.5 / (1 + np.exp(-20 * (COLUMNS - 0.6 * ROWS))),
    "hard shadow": np.where(COLUMNS > 0.6 * ROWS + 0.05, 0.6, 1.0),
    "shadow at one side": np.where(COLUMNS > 0.3 * ROWS + 0.3, 0.6, 1.0),
    "lamp": 0.5 + 0.5 * np.exp(-8 * (ROWS + 0.3) ** 2 - 8 * (COLUMNS + 0.2) ** 2),
}


@pytest.mark.parametrize("strokes", [SEVEN, FOUR, [stroke[:, ::-1] for stroke in SEVEN]])
@pytest.mark.parametrize("pen_width", [1.7, 2.5, 4.0])
def test_that_a_drawing_fills_the_box_and_its_centre_of_mass_is_at_14(strokes, pen_width):
    assert_framed(prepare_strokes(strokes, pen_width))


@pytest.mark.parametrize(("scale", "shift"), [(0.01, 0), (7, 0), (1e300, 0), (1e-300, 0), (1, (-300, 1000)), (3, 0.37)])
def test_that_place_and_scale_of_a_drawing_do_not_matter(scale, shift):
    moved = prepare_strokes([stroke * scale + shift for stroke in FOUR])
    np.testing.assert_allclose(moved.astype(int), prepare_strokes(FOUR).astype(int), atol=1)


def test_that_ink_is_as_wide_as_the_pen():
    image = prepare_strokes([np.array([(0, 0), (0, 100)], float)], pen_width=3.0)
    assert image[10:18].sum(axis=1).mean() / 255 == pytest.approx(3.0, abs=0.1)


def test_that_a_stroke_of_few_events_is_an_unbroken_curve():
    angle = np.linspace(0, 2 * np.pi, 8)  # a circle, drawn fast
    image = prepare_strokes([np.stack([np.cos(angle), np.sin(angle)], axis=1)])
    fine = np.linspace(0, 2 * np.pi, 500)
    ring = 13.5 + 8.7 * np.stack([np.sin(fine), np.cos(fine)])
    rows, columns = np.rint(ring + (np.array(centre_of_mass(image)) - 13.5)[:, None]).astype(int)
    assert image[rows, columns].min() > 128


def test_that_a_path_is_the_same_whether_it_is_made_at_once_or_in_parts(monkeypatch):
    angle = np.linspace(0, 20, 150)
    spiral = [np.stack([angle * np.cos(angle), angle * np.sin(angle) + (angle > 15)], axis=1), *FOUR]
    in_parts = {}
    for count in (1, 2, 7, 1000):
        monkeypatch.setattr(preparation, "_AT_ONCE", count)
        in_parts[count] = preparation._smooth(spiral[0])
        np.testing.assert_allclose(in_parts[count], in_parts[1], atol=1e-12)
    assert len(in_parts[1]) > 400


def test_that_a_scribble_of_a_million_points_is_drawn_in_bounded_memory():
    angle = np.linspace(0, 2 * np.pi, 1_000_000)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    hundred = circle[np.linspace(0, 999_999, 101).astype(int)]
    np.testing.assert_allclose(prepare_strokes([circle]).astype(int), prepare_strokes([hundred]), atol=16)
    noise = np.random.default_rng(0).random((1_000_000, 2))
    assert (prepare_strokes([noise, circle]) > 0).sum() > 200


def test_that_more_strokes_than_anybody_draws_are_refused():
    with pytest.raises(PreparationError, match="expected a digit of at most 1,000 strokes, found 1,001: draw fewer"):
        prepare_strokes([np.array([(index, 0.0)]) for index in range(1001)])


def test_that_a_sharp_turn_stays_sharp():
    corner = prepare_strokes([np.array([(0, 0), (100, 0), (100, 100)], float)])
    rows, columns = np.flatnonzero(corner.any(axis=1)), np.flatnonzero(corner.any(axis=0))
    assert corner[rows[0] + 1, columns[-1] - 1] == 255
    assert corner[rows[0] : rows[0] + 10, columns[0] : columns[0] + 15].sum() / 255 == pytest.approx(15 * 2.5, rel=0.1)


def test_that_repeated_and_jittering_events_change_nothing():
    still = [np.repeat(stroke, 3, axis=0) for stroke in SEVEN]
    np.testing.assert_array_equal(prepare_strokes(still), prepare_strokes(SEVEN))
    back_and_forth = [np.array([(0, 0), (0, 100), (0, 0)], float)]
    once = prepare_strokes([back_and_forth[0][:2]])
    assert prepare_strokes(back_and_forth).sum(dtype=float) == pytest.approx(once.sum(dtype=float), rel=0.06)


@pytest.mark.parametrize("strokes", [[np.array([(5.0, 5.0)])], [np.array([(5.0, 5.0)] * 4)]])
def test_that_a_single_place_is_a_dot_in_the_middle(strokes):
    image = prepare_strokes(strokes)
    assert max(extent(image)) <= 4
    assert 14 in np.flatnonzero(image.any(axis=0))


def test_that_a_drawing_within_the_dot_extent_is_not_enlarged():
    click = [np.array([(100, 100), (102, 101)], float)]
    assert max(extent(prepare_strokes(click, dot_extent=3))) <= 4
    assert max(extent(prepare_strokes(click, dot_extent=1))) == 20


def test_that_strokes_without_points_are_passed_over():
    np.testing.assert_array_equal(prepare_strokes([np.empty((0, 2)), *SEVEN]), prepare_strokes(SEVEN))


@pytest.mark.parametrize("strokes", [[], [np.empty((0, 2))]])
def test_that_an_empty_drawing_is_refused(strokes):
    with pytest.raises(ValueError, match="empty drawing"):
        prepare_strokes(strokes)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_that_coordinates_which_are_not_finite_are_refused(bad):
    with pytest.raises(PreparationError, match="stroke 2: expected finite coordinates"):
        prepare_strokes([*SEVEN, np.array([(0, bad)])])


@pytest.mark.parametrize("factor", [1, 3, 10])
def test_that_an_enlarged_image_is_reduced_to_itself(factor):
    image = prepare_strokes(FOUR)
    np.testing.assert_allclose(prepare_picture(picture(FOUR, factor)), image, atol=12)


@pytest.mark.parametrize("mnist_digit", range(0, 40, 5))
def test_that_an_enlarged_mnist_image_stays_nearly_the_same(mnist_digit):
    folder = Path(os.environ.get("CNNVIZ_TEST_DATA", Path(__file__).resolve().parents[2] / "../shared/data"))
    images = folder / "mnist" / "t10k-images-idx3-ubyte.gz"
    if not images.exists():
        pytest.skip(f"needs MNIST in {images.parent}")
    image = read_idx_images(images)[mnist_digit].astype(int)
    prepared = prepare_picture(np.kron(image, np.ones((10, 10))))
    assert np.abs(prepared - image).mean() < 3


def test_that_dark_ink_on_light_paper_is_read_as_light_on_dark():
    np.testing.assert_array_equal(prepare_picture(255 - picture()), prepare_picture(picture()))


@pytest.mark.parametrize("grey_scale", [1 / 255, 1, 257])
def test_that_the_scale_of_grey_levels_does_not_matter(grey_scale):
    np.testing.assert_allclose(
        prepare_picture(picture().astype(float) * grey_scale), prepare_picture(picture()), atol=1
    )


def test_that_place_and_margin_in_the_picture_do_not_matter():
    wide = np.pad(picture(), ((150, 20), (35, 90)))
    np.testing.assert_array_equal(prepare_picture(wide), prepare_picture(picture()))


def test_that_shade_and_noise_of_the_paper_are_removed():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:280, :280] / 280
    photograph = 220 - 60 * columns - 60 * rows - 0.35 * picture() + rng.normal(0, 3, (280, 280))
    assert_alike(prepare_picture(photograph), prepare_strokes(SEVEN))


def test_that_ink_whose_strength_differs_by_rounding_only_is_prepared():
    shadow = np.full((40, 32), 230.0)
    shadow[:20] = 121
    shadow[8:34, 14:18] *= 0.5
    shadow[9:34:2, 14:18] *= 1 + 1e-6
    assert_framed(prepare_picture(shadow))


def test_that_a_hair_line_is_widened():
    thin = np.zeros((400, 400))
    thin[50:350, 200] = 1
    prepared = prepare_picture(thin)
    assert prepared[10:18].sum(axis=1).mean() / 255 == pytest.approx(1.7, abs=0.3)
    assert_framed(prepared)


def test_that_ink_of_one_strength_is_found_beside_a_shadow():
    picture = np.full((140, 140), 230.0)
    picture[40:100, 60:75] = 40
    picture[:, 75:] -= np.linspace(0, 120, 65)
    image = prepare_picture(picture)
    rows, columns = np.nonzero(image > 128)
    assert np.ptp(rows) == 19
    assert np.ptp(columns) <= 6


@pytest.mark.parametrize("shape", [(37, 215), (215, 37), (1600, 1200), (9, 8)])
def test_that_a_picture_of_any_size_is_framed(shape):
    grey = np.full(shape, 255.0)
    grey[shape[0] // 4 : shape[0] // 2 + 1, shape[1] // 4 : shape[1] // 2 + 1] = 0
    assert_framed(prepare_picture(grey))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_that_a_picture_without_ink_is_refused(level):
    with pytest.raises(PreparationError, match="no ink"):
        prepare_picture(np.full((50, 40), level, np.uint8))


def test_that_mere_noise_is_not_ink():
    with pytest.raises(PreparationError, match="no ink"):
        prepare_picture(np.random.default_rng(0).normal(128, 5, (200, 200)))


@pytest.mark.parametrize("grey", [np.empty((0, 5)), np.full((5, 5), np.nan)])
def test_that_a_picture_without_finite_levels_is_refused(grey):
    with pytest.raises(PreparationError, match="finite grey levels"):
        prepare_picture(grey)


def test_that_a_grey_picture_is_read_as_it_is(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "seven.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "seven.png"), picture())


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), (220, 30, 30), (128, 128, 128)])
@pytest.mark.parametrize("beyond", [0, 255])
def test_that_ink_of_any_colour_on_nothing_is_read(tmp_path, ink, beyond):
    alpha = np.round(255 * soft_ink())
    rgba = np.where(alpha[..., None] > 0, ink, beyond)
    Image.fromarray(np.dstack([rgba, alpha]).astype(np.uint8)).save(tmp_path / "clear.png")
    assert_alike(prepare_picture(read_picture(tmp_path / "clear.png")), prepare_picture(soft_ink()), 1)


@pytest.mark.parametrize(("paper", "pen"), [(255, 0), (0, 255), (200, 40)])
def test_that_paper_with_nothing_around_it_is_paper(paper, pen):
    grey = np.round(paper + (pen - paper) * soft_ink())
    card = np.pad(np.dstack([grey, grey, grey, np.full_like(grey, 255)]), ((20, 40), (30, 10), (0, 0)))
    assert_alike(prepare_picture(card.astype(np.uint8)), prepare_picture(soft_ink()), 1)


def test_that_a_picture_of_nothing_has_no_ink():
    with pytest.raises(PreparationError, match="no ink"):
        prepare_picture(np.zeros((30, 30, 4), np.uint8))


@pytest.mark.parametrize(
    ("paper", "pen"),
    [
        ((0, 130, 0), (255, 0, 0)),  # of equal luminance
        ((255, 255, 255), (255, 255, 0)),
        ((250, 230, 90), (250, 250, 250)),
        ((90, 120, 160), (120, 110, 130)),
        ((40, 80, 60), (230, 235, 230)),
    ],
)
@pytest.mark.parametrize("name", ["colour.png", "colour.jpg"])
def test_that_ink_is_told_from_paper_by_the_colour_that_differs(tmp_path, paper, pen, name):
    ink = soft_ink()[..., None]
    picture = np.round(np.array(paper) * (1 - ink) + np.array(pen) * ink).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / name)
    assert_alike(prepare_picture(read_picture(tmp_path / name)), prepare_picture(soft_ink()), 4)


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize(("paper", "pen"), [(235, 60), (235, 130), (60, 230)])
def test_that_unevenly_lit_paper_is_removed(light, paper, pen):
    assert_alike(prepare_picture(photograph(soft_ink(side=400), LIGHTS[light], paper, pen)), prepare_strokes(FOUR))


@pytest.mark.parametrize("light", LIGHTS)
def test_that_uneven_light_without_noise_is_removed(light):
    assert_alike(prepare_picture(photograph(soft_ink(side=400), LIGHTS[light], noise=0)), prepare_strokes(FOUR))


@pytest.mark.parametrize("light", LIGHTS)
def test_that_unevenly_lit_paper_alone_is_not_ink(light):
    with pytest.raises(PreparationError, match="no ink"):
        prepare_picture(photograph(np.zeros((400, 400)), LIGHTS[light]))


def test_that_faint_ruled_lines_are_left_out():
    light = LIGHTS["slope"].copy()
    for offset in range(3):
        light[20 + offset :: 45] *= 0.8
    assert_alike(prepare_picture(photograph(soft_ink(side=400), light)), prepare_strokes(FOUR))


@pytest.mark.parametrize("light", [1.0, LIGHTS["vignette"]])
def test_that_specks_are_left_out(light):
    ink = np.pad(soft_ink(side=200), 100)
    for row, column, side in [(95, 200, 6), (12, 300, 5), (50, 44, 20), (380, 8, 5), (350, 360, 20)]:
        ink[row : row + side, column : column + side] = 1
    noise = 0 if isinstance(light, float) else 4
    assert_alike(prepare_picture(photograph(ink, light, noise=noise)), prepare_strokes(FOUR))


@pytest.mark.parametrize("noise", [0, 4])
@pytest.mark.parametrize(
    "where", [COLUMNS > 0.4 + 0.05 * ROWS, (COLUMNS > 0.34) & (COLUMNS < 0.46) & (ROWS > -0.4)], ids=["table", "pencil"]
)
def test_that_what_lies_at_the_border_is_left_out(where, noise):
    things = np.where(where, 0.3, 1.0)
    assert_alike(prepare_picture(photograph(soft_ink(side=400), things, noise=noise)), prepare_strokes(FOUR))


@pytest.mark.parametrize("margin", [0.02, 0.06, 0.1])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_that_a_table_all_around_the_paper_is_left_out(margin, is_inverted):
    things = np.where(np.maximum(np.abs(ROWS), np.abs(COLUMNS)) > 0.5 - margin, 0.3, 1.0)
    picture = photograph(soft_ink(side=400), things, noise=4)
    assert_alike(prepare_picture(255 - picture if is_inverted else picture), prepare_strokes(FOUR))


def test_that_colours_and_opacity_are_read_as_they_are(tmp_path):
    for mode, pixel in (("RGB", (255, 0, 7)), ("RGBA", (3, 2, 1, 200))):
        Image.new(mode, (4, 3), pixel).save(tmp_path / "colour.png")
        pixels = read_picture(tmp_path / "colour.png")
        assert pixels.shape == (3, 4, len(mode))
        assert pixels[2, 1].tolist() == list(pixel)


@pytest.mark.parametrize("name", ["large.png", "large.jpg"])
def test_that_a_large_picture_is_reduced_and_read_all_the_same(tmp_path, name):
    ink = np.kron(soft_ink(side=400), np.ones((9, 7), np.float32))
    Image.fromarray(np.uint8(250 - 200 * ink)).convert("RGB").save(tmp_path / name)
    pixels = read_picture(tmp_path / name)
    assert max(pixels.shape) <= 800
    assert_alike(prepare_picture(pixels), prepare_strokes([stroke * (7 / 9, 1) for stroke in FOUR]))


def test_that_sixteen_bits_are_kept(tmp_path):
    Image.fromarray(np.full((3, 3), 40_000, np.uint16)).save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "deep.png")[1, 1] == 40_000


def test_that_a_photograph_is_turned_as_its_camera_says(tmp_path):
    sideways = Image.fromarray(np.array([[0, 255], [0, 255], [0, 255]], np.uint8))
    exif = sideways.getexif()
    exif[0x0112] = 6  # turn a quarter clockwise
    sideways.save(tmp_path / "turned.png", exif=exif)
    assert read_picture(tmp_path / "turned.png").tolist() == [[0, 0, 0], [255, 255, 255]]


@pytest.mark.parametrize("side", [7000, 14_000])
def test_that_a_giant_is_refused_before_it_is_decoded(tmp_path, side):
    path = tmp_path / "giant.png"
    Image.new("1", (side, side)).save(path)
    with pytest.raises(PreparationError, match=r"giant.png: expected a picture of at most 40 megapixels"):
        read_picture(path)


@pytest.mark.parametrize("content", [b"not a picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_that_a_file_which_is_no_picture_is_named(tmp_path, content):
    path = tmp_path / "other.png"
    path.write_bytes(content)
    with pytest.raises(PreparationError, match=r"other.png: expected a PNG"):
        read_picture(path)


def test_that_a_truncated_picture_is_refused(tmp_path):
    path = tmp_path / "half.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 80), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(PreparationError, match=r"half\.png"):
        read_picture(path)


@pytest.mark.parametrize(
    ("name", "finding"), [("absent.png", "no such file; check the name"), (".", "a folder; choose a file")]
)
def test_that_what_is_no_file_is_refused(tmp_path, name, finding):
    with pytest.raises(PreparationError, match=f"expected a picture, found {finding}"):
        read_picture(tmp_path / name)


def test_that_nothing_is_said_of_a_damaged_picture_but_by_the_error(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])  # those that pytest has put there listen in silence
    path = tmp_path / "scan.tif"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)).save(path, compression="tiff_lzw")
    content = path.read_bytes()
    samples_a_pixel = content.index(b"\x15\x01\x03\0") + 8
    for at, value in ((samples_a_pixel, b"\xff\xff"), (len(content) // 2, b"\xff\xff")):
        path.write_bytes(content[:at] + value + content[at + 2 :])
        with pytest.raises(PreparationError):
            read_picture(path)
    assert capfd.readouterr() == ("", "")
