"""A model card, generated from the run: how the model was made, its scores, its photographs' rights, its limits."""

from collections.abc import Iterator

import yaml

from components.common.data.digests import short
from components.evaluation.summary import CONTRASTS, Table, table_of
from pipelines.lineage.diff.diff import flat
from pipelines.lineage.exports.card import gates_section, limits_section, rights_section
from pipelines.lineage.exports.counting import rights
from pipelines.lineage.exports.history import History
from pipelines.lineage.exports.markdown import table, text

TAGS = {"insertion": "image-to-image", "generation": "text-to-image"}
LIMITS = """\
- No licence is stated for the weights: it depends on the photographs, on the initial weights, and on you.
- Measured on the benchmark's subjects only: other kinds of objects, scenes and sizes can be better or worse.
- Identity scores reward copying: compare them with `copy-paste`, and look at pictures.
- Training photographs that are taken down later stay in these weights; the version is then tagged `takedown.NAME`."""


def model_card(history: History, task: str, name: str, standing: str) -> str:
    """The card, Markdown with the front matter of Hugging Face. standing: a comparison with the previous champion."""
    measured = rights(history)
    head = {"library_name": "diffusers", "pipeline_tag": TAGS[task], "tags": ["objectmate"]}
    front = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    parts = [
        *_made(history, task), *_scores(history, task), f"Against the champion: {text(standing)}.",
        *gates_section(history), *rights_section(measured), *limits_section(history, measured), LIMITS,
        *_use(name),
    ]  # fmt: skip
    return f"---\n{front}---\n\n# {text(name)}: {task} by an ObjectMate grid UNet\n\n" + "\n\n".join(parts) + "\n"


def _made(history: History, task: str) -> Iterator[str]:
    model = history.datasets[f"model_{task}"]
    maker = history.makers[f"model_{task}"]
    yield "## How it was made"
    datasets = [(name, len(history.datasets[name]), history.datasets[name].digest) for name in _behind(history)]
    yield table(("dataset", "rows", "sha256"), [(name, f"{rows:,}", digest) for name, rows, digest in datasets])
    yield f"The model itself is the dataset `model_{task}` with the sha256 `{model.digest}`."
    settings = flat(model.manifest.params)
    yield table(("parameter of the training", "value"), list(settings.items()))
    weights = [(role, digest) for role, digest in model.manifest.models.items()]
    commit = short(maker.record["commit"]) or "unknown"
    yield table(("initial weights, and how it was computed", "sha256 or name"), [*weights, ("commit", commit)])


def _behind(history: History) -> list[str]:
    return [name for name in ("images", "sets", "tuples", "latents") if name in history.datasets]


def _scores(history: History, task: str) -> Iterator[str]:
    """Means with 95 % intervals, as on the run's page: every system, and the model's paired differences to others."""
    scores = table_of(history.datasets["scores"])
    metrics = [metric for benchmark, metric in scores.cells if benchmark == task]
    yield "## Scores"
    yield "Means over the benchmark with 95 % intervals over its subjects."
    systems = list(dict.fromkeys(system for metric in metrics for system in scores.cells[task, metric]))
    yield table(("metric", *systems), [(metric, *_row(scores, task, metric, systems)) for metric in metrics])
    yield "Paired differences; positive means that the model is better."
    named = {name: f"over {other}" for name, (_, other) in CONTRASTS.items()}
    differences = {(metric, name): scores.contrast(task, metric, name) for metric in metrics for name in CONTRASTS}
    yield table(
        ("metric", "difference", "mean", "95 % interval"),
        [
            (metric, named[name], f"{each.mean:+.3f}", f"{each.low:+.3f} to {each.high:+.3f}")
            for (metric, name), each in differences.items()
            if each
        ],
    )


def _row(scores: Table, task: str, metric: str, systems: list[str]) -> Iterator[str]:
    for system in systems:
        if system not in scores.cells[task, metric]:
            yield ""
            continue
        each = scores.interval(task, metric, system)
        yield f"{each.mean:.3f} ({each.low:.3f} to {each.high:.3f})"


def _use(name: str) -> Iterator[str]:
    yield "## Use"
    yield (
        f"```python\nimport mlflow\n\nfrom components.common.diffusion.pipeline import GridPipeline\n\n"
        f'folder = mlflow.artifacts.download_artifacts("models:/{name}@champion")\n'
        f'pipeline = GridPipeline.from_pretrained(f"{{folder}}/model/pipeline")\n```'
    )
