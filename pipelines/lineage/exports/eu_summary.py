"""A draft of the EU's public summary of training content (AI Act, Article 53(1)(d)), field by field.

Each statement is `measured` from the datasets, `declared` by a person, or `TO BE PROVIDED`. Nothing is attested
automatically: whether photographs are licensed, crawled or free of illegal content is never inferred.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from components.common.data.digests import short
from pipelines.lineage.exports.counting import Rights, refused, rights
from pipelines.lineage.exports.declared import Declared
from pipelines.lineage.exports.history import History
from pipelines.lineage.exports.markdown import table

MEASURED, DECLARED, MISSING = "measured", "declared", "TO BE PROVIDED"
BINS = {1_000_000: "less than 1 million", 1_000_000_000: "1 million to 1 billion", math.inf: "more than 1 billion"}
Measure = Callable[[History, Rights], str]


@dataclass(frozen=True)
class Field:
    """A field of the template. measure: what the datasets say; empty for nothing. enough: whether that completes it."""

    title: str
    measure: Measure | None = None
    enough: bool = False


def _models(history: History, _: Rights) -> str:
    models = [
        f"{name} ({short(each.digest)})" for name, each in history.datasets.items() if each.manifest.kind == "model"
    ]
    return ", ".join(models)


def _base_models(history: History, _: Rights) -> str:
    training = [stage for stage in history.stages if any(each.manifest.kind == "model" for each in stage.made.values())]
    used = {
        f"{role} {short(value)}" for stage in training for role, value in stage.models.items() if role != "arithmetic"
    }
    return f"weights used by training: {', '.join(sorted(used))}" if used else ""


def _modalities(history: History, _: Rights) -> str:
    return "image, and text in captions" if len(history.datasets.get("captions", ())) else "image"


def _images(history: History, rights: Rights) -> str:
    size = next(name for limit, name in BINS.items() if rights.photographs < limit)
    samples = len(history.datasets.get("tuples", ()))
    return (
        f"{size} ({rights.photographs:,} photographs were accepted; {samples:,} training samples were made from them)"
    )


def _latest(_: History, rights: Rights) -> str:
    dated = sorted(month for month in rights.months if month)
    if not dated:
        return ""
    year, month = dated[-1].split("-")
    unknown = rights.months[""]
    return f"{month}/{year}" + (f", of the photographs that say so ({unknown:,} do not)" if unknown else "")


def _licences(_: History, rights: Rights) -> str:
    named = [f"{licence} ({count:,})" for licence, count in rights.licences.most_common() if licence]
    how = f"; {rights.stated_how}" if rights.stated else ""
    return f"licences of the photographs: {', '.join(named)}{how}" if named else ""


def _domains(_: History, rights: Rights) -> str:
    """The template asks for the top 10 % of domains; there is always at least one."""
    named = [(name, count) for name, count in rights.domains.most_common() if name]
    top = named[: -(-len(named) // 10)]
    listed = ", ".join(f"{name} ({count:,})" for name, count in top)
    return f"most frequent tenth of {len(named):,} domains of source addresses: {listed}" if named else ""


def _synthetic(history: History, _: Rights) -> str:
    rows = {name: len(history.datasets[name]) for name in ("backgrounds", "captions") if name in history.datasets}
    return ", ".join(f"{count:,} {name} made by models from the photographs" for name, count in rows.items() if count)


def _reservations(history: History, rights: Rights) -> str:
    opted_out = sum(rows for (_, _, reason), rows in refused(history).items() if reason == "opted-out")
    signals = f"{rights.signalled:,} of {rights.photographs:,} photographs that were used carry a signal"
    kept_out = f"{opted_out:,} rows kept out because of an opt-out"
    return f"{kept_out}; {signals}; of these, {rights.checked:,} with the date of the check"


FIELDS: dict[str, dict[str, Field]] = {
    "1. General information": {
        "provider": Field("1.1 Provider: name and contact"),
        "representative": Field("1.1 Authorised representative: name and contact"),
        "model": Field("1.2 Versioned model name(s)", _models),
        "base_models": Field("1.2 Models it is based on, with links to their summaries", _base_models),
        "market_date": Field("1.2 Date of placement on the Union market"),
        "modalities": Field("1.3 Modalities", _modalities, enough=True),
        "images": Field("1.3 Training data size: images", _images, enough=True),
        "content": Field("1.3 Types of content"),
        "latest_acquisition": Field("1.3 Latest date of data acquisition (MM/YYYY)", _latest),
        "languages": Field("1.3 Linguistic characteristics"),
        "characteristics": Field("1.3 Other relevant characteristics"),
    },
    "2. List of data sources": {
        "public_datasets": Field("2.1 Publicly available datasets"),
        "licensed_data": Field("2.2.1 Data licensed by rightsholders or their representatives", _licences),
        "third_party_data": Field("2.2.2 Private datasets obtained from other third parties"),
        "crawled_data": Field("2.3 Data crawled and scraped: description, and whether there is any"),
        "crawlers": Field("2.3 Crawlers: names, purpose and behaviour"),
        "crawl_period": Field("2.3 Period of crawling"),
        "top_domains": Field("2.3 Summary of the most relevant domain names crawled", _domains),
        "user_data": Field("2.4 User data"),
        "synthetic_data": Field("2.5 Synthetic data", _synthetic),
        "other_sources": Field("2.6 Other sources of data"),
    },
    "3. Data processing aspects": {
        "reservations": Field("3.1 Respect of reservations of rights", _reservations),
        "illegal_content": Field("3.2 Removal of illegal content"),
        "other_processing": Field("3.3 Other information about processing"),
    },
}
KEYS = {key: field.title for fields in FIELDS.values() for key, field in fields.items()}
"""Key that can be declared for the summary -> the field's title."""
HEAD = """# Draft: public summary of training content

Fields as in the template of the European Commission. `measured`: counted in the datasets of this run. `declared`:
stated by a person in the file of declarations, and not checked. `TO BE PROVIDED`: neither, or measuring alone is not
enough. This draft makes no claim that any obligation is met.
"""


def eu_summary(history: History, declared: Declared) -> bytes:
    """The draft."""
    measured = rights(history)
    text = HEAD
    for section, fields in FIELDS.items():
        rows = [
            (field.title, key, status, said)
            for key, field in fields.items()
            for status, said in statements(field, history, measured, declared.of(key))
        ]
        text += f"\n## {section}\n\n{table(('field', 'key', 'status', 'statement'), rows)}\n"
    return text.encode()


def statements(field: Field, history: History, measured: Rights, said: str) -> list[tuple[str, str]]:
    """(status, statement) of a field: what is measured, what is `said`, and whether something must be provided."""
    counted = field.measure(history, measured) if field.measure else ""
    filled = bool(said) or (bool(counted) and field.enough)
    stated = [(MEASURED, counted), (DECLARED, said), (MISSING, "" if filled else field.title)]
    return [(status, "" if status == MISSING else statement) for status, statement in stated if statement]
