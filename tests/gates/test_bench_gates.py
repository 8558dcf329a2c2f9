"""The simulation of the precision gate: it keeps its promise in every world, and its peer does not."""

import itertools
import json
import math

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from components.common.acceptance import pass_probabilities, shows_more
from components.common.statistics import share_lower_bound
from components.gates.bench import simulate as bench
from components.gates.bench.lots import Lots, drawn, labelled_in_turn, simulate
from components.gates.bench.procedures import boundaries, looks_at, passed_by
from components.gates.bench.rows import LOOKS, OURS, PEER, Row
from components.gates.bench.worlds import all_worlds, look_alikes, partly_labelled, quick_worlds, shared_objects
from components.gates.known import RIGHT, UNKNOWN
from components.gates.params import Recurrence
from pipelines.cli.app import app
from pipelines.cli.bench_gates import draw

LOTS, NOMINAL = 400, 0.05
PLAN = bench.plan_of(Recurrence())


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The quick worlds with few runs."""
    return bench.exact_rows(PLAN) + [row for world in quick_worlds() for row in bench.rows_of(world, PLAN, LOTS, 0)]


def of(rows: list[Row], procedure: str, world: str = "") -> list[Row]:
    """The rows of a procedure in the worlds whose names contain these words."""
    return [row for row in rows if row.procedure == procedure and world in row.world]


def test_ours_keeps_its_promise_in_every_world_at_every_number_of_looks(rows):
    assert len(of(rows, OURS)) == (1 + len(quick_worlds())) * len(LOOKS)
    for row in of(rows, OURS):
        assert row.false_pass <= NOMINAL, row


def test_ours_passes_what_should_pass_by_the_planned_draws(rows):
    for row in of(rows, OURS):
        if row.looks == max(LOOKS):
            assert row.power >= 0.95 - 2 * row.power_se, row
    exact = next(row for row in of(rows, OURS, "independent") if row.looks == max(LOOKS))
    by_plan = pass_probabilities(PLAN.fewest[OURS], 0.9, range(1, 230))[-1]
    assert PLAN.planned == 229 and exact.power == pytest.approx(by_plan, abs=1e-12) and by_plan >= 0.95


def test_the_peer_breaks_its_promise_where_pairs_cluster_or_one_looks_again(rows):
    assert of(rows, PEER, "independent")[0].false_pass <= NOMINAL, "one look at independent pairs: all is well"
    assert of(rows, PEER, "independent")[-1].false_pass > 0.2
    assert all(row.false_pass > 0.15 for row in of(rows, PEER, "look-alikes"))
    assert all(row.false_pass > 0.05 + 2 * row.false_pass_se for row in of(rows, PEER, "share objects"))
    assert all(row.false_pass > 0.9 for row in of(rows, PEER, "labels for 10%"))


def test_incomplete_labels_alone_pass_nothing(rows):
    for row in of(rows, OURS):
        incomplete = row.world.startswith("labels for")
        assert (row.labels_only_false_pass, row.labels_only_power) == ((0, 0) if incomplete else (None, None))


def test_equal_seeds_give_equal_rows_and_others_do_not():
    world = look_alikes(160, 4)
    first, again, other = (bench.rows_of(world, PLAN, 50, seed) for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("share", [0.8, 0.9])
@pytest.mark.parametrize("world", all_worlds(), ids=lambda world: f"{world.name}, {world.sets}")
def test_runs_have_exactly_their_share_right(world, share):
    runs = simulate(world, 3, share, np.random.default_rng(0))
    references = world.sets * world.views
    assert runs.right.shape == (3, references)
    assert (runs.right.sum(axis=1) == math.floor(share * references + 1e-9)).all()


def test_clusters_survive_the_placing_of_the_truth():
    """The variance of units' shares is far above what independent references would give."""
    for world, times in ((look_alikes(2000, 4), 8), (shared_objects(2000), 4)):
        right = simulate(world, 20, 0.8, np.random.default_rng(1)).right
        size = int((world.unit == 0).sum())
        shares = right.reshape(20, -1, size).mean(axis=2)
        assert shares.var() > times * 0.8 * 0.2 / size


def test_every_two_objects_of_a_neighbourhood_are_compared_once():
    world = shared_objects(19)
    assert (world.sets, world.views, len(world.unit)) == (19, 9, 19 * 18 // 2)


def test_sets_are_drawn_in_random_order():
    """Families stand side by side in a run. In a half sorted order two draws in a row are often of one family."""
    world = look_alikes(1984, 4)
    right = np.tile(world.unit % 2 == 0, (500, 1))
    scores = drawn(world, Lots(right, right), True, 400, np.random.default_rng(2)) == RIGHT
    assert (scores[:, 1:] == scores[:, :-1]).mean() == pytest.approx(0.5, abs=0.01)


def test_wrong_pairs_need_two_labels_and_right_ones_one():
    world = partly_labelled(2000, 0.3)
    runs = simulate(world, 50, 0.8, np.random.default_rng(3))
    assert runs.known[runs.right].mean() == pytest.approx(0.3, abs=0.01)
    assert runs.known[~runs.right].mean() == pytest.approx(0.3**2, abs=0.01)
    scores = labelled_in_turn(world, runs, 3000, np.random.default_rng(3))
    assert ((scores != UNKNOWN).sum(axis=1) == runs.known.sum(axis=1)).all(), "all that is known, and nothing else"
    assert (np.diff((scores == UNKNOWN).astype(int), axis=1) >= 0).all(), "what is known comes first"


def test_boundaries_are_the_rules():
    fewest = boundaries(0.8, 0.95, 60)
    for draws in range(61):
        for right in range(draws + 1):
            assert (right >= fewest[OURS][draws]) == shows_more(draws, right, 0.8)
            assert (right >= fewest[PEER][draws]) == (share_lower_bound(right, draws) >= 0.8)


def test_looks_are_spread_over_the_plan_or_follow_every_draw():
    assert looks_at(1, 229).tolist() == [229]
    assert looks_at(5, 229).tolist() == [46, 92, 137, 183, 229]
    assert looks_at(400, 229).tolist() == list(range(1, 401))


def test_a_pass_stays_and_unknown_draws_end_what_counts():
    fewest = np.array([1, 2, 2, 3, 4])  # two of two pass, and so do three of three and four of four
    looks = np.array([1, 2, 4])
    scores = np.array([[1, 1, 0, 0], [0, 1, 1, 1], [1, UNKNOWN, 1, 1], [1, 1, UNKNOWN, 0]], np.int8)
    assert passed_by(scores, looks, fewest).tolist() == [
        [False, True, True],
        [False, False, False],
        [False, False, False],
        [False, True, True],
    ]


def test_the_recursion_agrees_with_draws():
    fewest, looks = PLAN.fewest[PEER], looks_at(5, 229)
    scores = (np.random.default_rng(4).random((20_000, 229)) < 0.8).astype(np.int8)
    assert pass_probabilities(fewest, 0.8, looks) == pytest.approx(
        passed_by(scores, looks, fewest).mean(axis=0), abs=0.01
    )


def test_the_command_prints_writes_and_draws(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "QUICK_LOTS", 20)
    words = ["bench", "gates", "--json", str(tmp_path / "rows.json"), "--plot", str(tmp_path / "rows.png")]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    for said in ("families of 4 look-alikes", "0.037 exactly", "undecided until people answer"):
        assert said in done.output
    written = json.loads((tmp_path / "rows.json").read_text())
    assert {"procedure", "world", "looks", "false_pass", "power", "false_pass_se", "power_se", "lots"} <= set(
        written[0]
    )
    assert {(row["procedure"], row["looks"]) for row in written} == set(itertools.product((OURS, PEER), LOOKS))
    picture = np.asarray(Image.open(tmp_path / "rows.png").convert("RGB"))
    for colour in ((31, 119, 180), (255, 127, 14)):  # bars of ours and of its peer
        assert (picture == colour).all(axis=2).sum() > 100


def test_a_plot_grows_with_its_worlds(tmp_path, rows):
    few = [row for row in rows if row.world in ("independent pairs", "500 equal products, ICC 0.1")]
    draw(few, tmp_path / "few.png")
    draw(rows, tmp_path / "all.png")
    few_high, all_high = (Image.open(tmp_path / f"{name}.png").height for name in ("few", "all"))
    assert all_high > few_high
