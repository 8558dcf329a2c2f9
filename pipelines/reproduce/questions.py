"""The paper's claims that are asked, and how each is measured. Fixed before any answer is seen."""

from components.common.systems import MODEL, ONE_REFERENCE, PASTED
from pipelines.reproduce.measures import growth, mining, people, retrieval, systems, trainings
from pipelines.reproduce.question import Question
from pipelines.reproduce.variants import (
    AUGMENTED,
    COPIED,
    FEWER,
    HALF,
    PLAIN,
    QUARTER,
    THREE,
    mined_by,
)

RECALL = "Share of the benchmark's photographs whose nearest neighbour among all others shows the same object."
STAND_IN = "Copy-paste stands in for the paper's baselines, which are not available here."
IDENTITY = "IR by the independent encoder, on insertions from the same noise."
CALIBRATED = "Each encoder has the similarity window that the same labels give it."
SHOWN = "shown by pictures"
CURVE = "a rising curve; its values are not known"

GIVEN = (
    *(
        Question(
            f"retrieval-ir-{other}",
            f"Instance-retrieval features find the same object better than {other.upper()}'s.",
            "figures 2, 9 and 14",
            SHOWN,
            RECALL,
            retrieval(other),
        )
        for other in ("dino", "clip")
    ),
    Question(
        "three-references",
        "Three references keep an inserted object's identity better than one.",
        "table 1",
        "IR .858 with three, .803 with one",
        IDENTITY,
        systems("insertion.second_ir", MODEL, ONE_REFERENCE),
        points=(("three references", 0.858), ("one reference", 0.803)),
    ),
    Question(
        "insertion-identity",
        "Inserted objects keep their identity better than with the baselines.",
        "table 1",
        "IR .858; AnyDoor .738, ObjectStitch .564, Paint-by-Example .544",
        f"IR by the independent encoder. {STAND_IN}",
        systems("insertion.second_ir", MODEL, PASTED),
        points=(("ObjectMate", 0.858), ("AnyDoor", 0.738), ("ObjectStitch", 0.564), ("Paint-by-Example", 0.544)),
    ),
    Question(
        "insertion-composition",
        "Inserted objects fit their scene better than with the baselines.",
        "table 1",
        "DINO .885; AnyDoor .822, Paint-by-Example .800, ObjectStitch .793",
        f"DINO, on the same crop as IR. {STAND_IN}",
        systems("insertion.dino", MODEL, PASTED),
        points=(("ObjectMate", 0.885), ("AnyDoor", 0.822), ("Paint-by-Example", 0.8), ("ObjectStitch", 0.793)),
    ),
    Question(
        "recurrence-grows",
        "The share of objects that recur grows with the collection, so that recurring objects grow super-linearly.",
        "figure 3c",
        CURVE,
        "The exponent of the share of labelled objects with enough partners in the window, against the size of random "
        "parts of the photographs. Zero would be linear growth. A collection in which every object already recurs "
        "often enough would show none.",
        growth,
    ),
)

TRAINED = (
    *(
        Question(
            f"data-{variant.name}",
            f"A model trained on all data is better than one trained on {words} of it.",
            "figure 10",
            CURVE,
            f"{IDENTITY} The same training on a random part of the training sets; the paper varies the collection that "
            "sets are mined from.",
            trainings("insertion.second_ir", PLAIN, variant, ("all sets", f"{words} of them")),
            (PLAIN, variant),
        )
        for variant, words in ((HALF, "half"), (QUARTER, "a quarter"))
    ),
    *(
        question
        for other in ("dino", "clip")
        for question in (
            Question(
                f"mined-precision-{other}",
                f"References mined by instance retrieval show the same object more often than those mined with "
                f"{other.upper()}.",
                "figures 9, 14 and 15",
                SHOWN,
                f"Share of right references, by labels, over the products for which both mined sets. {CALIBRATED}",
                mining("precision", mined_by(other)),
                (mined_by(other),),
                until="dataset",
            ),
            Question(
                f"mined-usable-{other}",
                f"Instance retrieval mines more right references than {other.upper()}.",
                "figures 9, 14 and 15",
                SHOWN,
                "Share of right references of each labelled object, zero where it has no set, so that both the "
                f"precision and the yield of mining count. {CALIBRATED}",
                mining("usable", mined_by(other)),
                (mined_by(other),),
                until="dataset",
            ),
            Question(
                f"trained-ir-{other}",
                f"Data mined by instance retrieval make a better model than data mined with {other.upper()}.",
                "figures 9, 14 and 15",
                SHOWN,
                f"{IDENTITY} {CALIBRATED}",
                trainings("insertion.second_ir", PLAIN, mined_by(other), ("mined with IR", f"with {other.upper()}")),
                (PLAIN, mined_by(other)),
            ),
        )
    ),
    Question(
        "recurrences-self-crops",
        "Real recurrences make a better model than augmented crops of the target, the data of earlier work.",
        "table 1, whose Paint-by-Example is trained that way",
        "IR .858; Paint-by-Example .544",
        f"{IDENTITY} The same targets and scenes; only the references of training differ. Crops are flipped, turned "
        "and blurred as in Paint-by-Example.",
        trainings("insertion.second_ir", PLAIN, AUGMENTED, ("recurrences", "self-crops")),
        (PLAIN, AUGMENTED),
        points=(("ObjectMate", 0.858), ("Paint-by-Example", 0.544)),
    ),
    Question(
        "recurrences-counterfactual",
        "A model trained on recurrences fits objects into their scene better than a counterfactual inserter, which "
        "pastes them as they are.",
        "figure 17",
        SHOWN,
        "DINO, on insertions from the same noise. The same model trained on pairs with and without the object stands "
        "in for ObjectDrop: its reference is the target's own crop.",
        trainings("insertion.dino", PLAIN, COPIED, ("recurrences", "counterfactual")),
        (PLAIN, COPIED),
    ),
    Question(
        "references-in-training",
        "A model trained with three references is better than one trained with one or two.",
        "table 1",
        "not known: the paper does not say whether its model with one reference was trained that way",
        f"{IDENTITY} Both are given three references.",
        trainings("insertion.second_ir", THREE, FEWER, ("three references", "one or two")),
        (THREE, FEWER),
    ),
)

PUBLISHED = {
    "insertion": (0.795, {"dino": 0.718, "clip_i": 0.604}),
    "generation": (0.729, {"dino": 0.684, "clip_i": 0.647}),
}
PEOPLE = tuple(
    Question(
        f"people-{benchmark}-{other.removesuffix('_i')}",
        f"IR chooses between two systems as people do more often than {label} does, in {benchmark}.",
        "table 3",
        f"IR {own:.1%} of choices, {label} {others[other]:.1%}",
        "Share of people's choices that the metric predicts, by the independent encoder. The ceiling is how often the "
        "majority of the other raters predicts a rater.",
        people(benchmark, other, label),
        points=(("IR", own), (label, others[other])),
        people=True,
    )
    for benchmark, (own, others) in PUBLISHED.items()
    for other, label in (("dino", "DINO"), ("clip_i", "CLIP-I"))
)

QUESTIONS = (*GIVEN, *TRAINED, *PEOPLE)

NOT_ASKED = {
    "Generation against baselines (table 2)": "the paper's numbers are not known to us, and tiny models hardly follow "
    "a prompt; `objectmate run` scores generation next to copy-paste",
    "Data sources (figure 16)": "the rendered world is one source; COCO, Open Images and a crawl are not available",
    "Three different objects as references (figure 22)": "the paper shows pictures; the rendered benchmark has no "
    "truth with several given objects, so a score would measure something else",
    "Changing an object's property (figure 23)": "the paper shows pictures; the world's captions name an object and "
    "its place, so no prompt can ask for another property",
    "AnyDoor, ObjectStitch, Paint-by-Example, SuTI, Instruct-Imagen": "they are not run here; any system's pictures "
    "can be scored with `evaluation.outside`",
}
"""What the paper shows but is not asked here -> why."""
