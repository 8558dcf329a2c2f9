"""The plan of a join: its arithmetic by hand, its advice, and the fit to measurements."""

import math

import pytest
import torch

from components.common.errors import UserError
from components.common.join.built import best_isa, in_words
from components.common.join.exact import prepare
from components.mining.bench.plan import CARDS, TILE, Job, Speed, job_seconds, plan, published, whole, working_bytes
from components.mining.bench.probe import BUDGET, SMALLEST, fit, probe, sizes_in_budget
from components.mining.bench.synthetic import product_vectors

WEB = Job(objects=whole(55.2e6), dim=64, price=3.0)  # the paper's web set
SLOW = Speed("cpu", start=1.0, vector=1e-6, flop=1e-10, memory_bytes=2**40, measured=True, basis="made up")


def test_the_bill_of_a_card_by_hand():
    bill = plan(WEB, published("h200"))
    assert bill.flop == pytest.approx(1.950e17, rel=1e-3)
    assert bill.vector_bytes == 55_200_000 * 128
    assert bill.pairs == 110_400_000
    assert bill.seconds == pytest.approx(1.950e17 / (0.25 * 989e12), rel=1e-3)
    assert bill.best_seconds == pytest.approx(197.2, rel=1e-3)
    assert bill.dollars == pytest.approx(3.0 * bill.seconds / 3600)
    assert (bill.tile, bill.tile_rows) == (16_384, 3370)
    assert bill.advice == []


def test_workers_share_the_products_but_not_the_preparation():
    job = Job(objects=1_000_000, dim=100)
    alone = 1 + 1 + 1e-10 * 1e12 * 100
    assert job_seconds(job, SLOW, TILE) == pytest.approx(alone)
    assert job_seconds(Job(objects=1_000_000, dim=100, workers=10), SLOW, TILE) == pytest.approx(2 + 1000)
    assert plan(Job(objects=1_000_000, dim=100, workers=10, price=2), SLOW).dollars == pytest.approx(20 * 1002 / 3600)


def test_workers_beyond_the_tile_rows_are_idle():
    job = Job(objects=3 * TILE, dim=10, workers=8)
    assert job_seconds(job, SLOW, TILE) == pytest.approx(1 + 3e-6 * TILE + SLOW.flop * job.flop / 3)
    assert "3 tile rows cannot keep more workers busy" in " ".join(plan(job, SLOW).advice)


def test_tile_rows_are_so_short_that_one_may_be_lost():
    job = Job(objects=10_000_000, dim=64)
    bill = plan(job, SLOW)  # 640,000 s; the first of 611 tile rows would take 2 * 16384 / 1e7 of them, 35 minutes
    assert bill.tile == TILE // 4
    assert bill.tile_seconds == pytest.approx(640_000 * 2 * bill.tile / 1e7)
    assert bill.tile_seconds < 600 < 2 * bill.tile_seconds
    assert f"--set mining.tile={bill.tile}" in " ".join(bill.advice)


def test_the_least_sufficient_number_of_workers_is_advised():
    advice = " ".join(plan(Job(objects=10_000_000, dim=64), SLOW).advice)
    assert "--workers 8 would" in advice and "approximate" not in advice
    assert plan(Job(objects=10_000_000, dim=64, workers=7), SLOW).seconds > 24 * 3600
    assert plan(Job(objects=10_000_000, dim=64, workers=8), SLOW).seconds < 24 * 3600
    assert "--device h200" in advice


def test_an_approximate_index_is_advised_if_an_exact_join_is_out_of_reach():
    assert "approximate" in " ".join(plan(Job(objects=100_000_000, dim=64), SLOW).advice)
    assert "more than 2,147,483,647 rows" in " ".join(plan(Job(objects=3 * 10**9, dim=2), published("h200")).advice)


def test_too_little_memory_is_reported():
    assert "holds all vectors" in " ".join(plan(Job(objects=55_200_000, dim=1536), published("h100")).advice)
    assert plan(WEB, published("h100")).advice == []


@pytest.mark.skipif(not best_isa(), reason="the kernel was not built")
def test_working_memory_is_what_the_join_uses():
    vectors = product_vectors(48 * 40, 64)
    rows = prepare(vectors, 0.93)
    sieve = rows.sieve
    held = vectors.nbytes + rows.values.nbytes + 2 * sieve.packed.nbytes + sieve.bias.nbytes + sieve.offset.nbytes
    assert held <= working_bytes(Job(len(vectors), 64), "cpu") <= 1.5 * held


@pytest.mark.parametrize("card", CARDS)
def test_a_card_says_that_its_speed_is_published(card):
    speed = published(card)
    assert not speed.measured and "published, not measured" in speed.basis and "25%" in speed.basis


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"objects": 1}, "--objects between 2 and"),
        ({"dim": 1}, "--dim between 2 and 8192"),
        ({"dim": 10_000}, "--dim between 2 and 8192"),
        ({"workers": 0}, "--workers of at least 1"),
        ({"price": -1.0}, "--price of 0 or more"),
        ({"price": math.nan}, "--price of 0 or more"),
        ({"pairs_per_object": math.inf}, "--pairs-per-object of 0 or more"),
        ({"hours": 0.0}, "--hours above 0"),
    ],
)
def test_impossible_jobs_are_refused(wrong, sentence):
    with pytest.raises(UserError, match=sentence):
        Job(**({"objects": 100, "dim": 8} | wrong))


def test_the_number_of_objects_is_finite():
    assert whole(55.2e6) == 55_200_000
    for wrong in (math.nan, math.inf):
        with pytest.raises(UserError, match="not a number of objects"):
            whole(wrong)


def test_the_fit_recovers_the_coefficients():
    def seconds(n: int) -> float:
        return 0.3 + 2e-6 * n + 4e-12 * 64 * n**2

    vector, flop = fit([(n, seconds(n)) for n in (50_000, 100_000)], 0.3, 64)
    assert (vector, flop) == (pytest.approx(2e-6), pytest.approx(4e-12))
    speed = Speed("cpu", 0.3, vector, flop, 2**40, True, "")
    assert job_seconds(Job(3_000_000, 64), speed, TILE) == pytest.approx(seconds(3_000_000))


@pytest.mark.parametrize("noise", [[(1000, 1.0), (2000, 1.9)], [(1000, 0.1), (2000, 1.0)]])
def test_noise_makes_a_plan_longer_not_shorter(noise):
    """Seconds that grow more slowly than N, or faster than N^2."""
    vector, flop = fit(noise, 0.0, 10)
    assert vector == 0
    assert flop * 10 * 2000**2 == pytest.approx(noise[1][1])


def test_sizes_are_doubled_while_the_budget_lasts():
    asked = []

    def measure(n: int) -> float:
        asked.append(n)
        return 0.1 * BUDGET * (n / (4 * SMALLEST)) ** 2

    assert [n for n, _ in sizes_in_budget(measure, 10**9)] == [4 * SMALLEST, 8 * SMALLEST]
    assert asked == [SMALLEST, 2 * SMALLEST, 4 * SMALLEST, 8 * SMALLEST]
    assert [n for n, _ in sizes_in_budget(measure, 100)] == [SMALLEST, 2 * SMALLEST]


def test_this_machine_is_measured_with_the_real_join():
    speed = probe(8, "cpu")
    assert speed.measured and "measured here: joins of" in speed.basis
    assert speed.basis.endswith(f" vectors, CPU threads: {torch.get_num_threads()}, {in_words(best_isa(), 'cpu')}")
    larger = [job_seconds(Job(n, 8), speed, TILE) for n in (10**5, 10**6, 10**7)]
    assert speed.start < larger[0] < larger[1] < larger[2]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_cannot_be_measured():
    with pytest.raises(UserError, match="name a card, such as --device h200"):
        probe(8, "cuda")
