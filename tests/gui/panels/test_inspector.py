from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from cnnviz.explain.places import INPUT, Cell, Place, Probability, Weight, exists, gradient_at, value_at
from cnnviz.gui.inspection.figure import Figure, Spot
from cnnviz.gui.inspection.painting import _font_for
from cnnviz.gui.inspection.units import in_units, power_for
from cnnviz.gui.inspection.words import in_words
from cnnviz.gui.panels.inspector import EMPTY, NOTHING_YET, InspectorPanel
from cnnviz.gui.theme import DARK, LIGHT, apply_theme, small_font
from cnnviz.gui.tiles import Coloring, color_pixels, number
from cnnviz.gui.workbench import Workbench
from cnnviz.nn import Conv2D, Dense, Flatten, MaxPool2D, Network
from cnnviz.training.snapshot import Snapshot, trace

SIZES = {"small": (674, 330), "with a bar below": (674, 258), "large": (1016, 520)}
CONV, BIAS = Cell("conv2", (10, 11, 3)), Weight("conv2", "bias", (3,))


@pytest.fixture
def panel(own: Callable[[QWidget], QWidget], workbench: Workbench) -> InspectorPanel:
    panel = own(InspectorPanel(workbench))
    panel.apply_theme(DARK)
    panel.resize(674, 330)
    panel.show()
    return panel


@pytest.fixture
def shown(panel: InspectorPanel, workbench: Workbench, snapshot: Snapshot) -> InspectorPanel:
    """Return a panel that has a snapshot, but no number yet."""
    workbench.snapshot = snapshot
    panel.show_snapshot(snapshot)
    return panel


def every_kind_of_place(snapshot: Snapshot) -> Iterator[Place]:
    """Yield a corner, an edge and a middle of every layer's output, some weights of each kind, and a probability."""
    for layer, shape in {INPUT: snapshot.network.input_shape, **snapshot.network.output_shapes}.items():
        yield Cell(layer, (0,) * len(shape))
        yield Cell(layer, tuple(n // 2 for n in shape))
        yield Cell(layer, (shape[0] - 1, *(n // 3 for n in shape[1:])))
    for layer, tensors in snapshot.network.parameter_shapes.items():
        for name, shape in tensors.items():
            yield Weight(layer, name, tuple(n // 2 for n in shape))
    yield Probability(snapshot.trace.target)
    yield Probability((snapshot.trace.target + 1) % 10)


def views(panel: InspectorPanel, snapshot: Snapshot) -> Iterator[tuple[Place, bool]]:
    """Show every kind of place, forwards and back."""
    panel.workbench.snapshot = snapshot
    for place in every_kind_of_place(snapshot):
        for back in (False, True):
            panel.set_back(back)
            panel.workbench.choose(place)
            yield place, back


def spots(figure: Figure) -> Iterator[Spot]:
    for number_, block in enumerate(figure.blocks):
        for index in np.ndindex(block.values.shape):
            yield number_, index


def spot_of(panel: InspectorPanel, place: Place) -> Spot:
    return next(spot for spot in spots(panel.canvas.figure) if panel.canvas.figure.place(spot) == place)


def middle_of(panel: InspectorPanel, place: Place) -> QPoint:
    return panel.canvas.figure.area_of(spot_of(panel, place)).center().toPoint()


def heard(panel: InspectorPanel) -> list[str]:
    readings: list[str] = []
    panel.hovered.connect(readings.append)
    return readings


# What is shown


@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_every_number_with_a_place_is_the_engines(panel, make_snapshot, preset):
    snapshot = make_snapshot(preset, 1)
    for place, back in views(panel, snapshot):
        figure = panel.canvas.figure
        assert figure.blocks, place
        for block in figure.blocks:
            look_up = gradient_at if "gradient" in block.name else value_at
            for index in [
                (0, 0, 0),
                tuple(n - 1 for n in block.values.shape),
                tuple(n // 2 for n in block.values.shape),
            ]:
                if (there := block.place(index)) is not None:
                    assert block.values[index] == look_up(snapshot, there), (place, back, block.name, there)


@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_the_result_is_written_at_the_end(panel, make_snapshot, preset):
    snapshot = make_snapshot(preset, 1)
    for place, back in views(panel, snapshot):
        results = [block for block in panel.canvas.figure.blocks if block.name.startswith(("= ", "max = "))]
        if isinstance(place, Weight) and not back:
            assert results == []  # it is not made of anything
            continue
        if back:
            logit = Cell(next(reversed(snapshot.trace.outputs)), (getattr(place, "digit", 0),))
            expected = gradient_at(snapshot, logit if isinstance(place, Probability) else place)
        else:
            expected = value_at(snapshot, place)
        assert expected in [block.values.item() for block in results]


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("preset", ["zhou", "escontrela", "keras"])
def test_that_all_numbers_have_room_and_none_covers_another(panel, make_snapshot, preset, size):
    panel.resize(*size)
    for place, back in views(panel, make_snapshot(preset, 1)):
        areas = [area for block in panel.canvas.figure.blocks for area in block.areas]
        inside = QRectF(panel.canvas.rect()).adjusted(0, 0, 1, 1)
        assert [area for area in areas if not inside.contains(area)] == [], (place, back)
        overlaps = [(a, b) for i, a in enumerate(areas) for b in areas[i + 1 :] if a.intersects(b)]
        assert overlaps == [], (place, back)
        assert all(min(area.width(), area.height()) > 3 for area in areas), (place, back)


def test_that_networks_of_other_forms_are_shown_as_well(panel, snapshot):
    """One with strides, borders, windows that overlap, cells that no window covers, and filters of one cell."""
    layers = {
        "conv1": Conv2D(1, (2, 3), stride=2, padding="same", bias=False),
        "pool1": MaxPool2D(3, 2, "all"),
        "conv2": Conv2D(20, 1),
        "pool2": MaxPool2D(4, 4, "split"),
        "flatten": Flatten(),
        "dense1": Dense(1, bias=False),
        "dense2": Dense(10),
    }
    network = Network("odd", layers)
    parameters = network.initialize(np.random.default_rng(3))
    traced = trace(network, parameters, snapshot.trace.probe, snapshot.normalization)
    odd = replace(snapshot, network=network, parameters=parameters, trace=traced)
    for place, back in views(panel, odd):
        areas = [area for block in panel.canvas.figure.blocks for area in block.areas]
        inside = QRectF(panel.canvas.rect()).adjusted(0, 0, 1, 1)
        assert [area for area in areas if not inside.contains(area)] == [], (place, back)
        assert panel.terms.value == pytest.approx(panel.terms.total, rel=1e-4, abs=1e-6)
        for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_PageDown):
            QTest.keyClick(panel.canvas, key)
        panel.grab()


def test_that_what_is_painted_can_be_pointed_at(panel, snapshot):
    for place, back in views(panel, snapshot):
        figure = panel.canvas.figure
        for number_, block in enumerate(figure.blocks):
            for index in [(0, 0, 0), tuple(n - 1 for n in block.values.shape)]:
                middle = figure.area_of((number_, index)).center()
                assert figure.spot_at(middle) == (number_, index), (place, back, block.name)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_that_colours_are_those_of_the_numbers(shown, workbench, theme):
    shown.apply_theme(theme)
    workbench.choose(CONV)
    picture, figure = shown.canvas.grab().toImage(), shown.canvas.figure
    for number_, block in enumerate(figure.blocks):
        if block.cell[0] < 12 or block.marked:
            continue
        colors = color_pixels(block.values, block.scale, Coloring.SIGNED, theme)
        for index in np.ndindex(block.values.shape):
            corner = figure.area_of((number_, index)).topLeft().toPoint() + QPoint(1, 1)
            assert picture.pixelColor(corner).name() == QColor(int(colors[index])).name(), (block.name, index)


def test_that_small_numbers_are_written_in_units_of_a_power_of_ten():
    assert power_for(np.array([3e-5, -2.5e-4])) == -4
    assert power_for(np.array([-0.0007, 0.011])) == -2  # the smaller one would not fit into a narrow cell
    assert power_for(np.array([3e-5, 0.5])) == power_for(np.zeros(3)) == power_for(np.array([1e-9])) == 0
    assert in_units(-12) == ", in 10\u207b\u00b9\u00b2"
    assert in_units(0) == ""


def test_that_the_patch_the_filter_and_their_products_are_those_of_the_trace(shown, workbench, snapshot):
    workbench.choose(CONV)
    *_, patch, filter_, products, _, _, bias, value, rectified = shown.canvas.figure.blocks
    k = shown.canvas.figure.place((shown.canvas.figure.blocks.index(patch), (0, 0, 0))).index[2]
    expected = snapshot.trace.outputs["relu1"][10:15, 11:16, k]
    np.testing.assert_array_equal(patch.values[0], expected)
    np.testing.assert_array_equal(filter_.values[0], snapshot.parameters["conv2"]["weight"][3, k])
    np.testing.assert_array_equal(products.values[0], patch.values[0].astype(float) * filter_.values[0])
    assert bias.values.item() == snapshot.parameters["conv2"]["bias"][3]
    assert value.values.item() == snapshot.trace.outputs["conv2"][10, 11, 3]
    assert rectified.values.item() == snapshot.trace.outputs["relu2"][10, 11, 3]


def test_that_the_sums_of_the_channels_add_up_with_the_bias(shown, workbench, snapshot):
    workbench.choose(CONV)
    sums = next(block for block in shown.canvas.figure.blocks if block.name == "sum of channel")
    total = sums.values.sum() + snapshot.parameters["conv2"]["bias"][3]
    assert total == pytest.approx(value_at(snapshot, CONV), rel=1e-5)


def test_that_the_channel_with_the_largest_sum_is_opened_first(shown, workbench, snapshot):
    workbench.choose(CONV)
    sums = next(block for block in shown.canvas.figure.blocks if block.name == "sum of channel")
    assert sums.marked == ((int(np.abs(sums.values).argmax()), 0, 0),)


def test_that_the_largest_contributions_and_the_others_are_all(shown, workbench, snapshot):
    workbench.choose(Cell("dense1", (17,)))
    inputs, weights, products, some, others, bias, value, _ = shown.canvas.figure.blocks
    every = snapshot.trace.outputs["flatten"] * snapshot.parameters["dense1"]["weight"][17].astype(float)
    assert products.values.size >= 12
    np.testing.assert_array_equal(np.abs(products.values.ravel()), np.sort(np.abs(every))[::-1][: products.values.size])
    np.testing.assert_array_equal(products.values, inputs.values.astype(float) * weights.values)
    assert some.values.item() + others.values.item() + bias.values.item() == pytest.approx(
        value.values.item(), abs=1e-4
    )
    assert others.name == f"+ {800 - products.values.size} others"


def test_that_the_steps_of_the_softmax_are_shown_with_the_cost(shown, workbench, snapshot):
    workbench.choose(Probability(3))
    logits, _, exponentials, probabilities, exponential, total, result, of_target, cost = shown.canvas.figure.blocks
    np.testing.assert_array_equal(logits.values.ravel(), snapshot.trace.outputs["dense2"])
    np.testing.assert_array_equal(probabilities.values.ravel(), snapshot.trace.probabilities)
    assert exponential.values.item() == exponentials.values[0, 3, 0]
    assert exponential.values.item() / total.values.item() == pytest.approx(result.values.item(), rel=1e-6)
    assert of_target.values.item() == snapshot.trace.probabilities[snapshot.trace.target]
    assert cost.values.item() == snapshot.trace.loss


def test_that_all_positions_of_a_weight_are_shown_and_the_one_under_the_mouse_is_written_out(
    shown, workbench, snapshot
):
    shown.set_back(True)
    workbench.choose(Weight("conv1", "weight", (2, 0, 1, 3)))
    gradient, image, products, total, _ = shown.canvas.figure.blocks
    np.testing.assert_array_equal(gradient.values[0], snapshot.trace.output_gradients["conv1"][:, :, 2])
    np.testing.assert_array_equal(image.values[0], snapshot.trace.inputs[1:25, 3:27, 0])
    assert total.values.item() == products.values.sum()
    QTest.mouseMove(shown.canvas, gradient.area_of((0, 12, 7)).center().toPoint())
    written = [block.values.item() for block in shown.canvas.figure.blocks[3:6]]
    assert written == [gradient.values[0, 12, 7], image.values[0, 12, 7], products.values[0, 12, 7]]
    QTest.mouseMove(shown.canvas, middle_of(shown, workbench.subject))  # the result stays where it is
    assert shown.canvas.figure.place(shown.canvas.spot) == workbench.subject
    assert len(shown.canvas.figure.blocks) == 8


def test_that_the_winner_of_a_window_is_framed(shown, workbench, snapshot):
    workbench.choose(Cell("pool1", (4, 5, 6)))
    window = shown.canvas.figure.blocks[0]
    np.testing.assert_array_equal(window.values[0], snapshot.trace.outputs["relu2"][8:10, 10:12, 6])
    assert all(window.values[index] == window.values.max() for index in window.marked)
    assert window.marked


def test_that_back_shows_activations_and_both_gradients(shown, workbench, snapshot):
    shown.set_back(True)
    workbench.choose(CONV)
    shapes = {block.name: block.values.shape[1:] for block in shown.canvas.figure.blocks}
    assert shapes["conv2"] == shapes["gradient by conv2"] == (20, 20)
    assert shapes["gradient by relu1"] == (24, 24)


def test_that_heading_and_sentence_name_the_number(shown, workbench, snapshot):
    workbench.choose(CONV)
    value, gradient = number(value_at(snapshot, CONV)), number(gradient_at(snapshot, CONV))
    assert shown.heading.text() == f"conv2, channel 3, (10, 11): {value}   gradient {gradient}"
    assert shown.sentence.text() == "value: 200 products, patch × filter, and the bias, added up"
    shown.toggle_view()
    assert shown.sentence.text().startswith("gradient: handed back where")
    workbench.choose(Probability(3))
    assert shown.sentence.text().startswith("gradient by its logit: the probability, less 1 for the ")


def test_that_numbers_follow_the_newest_snapshot(shown, workbench, snapshot, make_snapshot):
    workbench.choose(CONV)
    later = make_snapshot("escontrela", 5)
    workbench.snapshot = later
    shown.show_snapshot(later)
    assert shown.terms.value == value_at(later, CONV) != value_at(snapshot, CONV)


def test_that_the_table_ends_with_the_number(shown, workbench, snapshot):
    assert shown.numbers() == []
    workbench.choose(CONV)
    heading, *rows, bias, result = shown.numbers()
    assert heading == ("place", "relu1", "filter 3", "product")
    assert len(rows) == 200
    assert rows[0][0] == "relu1, channel 0, (10, 11)"
    assert rows[0][1] * rows[0][2] == rows[0][3]
    assert bias == ("bias", "", "", snapshot.parameters["conv2"]["bias"][3])
    assert result == (str(CONV), "", "", value_at(snapshot, CONV))


def test_that_every_row_of_every_table_is_as_wide_as_its_heading(panel, zhou_snapshot):
    for place, back in views(panel, zhou_snapshot):
        rows = panel.numbers()
        assert len(rows) == 1 + panel.terms.products.size + (panel.terms.constant is not None) + 1
        assert {len(row) for row in rows} == {len(rows[0])}, (place, back)
        assert rows[-1][-1] == panel.terms.value


# What is not there


def test_that_before_the_data_are_loaded_a_sentence_says_what_will_appear(panel):
    assert panel.canvas._sentence == NOTHING_YET
    assert not panel.begin.isEnabled()


def test_that_without_a_number_a_sentence_says_what_to_do_and_the_answer_can_be_chosen(shown, workbench, snapshot):
    assert shown.canvas._sentence == EMPTY
    QTest.mouseClick(shown.begin, Qt.MouseButton.LeftButton)
    assert workbench.subject == Probability(int(snapshot.trace.probabilities.argmax()))
    assert shown.terms.place == workbench.subject
    assert not shown.begin.isVisible()


def test_that_a_number_that_another_network_lacks_is_told_to_be_gone(shown, workbench, snapshot, zhou_snapshot):
    workbench.choose(CONV)
    workbench.snapshot = zhou_snapshot
    shown.show_snapshot(zhou_snapshot)
    assert shown.canvas._sentence.startswith("This network has no conv2, channel 3, (10, 11)")
    assert shown.terms is None
    assert shown.heading.text() == ""
    shown.grab()
    workbench.snapshot = snapshot
    shown.show_snapshot(snapshot)
    assert shown.terms.place == CONV


def test_that_a_network_that_has_not_learnt_yet_is_told_of_as_well(panel, untrained_snapshot):
    for place, back in views(panel, untrained_snapshot):
        assert panel.terms.value is not None, (place, back)
        panel.grab()


@pytest.mark.parametrize("poison", [np.nan, np.inf, 1e38, -1e30])
@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_that_a_diverging_network_is_shown_without_a_warning(panel, make_snapshot, poison, theme):
    panel.apply_theme(theme)
    like = make_snapshot("escontrela")
    parameters = like.parameters.copy()
    for array in parameters.flat().values():
        array.flat[::2] = poison
    traced = trace(like.network, parameters, like.trace.probe, like.normalization)
    for _ in views(panel, replace(like, parameters=parameters, trace=traced)):
        panel.grab()


def test_that_a_hidden_panel_does_nothing_until_it_is_seen(shown, workbench, snapshot):
    shown.hide()
    workbench.choose(CONV)
    workbench.point_at(BIAS)
    assert shown.terms is None
    workbench.point_at(None)
    shown.show()
    assert shown.terms.place == CONV


# Pointing and following


def test_that_a_number_pointed_at_elsewhere_is_shown_while_the_mouse_is_there(shown, workbench):
    workbench.choose(CONV)
    workbench.point_at(BIAS)
    assert shown.terms.place == BIAS
    workbench.point_at(None)
    assert shown.terms.place == CONV


def test_that_pointing_here_tells_the_others_and_the_subject_stays(shown, workbench, snapshot):
    workbench.choose(CONV)
    bias = Weight("conv2", "bias", (3,))
    readings = heard(shown)
    QTest.mouseMove(shown.canvas, middle_of(shown, bias))
    assert workbench.pointed == bias
    shown.show_snapshot(snapshot)
    assert shown.terms.place == CONV
    assert readings[-1] == in_words(snapshot, bias)
    QTest.mouseMove(shown.canvas, QPoint(shown.canvas.width() - 1, 1))
    assert workbench.pointed is None
    assert readings[-1] == ""


def test_that_a_term_is_read_out_with_its_product(shown, workbench, snapshot):
    workbench.choose(Cell("conv1", (2, 3, 4)))
    readings = heard(shown)
    place = Weight("conv1", "weight", (4, 0, 1, 2))
    QTest.mouseMove(shown.canvas, middle_of(shown, place))
    pixel, weight = snapshot.trace.inputs[3, 5, 0], value_at(snapshot, place)
    product = f"{number(pixel)} × {number(weight)} = {number(float(pixel) * weight)}"
    assert readings[-1] == f"{in_words(snapshot, place)}   {product}"


def test_that_nothing_is_told_of_while_the_mouse_is_elsewhere(shown, workbench, snapshot):
    workbench.choose(CONV)
    readings = heard(shown)
    workbench.point_at(BIAS)
    shown.show_snapshot(snapshot)
    assert readings == []
    assert workbench.pointed == BIAS


def test_that_the_channel_under_the_mouse_is_written_out(shown, workbench):
    workbench.choose(CONV)
    figure = shown.canvas.figure
    for channel in (5, 2):
        QTest.mouseMove(shown.canvas, figure.blocks[0].areas[channel].center().toPoint())
        patch = shown.canvas.figure.blocks[4]
        assert patch.place((0, 1, 2)) == Cell("relu1", (11, 13, channel))


def test_that_one_can_click_from_an_output_through_its_terms_to_a_weights_gradient(shown, workbench, snapshot):
    workbench.choose(Cell("pool1", (4, 5, 6)))
    window = shown.canvas.figure.blocks[0]
    winner = window.place(window.marked[0])
    QTest.mouseClick(shown.canvas, Qt.MouseButton.LeftButton, pos=middle_of(shown, winner))
    assert workbench.subject == winner
    before = Cell("conv2", winner.index)
    QTest.mouseClick(shown.canvas, Qt.MouseButton.LeftButton, pos=middle_of(shown, before))
    assert shown.terms.place == before
    weight = shown.canvas.figure.blocks[5].place((0, 2, 2))
    QTest.mouseClick(shown.canvas, Qt.MouseButton.LeftButton, pos=middle_of(shown, weight))
    QTest.mouseClick(shown.backwards, Qt.MouseButton.LeftButton)
    assert shown.terms.place == weight
    assert shown.terms.value == gradient_at(snapshot, weight)
    assert shown.trail.places == [Cell("pool1", (4, 5, 6)), winner, before, weight]


def test_that_back_and_forward_go_along_the_trail(shown, workbench):
    for place in (CONV, BIAS, Probability(3)):
        workbench.choose(place)
    assert not shown.trail.forward.isEnabled()
    shown.trail.back.click()
    assert workbench.subject == shown.terms.place == BIAS
    shown.trail.back.click()
    assert workbench.subject == CONV
    assert not shown.trail.back.isEnabled()
    shown.trail.forward.click()
    assert workbench.subject == BIAS
    workbench.choose(Cell("pool1", (0, 0, 0)))  # what came after is forgotten
    assert shown.trail.places == [CONV, BIAS, Cell("pool1", (0, 0, 0))]


def test_that_the_crumbs_tell_two_weights_of_a_layer_apart(shown, workbench):
    for index in ((2, 0, 1, 3), (2, 0, 1, 4)):
        workbench.choose(Weight("conv1", "weight", index))
    texts = [crumb.text() for crumb in shown.trail.crumbs if crumb.isVisible()]
    assert texts[-2:] == ["conv1/weight[2,0,1,3]", "› conv1/weight[2,0,1,4]"]


def test_that_the_crumbs_name_the_last_numbers_and_lead_back(shown, workbench):
    for layer in ("conv1", "relu1", "conv2", "relu2"):
        workbench.choose(Cell(layer, (1, 2, 3)))
    crumbs = [crumb for crumb in shown.trail.crumbs if crumb.isVisible()]
    assert [crumb.text() for crumb in crumbs] == ["relu1 3 (1, 2)", "› conv2 3 (1, 2)", "› relu2 3 (1, 2)"]
    assert all(crumb.geometry().right() <= shown.trail.width() for crumb in crumbs)
    crumbs[0].click()
    assert workbench.subject == Cell("relu1", (1, 2, 3))
    shown.resize(1016, 520)
    QApplication.processEvents()
    assert shown.trail.crumbs[0].text() == "conv1 3 (1, 2)"
    shown.trail.crumbs[3].click()
    assert workbench.subject == Cell("relu2", (1, 2, 3))


# Keys


def test_that_arrows_go_from_number_to_number_and_enter_follows(shown, workbench):
    workbench.choose(Cell("conv1", (2, 3, 4)))
    canvas = shown.canvas
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.figure.place(canvas.spot) == Cell(INPUT, (2, 3, 0))
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert canvas.figure.place(canvas.spot) == Cell(INPUT, (3, 3, 0))
    for _ in range(5):
        QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.figure.place(canvas.spot) == Weight("conv1", "weight", (4, 0, 1, 0))  # on in the next block
    assert canvas.accessibleDescription().startswith("conv1, filter 4, channel 0, (1, 0): ")
    assert workbench.pointed == Weight("conv1", "weight", (4, 0, 1, 0))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert workbench.subject == Weight("conv1", "weight", (4, 0, 1, 0))


@pytest.mark.parametrize("back", [False, True])
def test_that_every_block_can_be_reached_by_the_arrows(panel, snapshot, back):
    panel.workbench.snapshot = snapshot
    panel.set_back(back)
    for place in (
        CONV,
        Cell("dense2", (3,)),
        Probability(3),
        Weight("conv1", "weight", (2, 0, 1, 3)),
        Cell("relu2", (1, 1, 1)),
    ):
        panel.workbench.choose(place)
        figure, reached, todo = panel.canvas.figure, set(), [panel.canvas._first()]
        while todo:
            spot = todo.pop()
            if spot not in reached:
                reached.add(spot)
                todo += [figure.beside(spot, *step) for step in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        assert {number_ for number_, _ in reached} == set(range(len(figure.blocks))), place


def test_that_tab_shows_where_the_keys_are(shown, workbench):
    workbench.choose(CONV)
    shown.activateWindow()
    QApplication.processEvents()
    shown.copy.setFocus()
    QTest.keyClick(shown.copy, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is shown.canvas
    assert shown.canvas.figure.place(shown.canvas.spot).layer == "relu1"
    QTest.keyClick(shown.canvas, Qt.Key.Key_Backtab)
    assert shown.canvas.spot is None


def test_that_page_keys_open_the_next_channel(shown, workbench):
    workbench.choose(CONV)
    canvas = shown.canvas
    canvas._open(3)
    QTest.keyClick(canvas, Qt.Key.Key_PageDown)
    assert canvas.figure.blocks[4].place((0, 0, 0)) == Cell("relu1", (10, 11, 4))
    QTest.keyClick(canvas, Qt.Key.Key_PageUp)
    assert canvas.figure.blocks[4].place((0, 0, 0)) == Cell("relu1", (10, 11, 3))
    canvas._open(7)
    QTest.keyClick(canvas, Qt.Key.Key_PageDown)
    assert canvas.figure.blocks[4].place((0, 0, 0)) == Cell("relu1", (10, 11, 7))


@pytest.mark.parametrize(
    ("key", "modifier", "claimed"),
    [
        (Qt.Key.Key_Right, Qt.KeyboardModifier.NoModifier, True),
        (Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, True),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier, False),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier, False),
        (Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier, False),
    ],
)
def test_that_only_plain_arrows_and_enter_are_claimed_from_the_window(shown, key, modifier, claimed):
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, modifier)
    event.ignore()
    QApplication.sendEvent(shown.canvas, event)
    assert event.isAccepted() is claimed


def test_that_keys_do_nothing_where_there_is_no_number(shown, workbench):
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Return, Qt.Key.Key_PageDown):
        QTest.keyClick(shown.canvas, key)
    assert shown.canvas.spot is None
    assert workbench.subject is None


def test_that_the_first_number_exists(shown, workbench, snapshot):
    for place, back in views(shown, snapshot):
        QTest.keyClick(shown.canvas, Qt.Key.Key_Right)
        spot = shown.canvas.spot
        assert shown.canvas.figure.has(spot), (place, back)
        there = shown.canvas.figure.place(spot)
        assert there is None or exists(snapshot, there)


def test_that_a_cell_writes_smaller_where_that_tells_more_digits(qapp):
    apply_theme(qapp, DARK)  # which gives the text its size
    short, long = np.array([[0.5]]), np.array([[-0.0009968]])
    assert _font_for(short, 72, 30) == QApplication.font() != small_font()
    assert _font_for(long, 72, 30) == small_font()
    assert _font_for(short, 40, 30) == small_font()
