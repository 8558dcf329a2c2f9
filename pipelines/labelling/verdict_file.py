"""The CSV that verdicts are appended to. Each is on disk before the next pair, and several raters may share it."""

import csv
import fcntl
import io
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from components.common.data.files import write_atomically
from components.common.errors import UserError
from components.common.verdicts import COLUMNS, Verdict, parse, render

HEADER = render((), header=True).encode()
LENIENT = ("utf-8-sig", "surrogateescape")
"""How lines are decoded: columns that a user added may be in any encoding."""


Stamp = tuple[int, int, int]
"""What changes when a file does: its inode, its size in bytes and the time of its last change, ns."""


class VerdictFile:
    """path: where the CSV is, or will be with the first verdict."""

    def __init__(self, path: Path):
        self.path = path

    def repair(self) -> str:
        """Drops a last line that a crash cut short; returns a sentence about that, or an empty one.

        Raises `UserError` if the file is not one of verdicts.
        """
        with self._locked():
            return self._repair()

    def _repair(self) -> str:
        data = self._read()
        whole, cut = _split(data)
        parse(whole or HEADER, str(self.path))
        if not cut:
            return ""
        if not whole and not HEADER.startswith(cut):
            raise UserError(f"{self.path} is not a file of verdicts: name another as gates.verdicts")
        write_atomically(self.path, whole)
        return f"The last line of {self.path} was cut short and is dropped: {cut.decode(errors='replace')}"

    def verdicts(self) -> list[Verdict]:
        """All verdicts, in the order in which they were given."""
        return parse(self._read() or HEADER, str(self.path))

    def stamp(self) -> Stamp:
        """Equal stamps mean equal verdicts; all zero if there is no file."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return 0, 0, 0
        return status.st_ino, status.st_size, status.st_mtime_ns

    def append(self, verdict: Verdict) -> str:
        """Appends a verdict, which is on disk when this returns; returns a sentence if the file had to be repaired."""
        with self._locked():
            repaired = self._repair()
            data = self._read()
            start = b"" if data.endswith(b"\n") or not data else b"\n"
            line = start + (b"" if data else HEADER) + _line(verdict, _columns(data or HEADER))
            try:
                with self.path.open("ab") as file:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):  # the first reason counts
                    os.truncate(self.path, len(data))  # a full disk may have taken a part of the line
                raise
        return repaired

    def remove(self, verdicts: Collection[Verdict]) -> None:
        """Removes every line with one of these verdicts; everything else stays as it is."""
        with self._locked():
            self._repair()
            header, *lines = _records(self._read())
            others = [line for line in lines if not set(parse(header + line, str(self.path))) & set(verdicts)]
            write_atomically(self.path, b"".join([header, *others]))

    def _read(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other raters' processes out during the block. It locks the folder, since the file may be replaced."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY)
        except OSError as error:
            raise UserError(f"{self.path} cannot be written ({error.strerror}): correct gates.verdicts") from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
            os.fsync(folder)
        except OSError as error:
            raise UserError(
                f"{self.path} cannot be written ({error.strerror}): free some space or get permission, or name another "
                "file as gates.verdicts"
            ) from None
        finally:
            os.close(folder)


def _columns(data: bytes) -> list[str]:
    return _values(_records(data)[0]) or []


def _records(data: bytes) -> list[bytes]:
    """The records of a CSV, each with its line end and any line breaks inside quotes; blank lines are left out."""
    text, records, start = list(io.StringIO(data.decode(*LENIENT), newline="")), [], 0
    reader = csv.reader(text)
    for row in reader:
        if row:
            records.append("".join(text[start : reader.line_num]).encode("utf-8", "surrogateescape"))
        start = reader.line_num
    return records


def _line(verdict: Verdict, columns: list[str]) -> bytes:
    """A verdict as a line of a file with these columns, among which are all of `COLUMNS`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(verdict.row())
    return text.getvalue().encode()


def _split(data: bytes) -> tuple[bytes, bytes]:
    """The complete lines, and an incomplete last one (or nothing)."""
    if not (records := _records(data)):
        return data, b""
    *before, last = records
    ended = last.endswith((b"\n", b"\r")) and _values(last) is not None
    return (data, b"") if ended or _is_whole(b"".join(before), last) else (b"".join(before), last)


def _values(line: bytes) -> list[str] | None:
    """The values of one line; None if a quoted value is still open at its end."""
    try:
        return next(csv.reader(io.StringIO(line.decode(*LENIENT), newline=""), strict=True))
    except csv.Error:
        return None


def _is_whole(before: bytes, last: bytes) -> bool:
    """Whether a last line without a line end has all its values; some editors save it like that."""
    if (values := _values(last)) is None:
        return False
    columns = _columns(before) if before else COLUMNS
    return len(values) == len(columns) and (bool(before) or set(COLUMNS) <= set(values))
