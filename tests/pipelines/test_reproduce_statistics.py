"""The statistics of the questions: planted effects are found, and without an effect they rarely claim one."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from lineage_data import Made, make_run

from components.common.errors import UserError
from pipelines.engines.workspace import Workspace
from pipelines.reproduce.answer import Answer, compared, compared_trainings
from pipelines.reproduce.growth import FRACTIONS, counted, exponent
from pipelines.reproduce.measures import people, retrieval
from pipelines.reproduce.mined import precision, usable
from pipelines.reproduce.people import Choice, agreement, read_choices

SUBJECTS, TRAININGS, REPEATS = 24, 3, 80
NAMES = [f"product-{number}" for number in range(SUBJECTS)]
SLACK = 0.1
"""Of 80 repetitions with an error rate of .05, more than .1 err in 1 of 50."""


def decided(answers: Sequence[Answer], verdicts: str = "agrees disagrees") -> float:
    return float(np.mean([answer.verdict in verdicts.split() for answer in answers]))


def trainings(rng: np.random.Generator, effect: float, luck: float) -> list[list[list[float]]]:
    """Scores [side][training][subject]; luck: by how much a whole training is better or worse, standard deviation."""
    subjects = 0.2 * rng.normal(size=SUBJECTS)
    return [
        [(subjects + shift + luck * rng.normal() + 0.02 * rng.normal(size=SUBJECTS)).tolist() for _ in range(TRAININGS)]
        for shift in (effect, 0.0)
    ]


def test_luck_in_training_is_not_taken_for_an_effect() -> None:
    rng, labels = np.random.default_rng(0), ("ours", "other")
    null = [trainings(rng, 0.0, 0.03) for _ in range(REPEATS)]
    assert decided([compared_trainings("q", labels, NAMES, *sides) for sides in null]) <= SLACK
    alone = [compared("q", labels, NAMES, ours[0], other[0]) for ours, other in null]
    assert decided(alone) > 0.5  # of one training each, the interval over subjects errs more often than not
    found = [trainings(rng, 0.05, 0.005) for _ in range(REPEATS)]
    assert decided([compared_trainings("q", labels, NAMES, *sides) for sides in found], "agrees") > 0.9
    turned = compared_trainings("q", labels, NAMES, *found[0][::-1])
    assert turned.verdict == "disagrees" and "trainings: -0.0" in turned.note


def recurring(rng: np.random.Generator, growth: float) -> tuple[np.ndarray, np.ndarray]:
    """Objects with enough partners, and all objects, of 60 products in each part, with noise of their own."""
    parts, size = np.array(FRACTIONS), rng.integers(4, 40, 60)
    objects = size[:, None] * parts
    share = rng.beta(4, 4, 60)[:, None] * parts**growth * np.exp(0.3 * rng.normal(size=(60, len(parts))))
    return objects * share, objects


def test_growth_is_found_and_none_is_invented() -> None:
    rng, names = np.random.default_rng(1), [str(number) for number in range(60)]
    flat = [exponent("q", names, *recurring(rng, 0.0)) for _ in range(REPEATS)]
    assert decided(flat) <= SLACK
    grown = [exponent("q", names, *recurring(rng, 0.8)) for _ in range(REPEATS)]
    assert decided(grown, "agrees") > 0.95
    assert np.mean([answer.low <= 0.8 <= answer.high for answer in grown]) >= 1 - SLACK
    with pytest.raises(ValueError, match="5 labelled products are too few"):
        exponent("q", names[:5], *(table[:5] for table in recurring(rng, 0.8)))
    with pytest.raises(ValueError, match="too few objects recur"):
        exponent("q", names, np.zeros((60, len(FRACTIONS))), np.ones((60, len(FRACTIONS))))


def world(products: int, views: int, sets: Mapping[int, Sequence[int]]) -> Made:
    """`views` photographs of one object each of every product, and sets: anchor -> views."""
    count = products * views
    named = [{"row": row, "subject": f"p{row // views}", "photograph": row} for row in range(count)]
    place: dict[str, Any] = dict.fromkeys("xywh", 1) | {"category": "mug", "score": 1.0}
    hashes = {"dhash": bytes(32), "dhash_flipped": bytes(32)}
    objects = [{"object_id": f"o{row}", "row": row, "image_id": f"i{row}"} | place | hashes for row in range(count)]
    rows = [
        {"anchor": anchor, "views": list(own), "similarities": [0.95] * len(own), "category": "mug", "group": 0}
        for anchor, own in sets.items()
    ]
    pairs = [
        {"src_row": a, "dst_row": b, "similarity": 0.95, "flags": 0}
        for a in range(count)
        for b in range(a + 1, count)
        if a // views == b // views
    ]
    return Made(rows={"objects": objects, "identities": named, "sets": rows, "pairs": pairs})


def test_mined_sets_are_judged_by_labels(tmp_path: Path) -> None:
    """Of eight products with five objects, one run mines every object rightly, the other two of five, a third right."""
    right = {row: [other for other in range(row // 5 * 5, row // 5 * 5 + 5) if other != row][:3] for row in range(40)}
    half = {row: [views[0], (row + 5) % 40, (row + 10) % 40] for row, views in right.items() if row % 5 < 2}
    ours, other = (make_run(tmp_path / name, world(8, 5, sets)) for name, sets in (("ours", right), ("half", half)))
    answer = precision("q", ("IR", "DINO"), ours, other)
    assert [level.mean for level in answer.levels] == pytest.approx([1, 1 / 3]) and answer.verdict == "agrees"
    assert answer.subjects == 8 and "DINO: 16 sets of 8 products, window 0.900 to 0.990" in answer.note
    answer = usable("q", ("IR", "DINO"), ours, other)
    assert [level.mean for level in answer.levels] == pytest.approx([1, 2 / 5 / 3])
    assert usable("q", ("DINO", "IR"), other, ours).verdict == "disagrees"
    few = make_run(tmp_path / "few", world(8, 5, {row: right[row] for row in range(10)}))
    with pytest.raises(
        ValueError, match=r"both mined sets of 2 products, and 6 are needed\. IR: 40 sets of 8 products"
    ):
        precision("q", ("IR", "CLIP"), ours, few)


def test_recurrence_in_parts_is_a_plain_count(tmp_path: Path) -> None:
    """Each object has four partners, so in half of the photographs three of them are left with probability 5/16."""
    workspace = make_run(tmp_path / "run", world(12, 5, {0: [1, 2, 3]}))
    products, having, objects = counted(workspace)
    assert len(products) == 12 and (having[:, -1] == 5).all() and (objects[:, -1] == 5).all()
    half = FRACTIONS.index(0.5)
    assert objects[:, half].sum() / 60 == pytest.approx(0.5, abs=0.05)
    assert having[:, half].sum() / objects[:, half].sum() == pytest.approx(5 / 16, abs=0.06)


def study(rng: np.random.Generator, ours: float, other: float, raters: int) -> tuple[list[Choice], Any]:
    """Simulated choices, which two metrics predict with these chances, and the metrics' scores."""
    samples = [(f"s{number}", f"product-{number % SUBJECTS}") for number in range(3 * SUBJECTS)]
    better = {sample: rng.choice(["a", "b"]) for sample, _ in samples}
    cells = {
        metric: {
            system: {sample: (subject, float((system == better[sample]) == hit[sample])) for sample, subject in samples}
            for system in "ab"
        }
        for metric, chance in (("m.ir", ours), ("m.dino", other))
        for hit in [{sample: rng.random() < chance for sample, _ in samples}]
    }
    choices = []
    for sample, subject in samples:
        for rater in range(raters):
            chosen = better[sample] if rng.random() < 0.9 else "ab".replace(better[sample], "")
            choices.append(Choice(subject, sample, chosen, "ab".replace(chosen, ""), f"r{rater}"))
    return choices, lambda metric, system: cells[metric].get(system, {})


METRICS = {"IR": "m.ir", "DINO": "m.dino"}


def test_a_metric_that_chooses_as_simulated_raters_do_is_found() -> None:
    rng = np.random.default_rng(2)
    null = [agreement("q", METRICS, *study(rng, 0.7, 0.7, 3)) for _ in range(REPEATS)]
    assert decided(null) <= SLACK
    found = [agreement("q", METRICS, *study(rng, 0.9, 0.6, 3)) for _ in range(REPEATS // 4)]
    assert decided(found, "agrees") > 0.9
    levels = {level.label: level.mean for level in found[0].levels}
    assert levels["the other raters"] > levels["IR"] > levels["DINO"]


def test_choices_that_raters_disagree_on_are_counted_by_hand() -> None:
    """Two of three raters choose a; IR is for a, DINO for b."""
    cells = {"m.ir": {"a": 1.0, "b": 0.0}, "m.dino": {"a": 0.0, "b": 1.0}}
    choices = [
        Choice(name, f"s-{name}", chosen, other, rater)
        for name in NAMES[:8]
        for rater, chosen, other in (("x", "a", "b"), ("y", "a", "b"), ("z", "b", "a"))
    ]

    def scores(metric: str, system: str) -> dict[str, tuple[str, float]]:
        return {f"s-{name}": (name, cells[metric][system]) for name in NAMES[:8]} if system in cells[metric] else {}

    unknown = [choice._replace(other="c") for choice in choices[:3]]
    answer = agreement("q", METRICS, [*choices, *unknown], scores)
    assert [level.mean for level in answer.levels] == pytest.approx([2 / 3, 1 / 3, (0.5 + 0.5 + 0) / 3])
    assert answer.estimate == pytest.approx(1 / 3)
    assert "24 choices of 3 raters; of 8 pairs of pictures with a majority, IR alone is right in 8" in answer.note
    assert "3 choices between pictures that this run has no scores of" in answer.note


def test_choices_are_read_as_the_review_app_writes_them(tmp_path: Path) -> None:
    from pipelines.review.study_report import COLUMNS, as_parquet, table

    row = {"study": "d", "question": "similarity", "benchmark": "insertion", "subject": "mug", "sample": "mug-0",
           "left": "a", "right": "b", "choice": "right", "rater": "ada", "at": "", "milliseconds": 5}  # fmt: skip
    rows = table([row, row | {"question": "prompt"}, row | {"benchmark": "generation"}])
    with (tmp_path / "choices.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    (tmp_path / "choices.parquet").write_bytes(as_parquet(rows))
    for name in ("choices.csv", "choices.parquet"):
        assert read_choices(tmp_path / name, "insertion") == [Choice("mug", "mug-0", "b", "a", "ada")]
    (tmp_path / "other.csv").write_text("path,subject\na,b\n")
    for name, words in (("other.csv", "has no column question"), ("absent.csv", "cannot be read as people's choices")):
        with pytest.raises(UserError, match=f"{name} {words}"):
            read_choices(tmp_path / name, "insertion")


def test_the_two_instance_retrieval_encoders_have_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """models.ir answers about retrieval, models.second_ir about people."""
    given = SimpleNamespace(hits=lambda model: (NAMES, [1.0] * SUBJECTS), workspace=Workspace(Path()))
    material: Any = SimpleNamespace(given=given, choices=Path())
    monkeypatch.setattr("pipelines.reproduce.measures.read_choices", lambda file, benchmark: [])
    monkeypatch.setattr("pipelines.reproduce.measures.agreement", lambda question, metrics, *rest: metrics)
    mining = retrieval("dino")("q", material).levels[0].label
    of_people: Any = people("insertion", "dino", "DINO")("q", material)
    assert mining not in of_people and set(of_people) == {"independent IR", "DINO"}
