"""Evaluation: trained insertion and generation models go in; out come the pictures that they, their baselines and
outside systems make for every benchmark sample, with a score for each metric. Quadruplets with ground truth and
identity metrics (section 5, Table 1), and the reference gap: what true references add over those of another product."""

from components.common.stage.contract import ON_GPU, Stage
from components.evaluation.params import Params

STAGE = Stage(__name__, "Evaluation", Params, "insertion:model generation:model -> scores samples", "training", ON_GPU)
