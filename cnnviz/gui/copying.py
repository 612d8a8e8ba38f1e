"""A number's arithmetic into the clipboard, as a text that runs."""

from PySide6.QtGui import QGuiApplication

from cnnviz.explain.places import Place, exists
from cnnviz.explain.snippets import FILE, Quantity, has, snippet
from cnnviz.gui.workbench import Workbench

NOTHING = "Point at a cell or a weight, or click one: then it can be copied as NumPy"


def meant(workbench: Workbench) -> Place | None:
    """Return the number under the mouse, or else the one that was chosen; None where the network has no such one."""
    places = (workbench.pointed, workbench.subject)
    snapshot = workbench.snapshot
    return next((each for each in places if snapshot and each is not None and exists(snapshot, each)), None)


def copy_as_numpy(workbench: Workbench, place: Place | None, quantity: Quantity = "value", whole: bool = False) -> None:
    """Copy what works out the number at ``place``, by the newest snapshot, and say so; or say why there is nothing.

    ``quantity`` and ``whole`` are those of ``cnnviz.explain.snippets.snippet``.
    """
    snapshot = workbench.snapshot
    if place is None or snapshot is None or not exists(snapshot, place):
        workbench.message.emit(NOTHING)
    elif not has(place, quantity):
        workbench.message.emit(
            "A probability has no gradient of its own: copy that of a logit, which the last layer hands on"
        )
    else:
        QGuiApplication.clipboard().setText(snippet(snapshot, place, quantity, whole))
        what = f"{'Tile' if whole else 'Number'} copied" if quantity == "value" else "Gradient copied"
        beside = f"it runs beside {FILE}, exported after step {snapshot.step:,} (Ctrl+E)"
        workbench.message.emit(f"{what} as NumPy, {place}: {beside}")
