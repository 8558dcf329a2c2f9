"""Which photograph a name in a user's file means: decided here for labels, annotations and every other list of names.

A user's file may name photographs relative to another folder, by absolute path or by address, in the spelling of the
program that wrote it. Two names are alike if they differ only in backslashes for slashes, `.` and empty folders,
Unicode composition or percent-encoding. A name means the photograph with exactly that path; failing that, the only one
whose path ends in the name; failing that, the one with the longest path that the name ends in. A name that fits
several photographs, or that seems to mean the same one as a different name, is ambiguous and matches nothing.
"""

import posixpath
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple
from urllib.parse import unquote

SHOWN = 3  # names in a sentence
EXAMPLES = 2  # how many photographs are listed for a name that fits several


class Matches(NamedTuple):
    """What each name in a file means.

    uris: name -> uri of its photograph. missing: names that fit no photograph, in the file's order. ambiguous: name ->
    a phrase that says what it could mean.
    """

    uris: dict[str, str]
    missing: list[str]
    ambiguous: dict[str, str]


class _Claim(NamedTuple):
    """The photographs that a name fits, at most EXAMPLES + 1.

    path: the name's normal form. whole: whether it is their entire path.
    """

    uris: list[str]
    path: str
    whole: bool


class Names:
    """The photographs of a collection, to be looked up by the names that a file gives them."""

    def __init__(self, uris: Iterable[str], endings: bool = True):
        """endings: whether names include the file extension; Open Images leaves it out."""
        self._literal: dict[str, list[str]] = defaultdict(list)
        self._whole: dict[str, list[str]] = defaultdict(list)
        for uri in uris:
            name = uri if endings else posixpath.splitext(uri)[0]
            self._literal[name].append(uri)
            self._whole[_path(name)].append(uri)
        self._sorted = sorted(self._whole)
        self._root = _shared_root(self._whole)

    def fits(self, name: str) -> bool:
        """Whether the name fits at least one photograph."""
        return self._claim(name) is not None

    def match(self, names: Iterable[str]) -> Matches:
        """Decides what all names in one file mean; they are judged together, since two names may collide."""
        claims = {name: self._claim(name) for name in names}
        rivals: dict[str, dict[str, str]] = defaultdict(dict)  # uri -> normal form -> first name of that form
        for name, claim in claims.items():
            if claim and len(claim.uris) == 1:
                rivals[claim.uris[0]].setdefault(claim.path, name)
        matches = Matches({}, [], {})
        for name, claim in claims.items():
            if claim is None:
                matches.missing.append(name)
            elif doubt := _doubt(claim, rivals[claim.uris[0]]):
                matches.ambiguous[name] = doubt
            else:
                matches.uris[name] = claim.uris[0]
        return matches

    def _claim(self, name: str) -> _Claim | None:
        if uris := self._literal.get(name):
            return _Claim(uris[: EXAMPLES + 1], _path(name), True)
        spellings = dict.fromkeys((_path(name), _path(unquote(name))))
        return next((claim for path in spellings if path and (claim := self._fitting(path))), None)

    def _fitting(self, path: str) -> _Claim | None:
        if uris := self._whole.get(path):
            return _Claim(uris[: EXAMPLES + 1], path, True)
        if uris := self._whole.get(path + self._root) or self._ending_in(path) or self._longest_in(path):
            return _Claim(uris[: EXAMPLES + 1], path, False)
        return None

    def _ending_in(self, path: str) -> list[str]:
        start = bisect_left(self._sorted, path)
        longer = takewhile(lambda each: each.startswith(path), self._sorted[start : start + EXAMPLES + 1])
        return [uri for each in longer for uri in self._whole[each]]

    def _longest_in(self, path: str) -> list[str]:
        """The photographs whose entire path the name ends in; the longest one wins."""
        folders = path.removesuffix("/").split("/")
        shorter = ("/".join(folders[:count]) + "/" for count in range(len(folders) - 1, 0, -1))
        return next((self._whole[each] for each in shorter if each in self._whole), [])


def some(names: Sequence[str]) -> str:
    """The first few of some names for people to read, and how many more there are."""
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN:,} more" if len(names) > SHOWN else shown


def _doubt(claim: _Claim, rivals: dict[str, str]) -> str:
    """Why a name may not be taken to mean the photograph it fits; empty if it may. rivals: normal form -> name."""
    if len(claim.uris) > 1:
        more = " or others" if len(claim.uris) > EXAMPLES else ""
        return f"could mean {' or '.join(claim.uris[:EXAMPLES])}{more}"
    other = next((name for path, name in rivals.items() if path != claim.path), None)
    if claim.whole or other is None:
        return ""
    return f"could mean {claim.uris[0]}, and so could '{other}'"


def _path(name: str) -> str:
    """The normal form of a name: its last part first, so that a suffix of the name is a prefix of the form."""
    scheme, separator, rest = name.partition("://")
    if scheme.lower() in ("http", "https"):
        rest = rest.partition("?")[0]
    plain = unicodedata.normalize("NFC", rest if separator else name).replace("\\", "/")
    parts = posixpath.normpath("/" + plain).split("/")
    return "".join(f"{part}/" for part in reversed(parts) if part)


def _shared_root(paths: Iterable[str]) -> str:
    """The folders that all paths share, in normal form."""
    folders = [path.removesuffix("/").split("/")[:0:-1] for path in paths]
    shared = posixpath.commonprefix(folders) if folders else []  # type: ignore[type-var]
    return "".join(f"{folder}/" for folder in reversed(shared))
