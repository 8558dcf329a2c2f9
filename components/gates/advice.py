"""What to do about the similarity window: one next step that fits what calibration has shown."""

from dataclasses import dataclass
from typing import Any

from components.common.data.reading import Dataset
from components.common.statistics import first_tested

MORE_LABELS = "add labelled photographs of more products, so that a window can be shown"


@dataclass(frozen=True)
class Window:
    """The window of a run, and what labels have shown of it.

    low, high: cosine. passed: whether they showed the `target` precision somewhere; None if they were not asked.
    tested: the first threshold that was tested, as a row of `calibration`; None if no labelled object has a partner.
    label_rows: in the labels' file. labels: those about photographs of this run. labelled: objects that they name.
    """

    low: float
    high: float
    passed: bool | None
    target: float
    tested: dict[str, Any] | None
    label_rows: int
    labels: int
    labelled: int

    @property
    def too_few(self) -> bool:
        """Whether the first tested threshold reaches the target for the labelled products, not surely for others."""
        return self.passed is False and self.tested is not None and self.tested["precision"] >= self.target

    @property
    def truth(self) -> str:
        """Why no window has been shown to be precise enough; empty if one was, or if labels were not asked."""
        if self.passed is not False:
            return ""
        if not self.tested:
            return "no window can be shown to be precise enough: no labelled object has a similar partner"
        shown = (
            "a mean of {precision:.2f} and a lower bound of {lower_bound:.2f}, from {threshold:g} up, where {anchors} "
        ).format(**self.tested) + f"of {self.labelled} labelled objects have partners"
        if self.too_few:
            return f"the labels are too few to show a window ({shown}), so the stated one is used, from {self.low:g} up"
        return f"no window reaches precision {self.target:g} with this encoder: the strictest has {shown}"

    @property
    def unused_labels(self) -> str:
        """What to do about labels of which none could be used; empty if one was, or there are none."""
        if not self.label_rows or self.labelled:
            return ""
        if not self.labels:
            return (
                f"none of the {self.label_rows} label rows names a photograph of this run: correct their paths, which "
                "data/quarantine lists, and run again"
            )
        return (
            f"none of the {self.labels} labels fits an object of this run: correct their boxes (px of the upright "
            "photograph), or lower calibration.min_iou, and run again"
        )

    @property
    def narrower(self) -> str:
        """The next step where too many pairs in the window are wrong."""
        if self.too_few:
            return f"{MORE_LABELS}, or raise calibration.low, {self.low:g} in this run"
        if self.passed is False:
            return (
                "use an encoder that tells these objects apart (models.ir, or another --profile: `objectmate doctor` "
                "says which fits)"
            )
        return (
            f"raise the low end of the window, {self.low:g} in this run, with --set calibration.window=explicit --set "
            f"calibration.high={self.high:g} --set calibration.low=..., or use a better encoder (models.ir)"
        )

    @property
    def wider(self) -> str:
        """The next step where too few objects have partners in the window."""
        if self.too_few:
            return f"{MORE_LABELS}, or lower calibration.low, {self.low:g} in this run"
        if self.passed is False:
            return self.narrower
        asked = (
            f"lower calibration.target, {self.target:g} in this run"
            if self.passed
            else f"--set calibration.window=explicit --set calibration.high={self.high:g} --set calibration.low=..., "
            f"below {self.low:g}"
        )
        return f"add photographs (yield grows faster than they do), or widen the window: {asked}"


def window_of(calibration: Dataset) -> Window:
    """The window, as the dataset `calibration` has it."""
    facts, curve = calibration.facts, calibration.rows()
    tested = curve[first_tested([row["kish"] for row in curve])] if curve else None
    counts = (facts[name] for name in ("label_rows", "labels", "labelled_objects"))
    return Window(facts["low"], facts["high"], facts["passed"], facts["target"], tested, *counts)
