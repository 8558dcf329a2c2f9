"""Captures of a crawled site, `crawl/HOST/robots.txt` and `crawl/HOST/tdmrep.json`, applied to an address.

robots.txt is read by RFC 9309, with aipref's `Content-Usage` lines. Two things in it are about training: such a line
for all crawlers, and a rule that bars a crawler that gathers training data from the photograph's address.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlsplit

from components.ingest.rights.signals import DISALLOWED, Signal, says

AGENTS = ("gptbot", "ccbot", "google-extended", "applebot-extended", "claudebot", "meta-externalagent", "bytespider")
"""Crawlers, or tokens of crawlers, that gather data for training, by their own documentation."""

ROBOTS, TDMREP, CAPTURE = "robots.txt", "tdmrep.json", "capture.json"


@dataclass(frozen=True)
class Rule:
    """A line of robots.txt. pattern: of paths; text: as written in the file."""

    kind: str
    pattern: str
    number: int
    text: str

    def covers(self, path: str) -> bool:
        """Whether the rule is about a path. `*` stands for anything, a `$` at the end for the path's end."""
        first, *others = (unquote(part) for part in self.pattern.removesuffix("$").split("*"))
        if not self.pattern or not path.startswith(first):
            return False
        at = len(first)
        for part in others:  # the earliest place of each part leaves the most room for the next
            if (start := path.find(part, at)) < 0:
                return False
            at = start + len(part)
        return not self.pattern.endswith("$") or at == len(path) or (bool(others) and path.endswith(others[-1]))


@dataclass
class Site:
    """A host's captures. robots: agent (lower case) -> its rules; reservations: entries of tdmrep.json in their order.

    checked_at, checker: from `capture.json`, if there is one.
    """

    host: str
    robots: dict[str, list[Rule]] = field(default_factory=dict)
    reservations: list[dict[str, object]] = field(default_factory=list)
    checked_at: str | None = None
    checker: str | None = None

    def read(self, name: str, data: bytes) -> None:
        """Reads one captured file. Raises `ValueError` if it cannot be read."""
        if name == ROBOTS:
            self.robots = _groups(data.decode("utf-8-sig"))
            return
        content = load(data)
        if name == TDMREP:
            if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
                raise ValueError("it is not a list of JSON objects")
            self.reservations = content
        elif not isinstance(content, dict):
            raise ValueError("it is not a JSON object")
        else:
            self.checked_at, self.checker = (_text_or_none(content.get(key)) for key in ("checked_at", "checker"))

    def signals(self, address: str) -> Iterator[Signal]:
        """What the site says about the photograph at a web address."""
        path = _path(address)
        for rule in self._usage:
            if not rule.pattern or rule.covers(path):
                yield self._signal(
                    "robots.txt", f"{ROBOTS} line {rule.number}", rule.text, says("content-usage", rule.text)
                )
        for agent in AGENTS:
            decisive = _decisive(self.robots.get(agent, self.robots.get("*", [])), path)
            if decisive and decisive.kind == "disallow":
                value = f"{agent}: {decisive.text}"
                yield self._signal("robots.txt", f"{ROBOTS} line {decisive.number}", value, DISALLOWED)
        for entry in self.reservations:
            pattern = str(entry.get("location", ""))
            if Rule("", pattern, 0, "").covers(path):
                value = json.dumps(entry, sort_keys=True)
                yield self._signal("tdmrep", TDMREP, value, says("tdm-reservation", str(entry.get("tdm-reservation"))))

    @cached_property
    def _usage(self) -> list[Rule]:
        return [rule for rule in self.robots.get("*", []) if rule.kind == "content-usage"]

    def _signal(self, mechanism: str, where: str, value: str, meaning: str) -> Signal:
        return Signal(mechanism, f"crawl/{self.host}/{where}", value[:2000], meaning, self.checked_at, self.checker)


def load(data: bytes | str) -> Any:
    """JSON from outside. Raises `ValueError` if it cannot be read."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def host_of(address: str) -> str:
    """The host, and its port if one is named, of a web address, in lower case; empty for any other address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts.netloc.rpartition("@")[2].lower() if parts.scheme in ("http", "https") else ""


def _groups(text: str) -> dict[str, list[Rule]]:
    """Agent -> its rules, from all its groups."""
    groups: dict[str, list[Rule]] = {}
    agents: list[str] = []
    open_to_agents = True
    for number, line in enumerate(text.splitlines(), 1):
        key, separator, value = (part.strip() for part in line.partition("#")[0].partition(":"))
        if not separator:
            continue
        if key.lower() == "user-agent":
            agents = [*agents, value.lower()] if open_to_agents else [value.lower()]
            groups.setdefault(value.lower(), [])
            open_to_agents = True
        elif key.lower() in ("allow", "disallow", "content-usage"):
            open_to_agents = False
            for agent in agents:
                groups[agent].append(_rule(key.lower(), value, number, line.strip()))
    return groups


def _rule(kind: str, value: str, number: int, text: str) -> Rule:
    """A `Content-Usage` line may begin with the paths that it is about."""
    path, _, usage = value.partition(" ")
    if kind != "content-usage":
        return Rule(kind, value, number, text)
    return Rule(kind, path, number, usage) if path.startswith("/") else Rule(kind, "", number, value)


def _decisive(rules: list[Rule], path: str) -> Rule | None:
    """The longest rule about a path; of equal ones, the one that allows."""
    about = [rule for rule in rules if rule.kind != "content-usage" and rule.covers(path)]
    return max(about, key=lambda rule: (len(rule.pattern), rule.kind == "allow"), default=None)


def _path(address: str) -> str:
    parts = urlsplit(address)
    return unquote(parts.path or "/") + (f"?{unquote(parts.query)}" if parts.query else "")


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
