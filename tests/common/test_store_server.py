"""The store on a real S3 server: what it keeps and lists, whom it refuses, and that one of eight writers wins."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from components.common.data.s3 import S3Store
from components.common.errors import UserError

pytestmark = pytest.mark.store
NAMES = ["a/1.jpg", "a/10.jpg", "a b.jpg", "a+b.jpg", "é/ü.jpg", "100%.jpg", "c&d=e.jpg", "q?.jpg", "h#.jpg", "x'y.jpg"]
LARGE = bytes(range(256)) * (20 << 12)
"""20 MiB: an upload in three parts."""


@pytest.fixture
def client(store_settings: dict[str, str]) -> Any:
    """A client of the server, separate from the store's."""
    return boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def store(client: Any, request: pytest.FixtureRequest) -> S3Store:
    """A store in a bucket of its own for each test."""
    bucket = request.node.name.split("[")[0].replace("_", "-")[:60].strip("-")
    client.create_bucket(Bucket=bucket)
    return S3Store(f"s3://{bucket}/root")


def test_names_contents_and_ranges_come_back_unchanged(store: S3Store, client: Any) -> None:
    for name in NAMES:
        client.put_object(Bucket=store.bucket, Key=f"root/{name}", Body=name.encode())
    assert store.list() == sorted(NAMES)
    assert store.list("a") == ["a/1.jpg", "a/10.jpg"]
    assert {name: store.read(name) for name in NAMES} == {name: name.encode() for name in NAMES}
    assert store.read("a/1.jpg", 2, 3) == b"1.j" and store.read("a/1.jpg", 50, 5) == b""
    with pytest.raises(FileNotFoundError):
        store.read("none.jpg")


def test_a_large_file_goes_in_parts_and_comes_back_whole(store: S3Store, client: Any) -> None:
    client.upload_fileobj(BytesIO(LARGE), store.bucket, "root/large")
    assert store.read("large") == LARGE
    assert client.head_object(Bucket=store.bucket, Key="root/large")["ETag"].endswith('-3"')
    (entry,) = store.entries()
    client.upload_fileobj(BytesIO(LARGE[1:]), store.bucket, "root/large")
    assert store.entries()[0].size == len(LARGE) - 1 and store.version(store.entries()[0]) != store.version(entry)


def test_more_files_than_the_server_lists_at_once(store: S3Store, client: Any) -> None:
    names = [f"{number:04}" for number in range(1001)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: client.put_object(Bucket=store.bucket, Key=f"root/{name}", Body=b""), names))
    assert client.list_objects_v2(Bucket=store.bucket)["IsTruncated"]
    assert store.list() == names


def test_wrong_keys_and_an_absent_bucket_are_one_sentence(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"there is no bucket absent on http://127\.0\.0\.1:\d+: create it"):
        S3Store("s3://absent").list()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    for act, wanted in (("list", ()), ("read", ("a",))):
        with pytest.raises(UserError, match=r"refuses the credentials \(SignatureDoesNotMatch\): renew"):
            getattr(S3Store(store.address), act)(*wanted)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    with pytest.raises(UserError, match=r"refuses the credentials \(InvalidAccessKeyId\): renew"):
        S3Store(store.address).list()


def test_one_of_eight_simultaneous_creators_of_a_file_succeeds(store: S3Store, client: Any) -> None:
    """Nothing relies on this yet; many stores ignore the condition, so this records that this server does not."""

    def create(number: int) -> int | None:
        try:
            client.put_object(Bucket=store.bucket, Key="root/one", Body=bytes([number]), IfNoneMatch="*")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        (winner,) = (number for number in pool.map(create, range(8)) if number is not None)
    assert store.read("one") == bytes([winner])
