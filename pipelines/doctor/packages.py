"""Installed packages: what every run needs, the extras, and the decoders of photographs."""

from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipelines.doctor.finding import Finding

OWN = "objectmate"
CHECKOUT = Path(__file__).parents[2]
CODECS = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "avif": "AVIF", "libtiff": "TIFF"}
"""Pillow's name of a codec -> the kind of photographs that it reads."""
FOR = {
    "s3": "photographs and caches at s3://",
    "gpu": "the fast join on NVIDIA GPUs",
    "sandbox": "rendering the world again",
    "check": "compile --check",
    "heif": "HEIC photographs of phones",
    "photos": "the profile of real photographs",
    "xlsx": "labels in Excel workbooks",
    "lineage": "exports of lineage",
    "dev": "tests and lint",
}
"""Extra -> what it is for, where its name does not say so."""


def how_to_install(extra: str) -> str:
    """The command that installs an extra, from the checkout if there is one."""
    if (CHECKOUT / "pyproject.toml").is_file():
        return f"pip install -c {CHECKOUT}/constraints.txt -e '{CHECKOUT}[{extra}]'"
    return f"pip install '{OWN}[{extra}]'"


def packages() -> Finding:
    """What every run imports."""
    if lacking := _unmet(""):
        mend = "make setup" if (CHECKOUT / "Makefile").is_file() else f"pip install --upgrade {OWN}"
        return Finding("packages", "absent", f"not installed as needed: {', '.join(lacking)}", mend, needed=True)
    return Finding("packages", "ok", "everything that a run imports is installed", needed=True)


def extras() -> list[Finding]:
    """Each extra that the installed package declares."""
    return [_extra(name) for name in metadata.metadata(OWN).get_all("Provides-Extra") or []]


def _extra(name: str) -> Finding:
    purpose, lacking = FOR.get(name, f"the extra {name}"), _unmet(name)
    if lacking:
        return Finding(f"extra {name}", "absent", f"{purpose}: needs {', '.join(lacking)}", how_to_install(name))
    return Finding(f"extra {name}", "ok", purpose)


def _unmet(extra: str) -> list[str]:
    """The requirements of an extra (empty: of the package itself) that are missing or have a wrong version."""
    return [str(each.name) + str(each.specifier) for each in _requirements(extra) if not _met(each)]


def _requirements(extra: str) -> Iterator[Requirement]:
    for each in map(Requirement, metadata.requires(OWN) or []):
        wanted = each.marker is None or each.marker.evaluate({"extra": extra})
        if not wanted or (extra and each.marker is None):
            continue
        if canonicalize_name(each.name) == OWN:
            for other in each.extras:
                yield from _requirements(other)
        else:
            yield each


def _met(requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(metadata.version(requirement.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def decoders() -> list[Finding]:
    """The kinds of photographs that can be read here."""
    from PIL import features

    heic = util.find_spec("pillow_heif") is not None
    readable = {kind: features.check(codec) for codec, kind in CODECS.items()} | {"HEIC": heic}
    read, missing = ([kind for kind, works in readable.items() if works is wanted] for wanted in (True, False))
    findings = [Finding("decoders", "ok", f"{', '.join(read)} can be read", needed=True)]
    for kind in missing:
        mend = how_to_install("heif") if kind == "HEIC" else "pip install --upgrade --force-reinstall pillow"
        needed = kind in ("JPEG", "PNG")
        findings.append(Finding(f"decoder {kind}", "absent", f"{kind} photographs go to quarantine", mend, needed))
    return findings
