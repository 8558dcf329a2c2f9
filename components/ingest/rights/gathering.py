"""All statements about photographs outside their own files, collected before any photograph is read."""

import posixpath
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from components.common.data.storage import Entry
from components.common.stage.progress import track
from components.ingest.labels import Labels, Refusal
from components.ingest.listing import UNREADABLE, Listing, uri
from components.ingest.params import Params
from components.ingest.rights.beside import MOST_BYTES, Said, read, site_file, stem
from components.ingest.rights.signals import DISALLOWED, UNKNOWN, Signal, says
from components.ingest.rights.sites import Site, host_of


@dataclass
class Outside:
    """uri -> statements outside the photograph itself: in labels, in files beside it and in captures of its site.

    columns: of `images`, those of the labels first. barring: uri -> a signal that forbids use, its own or one of a
    photograph with the same bytes. refusals: files that could not be read. read: how many could. idle: hosts with
    captures, of which no photograph is known to come.
    """

    signals: dict[str, list[Signal]] = field(default_factory=lambda: defaultdict(list))
    columns: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    barring: dict[str, Signal] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    read: int = 0
    idle: list[str] = field(default_factory=list)


def gather(listing: Listing, labels: Labels, versions: Mapping[str, str], params: Params, pool: Executor) -> Outside:
    """Reads everything beside the photographs. versions: as `Listing.versions` returns them."""
    outside = Outside()
    _from_labels(outside, labels, params)
    sites: dict[str, Site] = {}
    about = _photographs_by_stem(listing)
    contents = pool.map(lambda entry: _bytes(listing, entry), listing.beside)
    files = track(zip(listing.beside, contents, strict=True), "files about rights", len(listing.beside))
    for entry, data in files:
        named = site_file(entry.key)
        try:
            if isinstance(data, OSError):
                raise ValueError(data.strerror or type(data).__name__)
            if named:
                sites.setdefault(named[0], Site(named[0])).read(named[1], data)
            else:
                _take(outside, about[stem(entry.key)], read(entry.key, data, params.opt_out_signals))
            outside.read += 1
        except ValueError as error:
            _refuse(outside, entry, [] if named else about[stem(entry.key)], str(error))
    _from_sites(outside, sites)
    _spread(outside, versions)
    return outside


def _from_labels(outside: Outside, labels: Labels, params: Params) -> None:
    outside.columns |= labels.rights()
    for row in labels.rows:
        if row.rights and "rights_signal" in row.rights and row.path in labels.names.uris:
            value, where = row.rights["rights_signal"], f"{PurePosixPath(params.labels).name} line {row.line}"
            meaning = says("rights_signal", value, params.opt_out_signals)
            signal = Signal("labels", where, value, meaning, row.rights.get("rights_checked_at"))
            outside.signals[labels.names.uris[row.path]].append(signal)


def _photographs_by_stem(listing: Listing) -> dict[str, list[str]]:
    """The name that a file beside a photograph has, without its ending -> the photographs that it is about."""
    named: dict[str, list[str]] = defaultdict(list)
    for entry in listing.entries:
        for name in dict.fromkeys((entry.key, posixpath.splitext(entry.key)[0])):
            named[name].append(uri(entry))
    return named


def _bytes(listing: Listing, entry: Entry) -> bytes | OSError:
    """The file's bytes, at most one more than are accepted, or why it cannot be read."""
    try:
        return listing.store.read(entry.key, 0, MOST_BYTES + 1)
    except OSError as error:
        return error


def _take(outside: Outside, names: list[str], said: Said) -> None:
    for name in names:
        outside.signals[name] += said.signals
        outside.columns[name] = said.columns | outside.columns.get(name, {})


def _refuse(outside: Outside, entry: Entry, names: list[str], why: str) -> None:
    """Notes a file that cannot be read, also as a signal of its photographs: it may have forbidden their use."""
    outside.refusals.append((uri(entry), "malformed", why))
    for name in names:
        outside.signals[name].append(Signal("sidecar", uri(entry), f"cannot be read: {why}", UNKNOWN))


def _from_sites(outside: Outside, sites: Mapping[str, Site]) -> None:
    """What captured sites say about each photograph whose address is known."""
    used = set()
    for name, columns in list(outside.columns.items()):
        address = columns.get("source_url") or ""
        if site := sites.get(host_of(address)):
            used.add(site.host)
            outside.signals[name] += site.signals(address)
    outside.idle = sorted(sites.keys() - used)


def _spread(outside: Outside, versions: Mapping[str, str]) -> None:
    """A signal that forbids the use of one photograph also forbids that of its copies."""
    forbids = {
        name: next(signal for signal in signals if signal.says == DISALLOWED)
        for name, signals in outside.signals.items()
        if any(signal.says == DISALLOWED for signal in signals)
    }
    known = {name: versions[name] for name in forbids if versions.get(name, UNREADABLE) != UNREADABLE}
    contents = {version: forbids[name] for name, version in known.items()}
    copies = {name: contents[version] for name, version in versions.items() if version in contents}
    outside.barring = copies | forbids
