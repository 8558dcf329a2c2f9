"""Stores: local folders and S3 behave alike, and every error is one sentence."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from moto import mock_aws
from moto.server import ThreadedMotoServer

from components.common import retry
from components.common.data import s3
from components.common.data.s3 import S3Store
from components.common.data.storage import Entry, LocalStore, Store, open_store, read_address
from components.common.errors import StageFailed, UserError

FILES = {"b.jpg": b"bbbb", "a/1.png": b"0123456789", "a/10.png": b"", "a/é 2.png": b"x"}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with mock_aws():
        s3_client = boto3.client("s3", region_name="us-east-1")
        s3_client.create_bucket(Bucket="photos")
        yield s3_client


@pytest.fixture
def aws(client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 with the empty bucket `photos`."""
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="photos"):
        for item in page.get("Contents", ()):
            client.delete_object(Bucket="photos", Key=item["Key"])


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store with `FILES`, and with neighbours outside its root that it must not see."""
    if request.param == "local":
        (tmp_path / "root/a").mkdir(parents=True)
        (tmp_path / "root2.jpg").write_bytes(b"outside")
        for key, data in FILES.items():
            (tmp_path / "root" / key).write_bytes(data)
        made: Store = LocalStore(tmp_path / "root")
    else:
        objects = {f"root/{key}": data for key, data in FILES.items()} | {"root2/no.jpg": b"outside"}
        for key, data in objects.items():
            request.getfixturevalue("aws").put_object(Bucket="photos", Key=key, Body=data)
        made = open_store("s3://photos/root")
    return made


def test_list_is_sorted_and_recursive(store: Store) -> None:
    assert store.list() == sorted(FILES)
    assert store.list("a") == ["a/1.png", "a/10.png", "a/é 2.png"]
    assert [(entry.key, entry.size) for entry in store.entries()] == [(key, len(FILES[key])) for key in sorted(FILES)]


def test_read_whole_and_in_part(store: Store) -> None:
    assert {key: store.read(key) for key in store.list()} == FILES
    assert store.read("a/1.png", 2, 3) == b"234"
    assert store.read("a/1.png", 8, 100) == b"89"
    assert store.read("a/1.png", start=7) == b"789"
    assert store.read("a/1.png", length=2) == b"01"
    assert store.read("a/1.png", 3, 0) == store.read("a/1.png", 50, 5) == b""


def test_the_version_of_a_changed_file_changes(store: Store, request: pytest.FixtureRequest) -> None:
    version = {entry.key: store.version(entry) for entry in store.entries()}
    if isinstance(store, LocalStore):
        (store.root / "b.jpg").write_bytes(b"new")
    else:
        request.getfixturevalue("aws").put_object(Bucket="photos", Key="root/b.jpg", Body=b"new")
    assert store.read("b.jpg") == b"new"
    changed = {entry.key for entry in store.entries() if store.version(entry) != version[entry.key]}
    assert changed == {"b.jpg"}


def test_a_missing_key_concerns_only_that_key(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("nothing.jpg")


@pytest.mark.parametrize("key", ["../root2.jpg", "a/../../root2.jpg", "/etc/hostname", ""])
def test_local_keys_stay_inside(tmp_path: Path, key: str) -> None:
    with pytest.raises(UserError, match="does not stay below"):
        LocalStore(tmp_path / "root").read(key)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    assert stat.S_ISFIFO((tmp_path / "pipe.jpg").stat().st_mode)
    store = LocalStore(tmp_path)
    assert store.list() == ["broken.jpg", "pipe.jpg"]
    for entry in store.entries():
        with pytest.raises(OSError):
            store.read(entry.key)
        with pytest.raises(OSError):
            store.version(entry)


def test_an_absent_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no folder .*gone: correct the path"):
        open_store(str(tmp_path / "gone")).list()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file: name the folder"):
        open_store(str(tmp_path / "file")).list()
    with pytest.raises(UserError, match="neither a folder nor an s3:// address"):
        open_store("ftp://somewhere/photos")
    with pytest.raises(UserError, match="name a path that exists"):
        open_store("sandbox:nowhere")


def test_read_address_reads_single_files(tmp_path: Path, aws: Any) -> None:
    (tmp_path / "labels.csv").write_bytes(b"path,subject")
    aws.put_object(Bucket="photos", Key="x/labels.csv", Body=b"from s3")
    assert read_address(str(tmp_path / "labels.csv")) == b"path,subject"
    assert read_address("s3://photos/x/labels.csv") == b"from s3"
    for address in (str(tmp_path / "no.csv"), "s3://photos/x/no.csv"):
        with pytest.raises(UserError, match=r"no\.csv"):
            read_address(address)


def test_s3_folder_markers_are_not_files(aws: Any) -> None:
    aws.put_object(Bucket="photos", Key="root/", Body=b"")
    aws.put_object(Bucket="photos", Key="root/sub/", Body=b"")
    aws.put_object(Bucket="photos", Key="root/sub/a.jpg", Body=b"1")
    assert open_store("s3://photos/root/").list() == ["sub/a.jpg"]


def test_s3_lists_beyond_one_page(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for number in range(8):
        aws.put_object(Bucket="photos", Key=f"many/{number}", Body=b"")
    assert aws.list_objects_v2(Bucket="photos")["IsTruncated"]
    assert open_store("s3://photos/many").list() == [str(number) for number in range(8)]


def test_missing_bucket_and_nonsense_addresses(aws: Any) -> None:
    with pytest.raises(UserError, match="there is no bucket absent on Amazon S3: create it or correct the address"):
        open_store("s3://absent/x").list()
    with pytest.raises(UserError, match="is not a valid bucket address"):
        open_store("s3://Not A Bucket!/x").list()
    with pytest.raises(UserError, match="names no bucket"):
        open_store("s3:///x")


def test_missing_credentials(aws: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(UserError, match="no credentials for s3://photos/x: set AWS_ACCESS_KEY_ID"):
        open_store("s3://photos/x").list()


def test_unreachable_endpoint_does_not_print_its_password(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:secret@127.0.0.1:9")
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:9 cannot be reached: check AWS_ENDPOINT_URL") as caught:
        open_store("s3://photos/x").list()
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "no address")
    with pytest.raises(UserError, match="cannot be reached"):
        open_store("s3://photos/x").list()


def refuse(store: S3Store, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the server answer every request with an error, below botocore's client."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    from botocore.awsrequest import AWSResponse

    class Raw:
        def stream(self) -> Iterator[bytes]:
            yield body

    def answer(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 403 if code != "SlowDown" else 503, {}, Raw())

    store._client.meta.events.register_first("before-send.s3", answer)


@pytest.mark.parametrize(
    ("code", "error", "sentence"),
    [
        ("AccessDenied", UserError, "access to s3://photos/x is denied: ask for the right"),
        ("InvalidAccessKeyId", UserError, "refuses the credentials .*: renew"),
        ("ExpiredToken", UserError, "refuses the credentials"),
        ("MethodNotAllowed", UserError, r"refuses a request \(MethodNotAllowed\): check AWS_ENDPOINT_URL"),
        ("SlowDown", StageFailed, "keeps failing .*: run again later"),
    ],
)
def test_refusals_are_one_sentence(
    aws: Any, monkeypatch: pytest.MonkeyPatch, code: str, error: type[Exception], sentence: str
) -> None:
    store = S3Store("s3://photos/x")
    refuse(store, code, monkeypatch)
    with pytest.raises(error, match=sentence):
        store.list()


def test_a_single_denied_object_concerns_only_that_key(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3Store("s3://photos/x")
    refuse(store, "AccessDenied", monkeypatch)
    with pytest.raises(PermissionError, match=r"a\.jpg"):
        store.read("a.jpg")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("InvalidObjectState", "archived: restore it first"),
        ("KMS.DisabledException", "its encryption key cannot be used"),
        ("InvalidRequest", "refused: it may be encrypted with a key of its own"),
    ],
)
def test_what_is_wrong_with_one_object_does_not_stop_the_rest(
    aws: Any, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    store = S3Store("s3://photos/x")
    refuse(store, code, monkeypatch)
    with pytest.raises(OSError, match=r"x/a\.jpg") as caught:
        store.read("a.jpg")
    assert caught.value.strerror == reason
    with pytest.raises(UserError, match=code):
        store.list()


def test_an_archived_object_is_told_from_the_rest(aws: Any) -> None:
    aws.put_object(Bucket="photos", Key="x/a.jpg", Body=b"photograph", StorageClass="GLACIER")
    aws.put_object(Bucket="photos", Key="x/b.jpg", Body=b"photograph")
    store = S3Store("s3://photos/x")
    assert store.list() == ["a.jpg", "b.jpg"]
    assert store.read("b.jpg") == b"photograph"
    with pytest.raises(OSError, match="archived: restore it first"):
        store.read("a.jpg")


def test_a_body_cut_short_is_read_again_and_then_reported(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry.time, "sleep", lambda _: None)
    aws.put_object(Bucket="photos", Key="x/a.jpg", Body=b"0123456789")
    store, real, failures = S3Store("s3://photos/x"), StreamingBody.read, [3]

    def flaky(body: StreamingBody, amt: int | None = None) -> bytes:
        body_bytes = real(body, amt)
        if failures[0]:
            failures[0] -= 1
            raise s3.exceptions.IncompleteReadError(actual_bytes=4, expected_bytes=10)
        return body_bytes

    monkeypatch.setattr(StreamingBody, "read", flaky)
    assert store.read("a.jpg") == b"0123456789"
    failures[0] = retry.ATTEMPTS
    with pytest.raises(StageFailed, match=r"breaks off at a\.jpg"):
        store.read("a.jpg")


def test_a_server_that_stops_answering_is_one_sentence(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3Store("s3://photos/x")

    def silent(**_: Any) -> None:
        raise s3.exceptions.ReadTimeoutError(endpoint_url="http://server")

    store._client.meta.events.register_first("before-send.s3", silent)
    for act in (store.list, lambda: store.read("a.jpg")):
        with pytest.raises(StageFailed, match=r"s3://photos/x breaks off.*: run again"):
            act()


def test_the_endpoint_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_MAX_ATTEMPTS": "2"}.items():
            monkeypatch.setenv(name, value)
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="elsewhere")
        client.put_object(Bucket="elsewhere", Key="deep/er/a.jpg", Body=b"data")
        store = open_store("s3://elsewhere/deep/er")
        assert store.entries()[0][:2] == ("a.jpg", 4) and store.read("a.jpg", 1, 2) == b"at"
        with pytest.raises(UserError, match=f"no bucket absent on http://{host}:{port}"):
            open_store("s3://absent").list()
    finally:
        server.stop()


def test_entries_sort_by_key() -> None:
    assert sorted([Entry("b", 1), Entry("a", 2)])[0].key == "a"
