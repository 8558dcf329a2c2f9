"""The answers as one self-contained page: the paper's numbers next to ours, with the verdicts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from markupsafe import Markup

from pipelines.report.charts import dots, legend, lines
from pipelines.report.templates import environment
from pipelines.reproduce.answer import Answer
from pipelines.reproduce.described import Corpus, Described
from pipelines.reproduce.question import Question
from pipelines.reproduce.questions import NOT_ASKED

MARKS = {"own": "own", "baseline": "baseline", "ceiling": "ceiling", "published": "published"}
DRAWN = "mean over subjects, with its 95 % interval"


@dataclass(frozen=True)
class Asked:
    """A question with its answer, or the reason why there is none."""

    question: Question
    answer: Answer | None
    reason: str = ""


def write_page(
    name: str,
    asked: Sequence[Asked],
    described: tuple[Sequence[Described], Sequence[Corpus]],
    path: Path,
    quick: bool = False,
) -> None:
    """Writes the page. name: the run's. quick: whether the trainings were short."""
    answered = [(each.question, each.answer, _chart(each.question, each.answer)) for each in asked if each.answer]
    unanswered = [(each.question.claim, each.reason) for each in asked if each.answer is None]
    figures, corpora = described
    template = environment(Path(__file__).parent).get_template("page.html")
    page = template.render(
        name=name,
        quick=quick,
        asked=answered,
        left=[(claim, why.replace("`", "")) for claim, why in (*unanswered, *NOT_ASKED.items())],
        figures=figures,
        corpora=corpora,
    )
    path.write_text(page, encoding="utf-8")


def _chart(question: Question, answer: Answer) -> Markup:
    says = f"{question.name}: {question.here}"
    if answer.curve:
        x, y = answer.curve[0]
        return lines(answer.curve, x, {y: y}, x, f"{y} of objects (0 to 1)", says)
    keys = ("own", "baseline", "ceiling")
    rows = [asdict(level) | {"key": key} for level, key in zip(answer.levels, keys, strict=False)]
    if not question.points:
        return dots({"": rows}, MARKS, DRAWN, says)
    points = [{"label": label, "mean": value, "key": "published"} for label, value in question.points]
    words = legend({"own": "here", "published": "published: other models, photographs and encoders"})
    return words + dots({"here": rows, "published": points}, MARKS, DRAWN, says)
