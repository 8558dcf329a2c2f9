"""What each gate asks, of what, how it decides, which error it controls, and what it cannot see.

`objectmate gate explain` and docs/gates.md say it in these words.
"""

from typing import NamedTuple


class Question(NamedTuple):
    """question: what the gate asks. population: of what. statistic: what decides. error: how often the verdict may be
    wrong, or why it cannot be. unseen: what it cannot see.
    """

    question: str
    population: str
    statistic: str
    error: str
    unseen: str


CENSUS = "none by chance: all are counted"

QUESTIONS = {
    "intake": Question(
        "Is what came in usable, and are we allowed to use it?",
        "every file of the collection",
        "share of broken photographs; photographs without digest or, where asked, licence",
        CENSUS,
        "a licence that is wrong; a photograph that decodes but shows nothing",
    ),
    "objects": Question(
        "Do the boxes keep what detection promised?",
        "every object",
        "sides, shares and overlaps against detection's own limits",
        CENSUS,
        "a box around the wrong thing; an object that was not detected",
    ),
    "embeddings": Question(
        "Are the vectors sound?",
        "every vector",
        "lengths; dimensions that never change; effective dimensions of the covariance",
        CENSUS,
        "vectors that are sound but say nothing about products",
    ),
    "retrieval-precision": Question(
        "Do the reference pictures of each training set show the same product as its main picture, the anchor, without "
        "repeating that picture?",
        "the references of this run's sets, each set counting once",
        "labels or people judge one reference per set, in a random order that the sets themselves fix. The gate passes "
        "if what is judged so far shows a share of right references above the limit. It fails if it shows one below, "
        "or nothing by the planned number of sets. A run with fewer sets asks for their other references too; once all "
        "are judged, they are simply counted",
        "a run whose share of right references is below the limit passes at most once in twenty, however often one "
        "looks (gates.recurrence.confidence, default 0.95); sets made with another window or encoder are another run, "
        "with a chance of its own",
        "other runs and other products; wrong labels and wrong answers; how often a good run fails",
    ),
    "distinct-views": Question(
        "Are the members of a set really different photographs?",
        "every two members of every set",
        "share of pairs that nearly repeat each other, by hashes and by phase correlation",
        CENSUS,
        "repeats that were rescaled by more than a twentieth, rotated, or cut by more than a third",
    ),
    "yield": Question(
        "Do enough objects recur, and does no object serve as everybody's view?",
        "every object, every set",
        "share of objects that anchor a set; skewness of how often an object is a view",
        CENSUS,
        "whether the sets are right: that is what retrieval precision asks",
    ),
    "removal": Question(
        "Is the object gone from its background, and is the rest unchanged?",
        "every background of this run",
        "share of backgrounds whose filled box is unlike the object, by the second encoder (models.second_ir), which "
        "did not mine; change outside it",
        CENSUS + "; a bound for other photographs, with one vote per photograph, is printed beside it",
        "what lies outside the box: shadows, reflections, and the rest of an object that the box cuts; a fill that is "
        "unlike the object but looks wrong",
    ),
    "leakage": Question(
        "Could a score come from memory: was an object or photograph of validation or the benchmark trained on?",
        "every training object against every validation and benchmark object",
        "pairs at the mining encoder's split threshold (none allowed); share that the second encoder "
        "(models.second_ir) finds in training; photographs on both sides (none allowed)",
        CENSUS,
        "a product that both encoders fail to recognise; it cannot tell a product from its look-alike either",
    ),
    "conservation": Question(
        "Is anything lost without a named rule, from the files that came in to the tuples that go out?",
        "every file, photograph, object and set of this run",
        "equations between the datasets: what came in is what went on and what a rule rejected, each exactly once",
        CENSUS,
        "a rule that is applied wrongly; a file that the store does not list",
    ),
    "model": Question(
        "Does the model use its references?",
        "subjects like those of the benchmark",
        "gain of the own references over another object's, by the metric gates.model.metric (default: the second "
        "encoder, which did not mine); each subject counts once",
        "a model without a gain passes about once in forty at one look (Student's two-sided interval at "
        "gates.model.confidence, default 0.95); looking again after more training or subjects adds to that",
        "how good the pictures are; subjects unlike the benchmark's",
    ),
}
