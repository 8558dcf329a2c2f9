"""The model hub: what a repository holds, and its files. Every failure is one sentence."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from huggingface_hub import HfApi, ModelInfo, constants, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers, tqdm

from components.common.data.digests import short
from components.common.errors import UserError, in_one_line, without_user
from components.common.retry import ATTEMPTS, persist, status_may_pass
from components.common.vision.models import COMMIT

LONGEST_WAIT = 300.0
"""The longest wait (s) before a retry that a server may ask for."""
Answer = TypeVar("Answer")
Progress = Callable[[int], object]
"""Called with the number of bytes of a file that have arrived."""


class Cut(Exception):
    """A download that ended before the file did."""


def look_up(model: str, revision: str) -> ModelInfo:
    """What the hub has of a model at a revision ("": its main branch): commit, card, files with sizes and hashes."""
    about = f"{model} at {revision}" if revision else model
    absent = f"the hub has no revision {revision} of {model} (404): name a branch or a commit that it has"
    with _sentences(model, about, _rewritten(model, revision) if COMMIT.fullmatch(revision) else absent):
        return _patiently(lambda: HfApi().model_info(model, revision=revision or None, files_metadata=True))


def download(model: str, commit: str, name: str, size: int, path: Path, progress: Progress = lambda size: None) -> None:
    """Writes one file of a model to `path`, continuing where an earlier try stopped.

    size: bytes that it must have. Raises `UserError` if the hub does not give all of it.
    """
    with _sentences(model, f"{name} of {model}", _rewritten(model, commit)):
        _patiently(lambda: _continue(hf_hub_url(model, name, revision=commit), size, path, progress))


def _rewritten(model: str, commit: str) -> str:
    return (
        f"the hub has no commit {short(commit)} of {model} (404): it never had it, or its history was rewritten: take "
        f"the current one with `objectmate models upgrade {model}`"
    )


def _continue(url: str, size: int, path: Path, progress: Progress) -> None:
    if path.exists() and path.stat().st_size > size:
        path.unlink()
    with _Counted(path, progress) as file:
        received = file.seek(0, io.SEEK_END)
        headers = build_hf_headers() | {"Accept-Encoding": "identity"}
        try:
            http_get(url, file, resume_size=received, headers=headers, expected_size=size, tqdm_class=_Silent)  # type: ignore[arg-type]
        except OSError as error:
            if isinstance(error, HTTPError):
                raise
            raise Cut(f"at {path.stat().st_size:,} of {size:,} bytes") from error


class _Counted(io.FileIO):
    """A file to append to that reports its size after each write."""

    def __init__(self, path: Path, progress: Progress):
        super().__init__(path, "ab")
        self._progress = progress

    def write(self, data: bytes) -> int:  # type: ignore[override]
        written = super().write(data)
        self._progress(self.tell())
        return written


class _Silent(tqdm):
    """The library's progress bar, switched off: ours counts all files together."""

    def __init__(self, *args: object, **options: object):
        super().__init__(*args, **options | {"disable": True})


def _patiently(attempt: Callable[[], Answer]) -> Answer:
    """Retries while the hub is busy or unavailable, or the connection drops, and waits as long as the hub asks."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it would log every retry
    return persist(attempt, _may_pass, asked=_wait_asked)


def _may_pass(error: Exception) -> bool:
    if isinstance(error, HfHubHTTPError):
        return status_may_pass(_status(error))
    return isinstance(error, HTTPError | Cut)


def _wait_asked(error: Exception) -> float:
    after = error.response.headers.get("Retry-After", "") if isinstance(error, HfHubHTTPError) else ""
    return min(float(after), LONGEST_WAIT) if after.isdigit() else 0.0


def _status(error: HfHubHTTPError) -> int:
    return error.response.status_code


@contextmanager
def _sentences(model: str, about: str, no_revision: str) -> Iterator[None]:
    """Turns the library's errors into sentences. about: what was requested. no_revision: the sentence for that."""
    try:
        yield
    except OfflineModeIsEnabled:
        raise UserError(
            f"HF_HUB_OFFLINE is set, so the hub is not asked for {about}: set HF_HUB_OFFLINE=0 and run again"
        ) from None
    except RevisionNotFoundError:
        raise UserError(no_revision) from None
    except RemoteEntryNotFoundError:
        raise UserError(
            f"the hub has no {about} (404), which models.lock names: write the lock again with `objectmate models "
            f"upgrade {model}`"
        ) from None
    except HfHubHTTPError as error:
        raise UserError(_refusal(model, about, error)) from None
    except Cut as cut:
        raise UserError(
            f"the download of {about} was cut off {cut}, in {ATTEMPTS} tries: run the same command again to continue "
            "there"
        ) from None
    except HTTPError as error:
        raise UserError(
            f"the hub at {without_user(constants.ENDPOINT)} cannot be reached for {about} "
            f"({in_one_line(error)}): check the network, proxies and HF_ENDPOINT, and run the same command again"
        ) from None


def _refusal(model: str, about: str, error: HfHubHTTPError) -> str:
    status = _status(error)
    if isinstance(error, GatedRepoError):
        return (
            f"{model} is gated ({status}): accept its terms at {without_user(constants.ENDPOINT)}/{model}, and set "
            "HF_TOKEN to a token of the account that did"
        )
    if isinstance(error, RepositoryNotFoundError):
        if status == 404:
            return f"the hub has no model {model} (404): correct the name"
        return (
            f"the hub shows no model {model} without a token that may read it ({status}): correct the name or, if it "
            "is private, set HF_TOKEN"
        )
    if status in (401, 403):
        return f"the hub does not let this token read {about} ({status}): set HF_TOKEN to one that may, or unset it"
    if status == 429:
        return (
            f"the hub asks to slow down (429), in {ATTEMPTS} tries for {about}: wait some minutes and run the same "
            "command again; with HF_TOKEN set, the hub allows more"
        )
    if status >= 500:
        return f"the hub answers {status} for {about}, in {ATTEMPTS} tries: run the same command again later"
    return f"the hub refuses {about} ({status}: {in_one_line(error)}): check the name and the network's proxies"
