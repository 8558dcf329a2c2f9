"""Which answers of a server are worth another try."""

import pytest
from kubernetes.client.exceptions import ApiException

from components.common.retry import status_may_pass
from components.training import trainer_api


@pytest.mark.parametrize(
    ("status", "may_pass"),
    [(200, False), (302, False), (404, False), (409, False), (429, True), (500, True), (503, True)],
)
def test_a_busy_or_broken_server_is_asked_again(status: int, may_pass: bool) -> None:
    assert status_may_pass(status) is may_pass
    assert trainer_api._may_pass(ApiException(status=status)) is may_pass


def test_a_connection_that_fails_is_tried_again() -> None:
    assert trainer_api._may_pass(ApiException(status=0, reason="SSLError")) and not trainer_api._may_pass(ValueError())
