"""TrainJobs of Kubeflow Trainer (v1alpha1) in this pod's namespace, through Kubernetes' own client.

This needs only the rights to create, get and delete `trainjobs`: a job is followed by polling.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException, incluster_config
from urllib3 import Retry
from urllib3.exceptions import HTTPError

from components.common.errors import StageFailed, UserError
from components.common.retry import LONG_WAITS, persist

KIND = {"group": "trainer.kubeflow.org", "version": "v1alpha1", "plural": "trainjobs"}
TIMEOUT = (10, 60)
"""Seconds to wait for a connection, and for an answer."""
POLL = 10.0
"""Seconds between two requests for a job's state."""

Job = dict[str, Any]


def connect() -> "TrainJobs":
    """The API server of this pod's cluster, with the pod's service account."""
    settings = client.Configuration()
    settings.retries = Retry(0)  # `persist` retries instead
    try:
        incluster_config.load_incluster_config(settings)
        namespace = Path(incluster_config.SERVICE_TOKEN_FILENAME).with_name("namespace").read_text(encoding="utf-8")
    except (ConfigException, OSError) as error:
        raise UserError(
            f"training on several nodes must start from a pod in a Kubernetes cluster, which this is not ({error}): "
            "set nodes to 1, or submit the pipeline to a cluster"
        ) from None
    return TrainJobs(client.CustomObjectsApi(client.ApiClient(settings)), namespace.strip())


class TrainJobs:
    """The TrainJobs of a namespace, by name.

    Methods raise `UserError` if a right, Kubeflow Trainer or something in the job is missing or wrong, `StageFailed` if
    the API server stays unavailable.
    """

    def __init__(self, api: client.CustomObjectsApi, namespace: str):
        self.namespace, self._api = namespace, api

    def get(self, name: str) -> Job | None:
        """The job in its present state, if there is one."""
        try:
            return self._call("get", self._api.get_namespaced_custom_object, name=name)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def create(self, body: Job) -> None:
        """Creates the job, unless there is one by its name."""
        try:
            self._call("create", self._api.create_namespaced_custom_object, body=body)
        except ApiException as error:
            if error.status == 404:
                raise UserError(
                    "the cluster has no TrainJobs: install Kubeflow Trainer 2.x (trainer.kubeflow.org/v1alpha1), or "
                    "set nodes to 1"
                ) from None
            if error.status != 409:
                raise

    def delete(self, name: str) -> None:
        """Deletes the job, if there is one, and waits until it and its pods are gone."""
        try:
            self._call("delete", self._api.delete_namespaced_custom_object, name=name, propagation_policy="Foreground")
        except ApiException as error:
            if error.status != 404:
                raise
        while self.get(name):
            time.sleep(POLL)

    def _call(self, verb: str, method: Callable[..., Any], **arguments: Any) -> Any:
        """What the API answers; 404 and 409 are raised unchanged."""
        try:
            return persist(
                lambda: method(**KIND, namespace=self.namespace, _request_timeout=TIMEOUT, **arguments),
                _may_pass,
                LONG_WAITS,
            )
        except (ApiException, HTTPError) as error:
            if isinstance(error, ApiException) and error.status in (404, 409):
                raise
            if _may_pass(error):
                raise StageFailed(
                    f"the Kubernetes API server does not serve TrainJobs ({_reason(error)}): run again once it does"
                ) from None
            raise UserError(self._refusal(verb, error)) from None

    def _refusal(self, verb: str, error: Exception) -> str:
        """One sentence about an error that another try would not change."""
        if _status(error) in (401, 403):
            return (
                f"this pod's service account may not {verb} trainjobs in the namespace {self.namespace} "
                f"({_reason(error)}): grant it create, get and delete, as infra/kustomize/base/access.yaml does"
            )
        return f"the cluster refuses the TrainJob ({_reason(error)}): correct the runtime or the parameters"


def _status(error: Exception) -> int:
    """The answer's HTTP status; 0 if there was no answer."""
    return int(error.status or 0) if isinstance(error, ApiException) else 0


def _may_pass(error: Exception) -> bool:
    status = _status(error)
    return isinstance(error, ApiException | HTTPError) and (not 400 <= status < 500 or status == 429)


def _reason(error: Exception) -> str:
    """What the API server said, or how the connection failed."""
    if not isinstance(error, ApiException):
        return type(error).__name__
    try:
        return json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        return str(error.reason or error.status)
