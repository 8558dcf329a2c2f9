"""Which boxes become objects."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.common.data.rejections import BOXES
from components.common.errors import UserError
from components.common.stage.params import validate
from components.common.vision.geometry import Box, iou
from components.detection.boxes import Candidate, choose
from components.detection.params import Params

WIDTH, HEIGHT = 1000, 800


def candidate(
    x: float, y: float, w: float, h: float, score: float = 0.9, category: str = "mug", flaw: str = ""
) -> Candidate:
    return Candidate(Box(x, y, w, h), category, score, flaw)


GOOD = candidate(100, 100, 300, 400)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (candidate(500, 100, 300, 300, flaw="crowd"), "crowd"),
        (candidate(500, 100, 300, 300, category="Person"), "category"),
        (candidate(500, 100, 127, 700), "small"),
        (candidate(950, 100, 300, 300), "small"),
        (candidate(1200, 100, 300, 300), "small"),
        (candidate(500, 100, 140, 200), "low_share"),
        (candidate(0, 0, 990, 790), "high_share"),
        (candidate(105, 105, 300, 400, score=0.6), "overlap"),
        (candidate(float("nan"), 0, 300, 300), "broken"),
        (candidate(0, 0, float("inf"), 300), "broken"),
        (candidate(0, 0, 300, -300), "small"),
    ],
)
def test_each_rule_rejects_with_its_reason(other: Candidate, reason: str) -> None:
    kept, rejected = choose([other, GOOD], WIDTH, HEIGHT, Params())
    assert kept == [GOOD] and [why for _, why in rejected] == [reason] and reason in BOXES


def test_the_more_certain_of_two_overlapping_boxes_stays_whatever_its_category() -> None:
    weak, strong = candidate(100, 100, 300, 400, 0.6, "jar"), candidate(110, 100, 300, 400, 0.8)
    assert choose([weak, strong], WIDTH, HEIGHT, Params()).kept == [strong]
    apart = candidate(200, 100, 300, 400, 0.7)  # IoU 0.54
    assert choose([apart, strong], WIDTH, HEIGHT, Params()).kept == [strong, apart]


def test_boxes_are_cut_to_the_photograph_and_rounded() -> None:
    kept, _ = choose([candidate(-20.4, 100.6, 520.4, 300.2)], WIDTH, HEIGHT, Params())
    assert kept[0].box == Box(0, 101, 500, 300)


def test_at_most_max_objects_are_kept_the_most_certain_first() -> None:
    boxes = [candidate(200 * n, 0, 190, 700, 0.5 + n / 10) for n in range(5)]
    kept, rejected = choose(boxes, WIDTH, HEIGHT, Params(max_objects=2))
    assert [c.score for c in kept] == [0.9, 0.8] and [why for _, why in rejected] == ["surplus"] * 3


def test_categories_are_allowed_and_denied_in_any_case() -> None:
    boxes = [candidate(300 * n, 0, 290, 500, category=name) for n, name in enumerate(("Mug", "jar", "Cat"))]
    assert [c.category for c in choose(boxes, WIDTH, HEIGHT, Params(allow=("mug", "JAR"))).kept] == ["Mug", "jar"]
    assert [c.category for c in choose(boxes, WIDTH, HEIGHT, Params(deny=("CAT",))).kept] == ["Mug", "jar"]


side = st.one_of(st.floats(-50, 250), st.sampled_from([float("nan"), float("inf"), -float("inf")]))
random_candidates = st.lists(
    st.builds(Candidate, st.builds(Box, side, side, side, side), st.sampled_from("ab"), st.floats(0, 1)), max_size=12
)


@settings(max_examples=150, deadline=None)
@given(random_candidates, st.randoms(use_true_random=False))
def test_rules_hold_for_any_boxes_in_any_order(candidates: list[Candidate], random: object) -> None:
    params = Params(min_side=10, min_share=0.05, max_share=0.8, max_iou=0.5, max_objects=3)
    kept, rejected = choose(candidates, 200, 160, params)
    assert len(kept) + len(rejected) == len(candidates)
    for one in kept:
        x, y, w, h = one.box
        assert x >= 0 and y >= 0 and x + w <= 200 and y + h <= 160 and min(w, h) >= 10
        assert 0.05 * 32_000 <= w * h <= 0.8 * 32_000
        assert all(other is one or iou(one.box, other.box) <= 0.5 for other in kept)
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose(shuffled, 200, 160, params).kept == kept


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"source": "coco"}, "source = coco needs annotations: name the file that holds them"),
        ({"source": "open_images"}, "source = open_images needs annotations"),
        ({"source": "labels"}, "source = labels needs annotations"),
        ({"detector": ""}, "source = detector needs models.detector"),
        ({"min_share": 0.5, "max_share": 0.4}, r"min_share 0\.5 must be below max_share 0\.4"),
        ({"allow": ["Cat"], "deny": ["cat"]}, "cat cannot be in both allow and deny"),
        ({"source": "magic"}, "source = 'magic'.*'detector', 'coco', 'open_images', 'labels', 'salient' or 'whole'"),
        ({"score": 3}, "score = 3: .*less than or equal to 1"),
    ],
)
def test_impossible_parameters_are_one_sentence(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=f"params.yaml: detection: .*{sentence}"):
        validate(Params, values, "params.yaml: detection")
