"""The Kubeflow Pipelines API of a cluster (v2beta1), called through its generated client `kfp_server_api`.

`kfp.Client` wraps the same client, but prints as it goes, reads a context file from the home folder, and takes 25 s
and five tracebacks to say that a token is wrong. Everything created here is looked up first, and again before each
retry, so a lost answer never creates a second one.
"""

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import kfp_server_api as api
import urllib3
from kfp_server_api.exceptions import ApiException

from components.common.data.digests import digest_file
from components.common.errors import UserError, without_user
from components.common.retry import TIMEOUT, WAITS
from components.common.stage.running import commit
from pipelines.cluster.errors import HOST, NAMESPACE, TOKEN, ask

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Version:
    """A pipeline version on a cluster. name: the first 32 hex digits of its IR's sha256. reused: it already existed.

    The same content has the same name, so it is uploaded once.
    """

    pipeline: str
    name: str
    pipeline_id: str
    version_id: str
    reused: bool


def connect(host: str) -> "Cluster":
    """The cluster at `host` or KFP_HOST, with the token in KFP_TOKEN, if any. No request is sent yet.

    KFP_NAMESPACE is the user's namespace on a deployment with several users, and empty elsewhere.
    """
    address = (host or os.environ.get(HOST, "")).rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise UserError(
            f"{address or 'an empty string'} is not the address of a Kubeflow Pipelines API: give --host or {HOST}, "
            "such as http://localhost:8888 after `kubectl -n kubeflow port-forward svc/ml-pipeline 8888`"
        )
    return Cluster(address, os.environ.get(TOKEN, ""), os.environ.get(NAMESPACE, ""))


class Cluster:
    """A Kubeflow Pipelines API. Methods raise `UserError` with what it answered and what to do."""

    def __init__(self, host: str, token: str = "", namespace: str = "", waits: tuple[float, ...] = WAITS):
        """host: address without a slash at its end. waits: seconds before each further try."""
        self.host, self.waits = without_user(host), waits
        self._scope = {"namespace": namespace} if namespace else {}
        key = {"authorization": token} if token else {}
        settings = api.Configuration(host, api_key=key, api_key_prefix={"authorization": "Bearer"})
        settings.ssl_ca_cert = os.environ.get("SSL_CERT_FILE")
        # `_try` does the retries, and a redirect to a login page is an answer: it is not followed.
        settings.retries = urllib3.Retry(0, redirect=False)
        self._client = api.ApiClient(settings)
        self._pipelines = api.PipelineServiceApi(self._client)
        self._uploads = api.PipelineUploadServiceApi(self._client)
        self._experiments = api.ExperimentServiceApi(self._client)
        self._runs = api.RunServiceApi(self._client)
        self._schedules = api.RecurringRunServiceApi(self._client)

    def experiment(self, name: str) -> str:
        """The id of the experiment `name`, which is created if there is none."""

        def find() -> Any:
            listed = self._call(
                self._experiments.experiment_service_list_experiments, filter=_named(name), **self._scope
            )
            return _only(listed.experiments)

        def make() -> Any:
            body = api.V2beta1Experiment(display_name=name, **self._scope)
            return self._call(self._experiments.experiment_service_create_experiment, experiment=body)

        return self._try(lambda: find() or make()).experiment_id

    def publish(self, pipeline: str, ir: Path) -> Version:
        """Uploads an IR as a version of `pipeline`, unless there is one with the same content."""
        pipeline_id, name = self._pipeline(pipeline), digest_file(ir)[:32]

        def find() -> Any:
            query = {"pipeline_id": pipeline_id, "filter": _named(name)}
            listed = self._call(self._pipelines.pipeline_service_list_pipeline_versions, **query)
            return _only(listed.pipeline_versions)

        def make() -> Any:
            fields = {"name": name, "pipelineid": pipeline_id, "description": f"ObjectMate {commit()}".strip()}
            return self._call(self._uploads.upload_pipeline_version, uploadfile=str(ir), **fields)

        existing = self._try(find)
        version = existing or self._try(lambda: find() or make())
        return Version(pipeline, name, pipeline_id, version.pipeline_version_id, existing is not None)

    def _pipeline(self, name: str) -> str:
        """The id of a pipeline. It is created without a version, because an upload would call the first one `name`."""

        def find() -> Any:
            try:
                return self._call(self._pipelines.pipeline_service_get_pipeline_by_name, name=name, **self._scope)
            except ApiException as error:
                if error.status != 404:
                    raise
                return None

        def make() -> Any:
            body = api.V2beta1Pipeline(name=name, display_name=name, **self._scope)
            return self._call(self._pipelines.pipeline_service_create_pipeline, pipeline=body)

        return self._try(lambda: find() or make()).pipeline_id

    def start(self, version: Version, experiment_id: str, parameters: Mapping[str, Any]) -> str:
        """Starts a run of exactly this version; returns its id."""
        name = f"{version.pipeline}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"

        def find() -> Any:
            query = {"experiment_id": experiment_id, "filter": _named(name)}
            return _only(self._call(self._runs.run_service_list_runs, **query).runs)

        def make() -> Any:
            body = api.V2beta1Run(display_name=name, **_content(version, experiment_id, parameters))
            return self._call(self._runs.run_service_create_run, run=body)

        return self._try(lambda: find() or make()).run_id

    def schedule(
        self, name: str, cron: str, version: Version, experiment_id: str, parameters: Mapping[str, Any]
    ) -> str:
        """Runs this version at the times of `cron` (six fields, seconds first); returns the recurring run's id.

        Never two runs at once; missed times are skipped.
        """
        trigger = api.V2beta1Trigger(cron_schedule=api.V2beta1CronSchedule(cron=cron))
        options = {"trigger": trigger, "mode": api.RecurringRunMode.ENABLE, "max_concurrency": "1", "no_catchup": True}

        def make() -> str:
            body = api.V2beta1RecurringRun(display_name=name, **options, **_content(version, experiment_id, parameters))
            answer = self._call(self._schedules.recurring_run_service_create_recurring_run, recurring_run=body)
            return answer.recurring_run_id

        return self._try(lambda: self._scheduled(name, experiment_id) or make())

    def scheduled(self, name: str, experiment_id: str) -> str:
        """The id of the experiment's recurring run of this name; empty if there is none."""
        return self._try(lambda: self._scheduled(name, experiment_id))

    def _scheduled(self, name: str, experiment_id: str) -> str:
        query = {"experiment_id": experiment_id, "filter": _named(name)}
        existing = self._call(self._schedules.recurring_run_service_list_recurring_runs, **query).recurring_runs
        return existing[0].recurring_run_id if existing else ""

    def run(self, run_id: str) -> api.V2beta1Run:
        """A run as it is now: its state, and those of its tasks."""
        return self._try(lambda: self._call(self._runs.run_service_get_run, run_id=run_id))

    def run_url(self, run_id: str) -> str:
        """Where a browser shows a run."""
        return f"{self.host}/#/runs/details/{run_id}"

    def schedule_url(self, schedule_id: str) -> str:
        """Where a browser shows a recurring run."""
        return f"{self.host}/#/recurringrun/details/{schedule_id}"

    def _call(self, method: Callable[..., Answer], **arguments: Any) -> Answer:
        answer = method(**arguments, _request_timeout=TIMEOUT)
        if "json" not in (self._client.last_response.getheader("content-type") or ""):
            raise UserError(
                f"{self.host} answers with a web page, not as a Kubeflow Pipelines API: correct --host ({HOST})"
            )
        return answer

    def _try(self, attempt: Callable[[], Answer]) -> Answer:
        return ask(attempt, self.host, self.waits)


def _content(version: Version, experiment_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a run and a recurring run share: which version, with which parameters, in which experiment."""
    reference = api.V2beta1PipelineVersionReference(
        pipeline_id=version.pipeline_id, pipeline_version_id=version.version_id
    )
    return {
        "experiment_id": experiment_id,
        "pipeline_version_reference": reference,
        "runtime_config": api.V2beta1RuntimeConfig(parameters=dict(parameters)),
    }


def _named(name: str) -> str:
    """The filter of a list request for objects with this name (the API's filter.proto, as JSON)."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]})


def _only(listed: list[Any] | None) -> Any:
    return listed[0] if listed else None
