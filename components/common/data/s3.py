"""The store behind `s3://bucket/prefix`, through boto3.

Credentials and region come from the usual places (environment, profile, instance role); AWS_ENDPOINT_URL names a server
other than Amazon's. botocore retries throttling, resets and server errors with growing pauses; a body cut short while
it is read, which botocore leaves to its caller, is retried here. Anything that outlasts the retries is a `StageFailed`:
the user has nothing to change, and a run that is started again continues where it stopped.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import boto3
from botocore import exceptions
from botocore.config import Config

from components.common.data.storage import S3, Entry, Store
from components.common.errors import StageFailed, UserError, without_user
from components.common.retry import ATTEMPTS, TIMEOUT, persist, status_may_pass
from components.common.stage.progress import track

_CUT_SHORT = (
    exceptions.IncompleteReadError,
    exceptions.ResponseStreamingError,
    exceptions.ReadTimeoutError,
    exceptions.ConnectionClosedError,
)
_MISSING_KEY = ("NoSuchKey", "404", "NotFound")
_CREDENTIAL = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired")
_OF_ONE_OBJECT = {
    "InvalidObjectState": "archived: restore it first",
    "InvalidRequest": "refused: it may be encrypted with a key of its own",
    "KMS.": "its encryption key cannot be used",
}
"""What is wrong with one object, by the code, or its beginning, that the store answers with."""
_DENIED = ("AccessDenied", "403", "Forbidden", "AllAccessDisabled")


class Version(NamedTuple):
    """One version of a stored file. is_deletion: it only says that the file was deleted, and has no content."""

    key: str
    version: str
    is_deletion: bool


class S3Store(Store):
    """Files below `s3://bucket/prefix`. Safe to use from several threads."""

    def __init__(self, address: str, server: str | None = None):
        """server: its address, if not the one in AWS_ENDPOINT_URL. Raises `UserError` for an invalid address."""
        self.bucket, _, prefix = address.removeprefix(S3).partition("/")
        if not self.bucket:
            raise UserError(f"{address} names no bucket: write s3://bucket/prefix")
        self.address, self.root = address, prefix.strip("/") + "/" if prefix.strip("/") else ""
        endpoint = server or _endpoint()
        self._server = without_user(endpoint) if endpoint else "Amazon S3"
        with self._store_errors():
            self._client = _client(endpoint)

    def entries(self, prefix: str = "") -> "list[Entry]":
        start = self.root + (prefix.strip("/") + "/" if prefix else "")
        with self._store_errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=start)
            objects = list(track((item for page in pages for item in page.get("Contents", ())), "files found"))
        return sorted(
            Entry(item["Key"].removeprefix(self.root), item["Size"], item["ETag"].strip('"'))
            for item in objects
            if not item["Key"].endswith("/")  # folder markers that consoles leave
        )

    def read(self, key: str, start: int | None = None, length: int | None = None) -> bytes:
        if length == 0:
            return b""
        first, last = start or 0, "" if length is None else (start or 0) + length - 1
        ranged = {} if start is None and length is None else {"Range": f"bytes={first}-{last}"}
        try:
            with self._store_errors(key):
                return self._read_whole({"Bucket": self.bucket, "Key": self.root + key} | ranged)
        except _PastTheEnd:
            return b""

    def _read_whole(self, request: dict[str, str]) -> bytes:
        """The body of a response, requested again if it ends before its Content-Length."""
        return persist(
            lambda: self._client.get_object(**request)["Body"].read(), lambda error: isinstance(error, _CUT_SHORT)
        )

    def version(self, entry: Entry) -> str:
        return entry.version

    def versions(self, prefix: str = "") -> "list[Version]":
        """Every version of all files below the folder `prefix`, oldest deletions included, sorted by key."""
        start = self.root + (prefix.strip("/") + "/" if prefix else "")
        with self._store_errors():
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=start)
            return sorted(
                Version(item["Key"].removeprefix(self.root), item["VersionId"], kind == "DeleteMarkers")
                for page in pages
                for kind in ("Versions", "DeleteMarkers")
                for item in page.get(kind, ())
            )

    def read_version(self, version: "Version") -> bytes:
        """The bytes of one version of a file."""
        with self._store_errors():
            key = self.root + version.key
            return self._read_whole({"Bucket": self.bucket, "Key": key, "VersionId": version.version})

    def delete(self, version: "Version") -> None:
        """Deletes one version of a file for good."""
        with self._store_errors():
            key = self.root + version.key
            self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=version.version)

    @contextmanager
    def _store_errors(self, key: str | None = None) -> Iterator[None]:
        """Turns botocore's errors into a sentence; with `key`, errors about that key alone into an `OSError`."""
        try:
            yield
        except _CUT_SHORT as error:
            at = f" at {key}" if key else ""
            raise StageFailed(f"{self.address} breaks off{at}: run again, finished work is kept") from error
        except exceptions.ClientError as error:
            raise self._translated(error, key) from error
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
            raise UserError(
                f"there are no credentials for {self.address}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from error
        except exceptions.ParamValidationError as error:
            raise UserError(f"{self.address} is not a valid bucket address: write s3://bucket/prefix") from error
        except (exceptions.HTTPClientError, exceptions.BotoCoreError, ValueError) as error:
            raise UserError(f"{self._server} cannot be reached: check AWS_ENDPOINT_URL and the network") from error

    def _translated(self, error: exceptions.ClientError, key: str | None) -> Exception:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "NoSuchBucket":
            return UserError(f"there is no bucket {self.bucket} on {self._server}: create it or correct the address")
        if code == "InvalidRange":
            return _PastTheEnd()
        if code in _CREDENTIAL:
            return UserError(f"{self._server} refuses the credentials ({code}): renew AWS_ACCESS_KEY_ID and its secret")
        if code in _DENIED and key is None:
            return UserError(f"access to {self.address} is denied: ask for the right to list and read this bucket")
        if key is not None and (problem := _problem_of_one(code)):
            return OSError(*problem, f"{self.address}/{key}")
        if _is_passing(error):
            return StageFailed(f"{self.address} keeps failing ({code}): run again later, finished work is kept")
        return UserError(f"{self.address} refuses a request ({code}): check AWS_ENDPOINT_URL and the address")


def _problem_of_one(code: str) -> tuple[int, str] | None:
    """What is wrong with one object, as the system's number and in words; None if the whole store is concerned."""
    if code in _MISSING_KEY:
        return errno.ENOENT, "there is no such object"
    problems = dict.fromkeys(_DENIED, "access is denied") | _OF_ONE_OBJECT
    return next(((errno.EACCES, words) for start, words in problems.items() if code.startswith(start)), None)


def _is_passing(error: exceptions.ClientError) -> bool:
    """Whether the server is too busy or broken, so that the same request may succeed later."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status_may_pass(status) or error.response.get("Error", {}).get("Code") == "RequestTimeout"


class _PastTheEnd(Exception):
    """A range that starts after the last byte: nothing to read."""


def _client(endpoint: str | None) -> Any:
    custom = endpoint is not None
    options: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": int(os.environ.get("AWS_MAX_ATTEMPTS", ATTEMPTS))},
        "connect_timeout": TIMEOUT[0],
        "read_timeout": TIMEOUT[1],
        "max_pool_connections": 32,
    }
    if custom:  # other servers want the bucket in the path, and some do not know the newer checksums
        options |= {
            "s3": {"addressing_style": "path"},
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        }
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ("us-east-1" if custom else None)
    return boto3.session.Session(region_name=region).client("s3", endpoint_url=endpoint, config=Config(**options))


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
