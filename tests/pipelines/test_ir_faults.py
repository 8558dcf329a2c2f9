"""Faults, most of which the KFP SDK accepts, are put into a sound pipeline one by one; each is refused at its place."""

import pytest
from ir_data import DELETE, IMAGE, compile_small, damaged

from pipelines.ir.check import check

SECRET_KEYS = "POD.secretAsEnv.0.keyToEnv"
JSON_TOLERATION = [{"tolerationJson": {"runtimeValue": {"constant": {"key": "gpu", "effects": "NoSchedule"}}}}]
TAG = IMAGE.split("@")[0]

FAULTS = {
    # the protobuf shape
    "unknown-field": ("TASK.make.componentReff", {}, "tasks[make]", "componentReff"),
    "unknown-container-field": ("MAKE.imagee", "x", "executors[exec-make]", "imagee"),
    "unknown-platform-field": ("POD.timeout", 3, "executor exec-make", "timeout"),
    "other-platform": ("1.platforms.argo", {}, "platform document", "argo"),
    "two-specs": ("2", {"pipelineInfo": {"name": "second"}}, "file", "2 pipeline specs"),
    # the template
    "old-schema": ("0.schemaVersion", "2.0.0", "schemaVersion", "2.1.0"),
    "capitals-in-name": ("0.pipelineInfo.name", "Small", "pipelineInfo.name", "lower-case"),
    "missing-root": ("0.root", DELETE, "root", "no tasks"),
    # the graph
    "unknown-component": ("TASK.make.componentRef.name", "comp-made", "task make", "'comp-made'"),
    "unknown-executor": ("0.components.comp-make.executorLabel", "exec-made", "task make", "'exec-made'"),
    "empty-executor": ("MAKE", DELETE, "task make", "which is empty"),
    "unknown-dependency": ("TASK.join.dependentTasks", ["for-loop-2", "nobody"], "task join", "'nobody'"),
    "unknown-producer": (
        "TASK.join.inputs.parameters.scores.taskOutputParameter.producerTask",
        "nobody",
        "task join",
        "'scores' from 'nobody'",
    ),
    "unknown-output-key": (
        "TASK.join.inputs.parameters.scores.taskOutputParameter.outputParameterKey",
        "scored",
        "task join",
        "output 'scored'",
    ),
    "unknown-artifact-key": (
        "TASK.for-loop-2.inputs.artifacts.pipelinechannel--make-made.taskOutputArtifact.outputArtifactKey",
        "makes",
        "task for-loop-2",
        "output 'makes'",
    ),
    "unknown-output-in-a-group": (
        "LOOP.dag.outputs.parameters.pipelinechannel--use-Output.valueFromParameter.producerSubtask",
        "nobody",
        "group comp-for-loop-2",
        "'nobody'",
    ),
    "unknown-pipeline-input": ("TASK.make.inputs.parameters.n.componentInputParameter", "m", "task make", "input 'm'"),
    "surplus-input": ("TASK.make.inputs.parameters.x", {"runtimeValue": {"constant": 1}}, "task make", "'x'"),
    "missing-required-input": ("TASK.make.inputs.parameters.n", DELETE, "task make", "does not get 'n'"),
    "missing-input-in-a-group": (
        "LOOP.dag.tasks.use.inputs.artifacts.data",
        DELETE,
        "task comp-for-loop-2/use",
        "does not get 'data'",
    ),
    "dependency-not-listed": ("TASK.join.dependentTasks", [], "task join", "without waiting"),
    "cycle": ("TASK.make.dependentTasks", ["join"], "root", "make -> "),
    "group-in-itself": (
        "LOOP.dag.tasks.again",
        {"componentRef": {"name": "comp-for-loop-2"}},
        "components",
        "comp-for-loop-2 -> comp-for-loop-2",
    ),
    "platform-executor-mismatch": ("EXECUTORS.exec-other", {}, "platform document, executor exec-other", "not in"),
    # types
    "parameter-without-type": (
        "0.components.comp-make.inputDefinitions.parameters.n.parameterType",
        DELETE,
        "component comp-make",
        "no known type",
    ),
    "text-for-a-number": (
        "TASK.make.inputs.parameters.n",
        {"runtimeValue": {"constant": "three"}},
        "task make",
        "'n' is a text, but has to be a number",
    ),
    "fraction-for-an-integer": (
        "TASK.make.inputs.parameters.n",
        {"runtimeValue": {"constant": 1.5}},
        "task make",
        "'n' is 1.5",
    ),
    "input-from-nowhere": ("TASK.make.inputs.parameters.n", {}, "task make", "'n' from nowhere"),
    "wrong-default": ("ROOT.inputDefinitions.parameters.n.defaultValue", [3], "parameter n", "is a list"),
    "output-of-another-type": (
        "LOOP.outputDefinitions.parameters.pipelinechannel--use-Output.parameterType",
        "BOOLEAN",
        "task join",
        "comes as true or false",
    ),
    "artifact-of-another-type": (
        "0.components.comp-make.outputDefinitions.artifacts.made.artifactType.schemaTitle",
        "system.Model",
        "task for-loop-2",
        "comes as system.Model",
    ),
    "one-artifact-for-a-list": (
        "LOOP.outputDefinitions.artifacts.pipelinechannel--use-model.isArtifactList",
        False,
        "task join",
        "list of them",
    ),
    # containers
    "empty-image": ("MAKE.image", "", "task make", "no image"),
    "mutable-tag": ("MAKE.image", f"{TAG}:latest", "task make", ":latest"),
    "missing-digest": ("MAKE.image", TAG, "task make", "@sha256"),
    "short-digest": ("MAKE.image", IMAGE[:-1], "task make", "@sha256"),
    "pip-install": ("MAKE.command", ["sh", "-c", "python3 -m pip install numpy"], "task make", "`pip install`"),
    "secret-in-a-command": ("MAKE.args", ["--key", "$AWS_SECRET_ACCESS_KEY"], "task make", "$AWS_SECRET_ACCESS_KEY"),
    "parameter-in-a-script": (
        "MAKE.command",
        ["sh", "-ec", "echo {{$.inputs.parameters['n']}}"],
        "task make",
        "shell script",
    ),
    "cached-by-text-alone": (
        "0.components.comp-make.inputDefinitions.parameters.n.parameterType",
        "STRING",
        "task make",
        "set_caching_options(False)",
    ),
    "stale-import": (
        "0.deploymentSpec.executors.exec-make",
        {"importer": {"artifactUri": {"runtimeParameter": "n"}}},
        "task make",
        "reimport=True",
    ),
    # secrets and paths
    "aws-key": ("ROOT.inputDefinitions.parameters.note.defaultValue", "AKIA" + "Q" * 16, "parameter note", "AWS key"),
    "token-in-a-command": ("MAKE.args", ["hf_" + "a" * 34], "task make", "Hugging Face token"),
    "password-in-an-address": (
        "ROOT.inputDefinitions.parameters.note.defaultValue",
        "postgres://me:hunter22@db/runs",
        "parameter note",
        "password",
    ),
    "secret-as-parameter": (
        "ROOT.inputDefinitions.parameters.hub_token",
        {"parameterType": "STRING"},
        "parameter hub_token",
        "use_secret_as_env",
    ),
    "secret-as-variable": ("MAKE.env", [{"name": "API_KEY", "value": "x"}], "task make", "API_KEY"),
    "local-path": ("ROOT.inputDefinitions.parameters.note.defaultValue", "/home/me/a", "parameter note", "/home/me/a"),
    "file-address": ("MAKE.args", ["--from", "file:///data"], "task make", "file:///data"),
    "home-path": (
        "TASK.make.inputs.parameters.n",
        {"runtimeValue": {"constant": "~/photos"}},
        "task make",
        "~/photos",
    ),
    # resources, retries and time
    "bad-cpu-quantity": ("MAKE.resources.resourceCpuLimit", "two", "task make", "cpu limit 'two'"),
    "bad-memory-quantity": ("MAKE.resources.resourceMemoryLimit", "2GB", "task make", "memory limit '2GB'"),
    "millibytes": ("MAKE.resources.resourceMemoryLimit", "500m", "task make", "memory limit '500m'"),
    "request-above-limit": ("MAKE.resources.resourceCpuRequest", "2", "task make", "above its limit"),
    "accelerator-limit-without-type": (
        "MAKE.resources.accelerator",
        {"count": "1", "resourceCount": "1"},
        "task make",
        "without a type",
    ),
    "bad-accelerator-type": ("MAKE.resources.accelerator.resourceType", "H200!", "task make", "'H200!'"),
    "no-accelerators": ("MAKE.resources.accelerator.resourceCount", "0", "task make", "accelerator limit '0'"),
    "negative-retry": ("TASK.make.retryPolicy.maxRetryCount", -1, "task make", "retries -1"),
    "negative-backoff": ("TASK.make.retryPolicy.backoffDuration", "-5s", "task make", "negative time"),
    "negative-parallelism": ("TASK.for-loop-2.iteratorPolicy.parallelismLimit", -1, "task for-loop-2", "parallelism"),
    "zero-timeout": ("POD.activeDeadlineSeconds", "0", "task make", "timeout of 0 s"),
    # Kubernetes names
    "bad-label-value": ("POD.podMetadata.labels.team", "the vision team", "task make", "'the vision team'"),
    "bad-label-key": ("POD.nodeSelector.labels.a b", "x", "task make", "'a b'"),
    "bad-annotation-key": ("POD.podMetadata.annotations", {"-a": "x"}, "task make", "'-a'"),
    "bad-env-name": ("MAKE.env", [{"name": "1-A B", "value": "x"}], "task make", "'1-A B'"),
    "bad-secret-env-name": (f"{SECRET_KEYS}.0.envVar", "A-B", "task make", "'A-B'"),
    "variable-set-twice": ("MAKE.env", [{"name": "AWS_REGION", "value": "x"}], "task make", "AWS_REGION 2 times"),
    "secret-without-keys": (SECRET_KEYS, [], "task make", "no key"),
    "bad-secret-name": (
        "POD.secretAsVolume.0",
        {"secretName": "My_Secret", "mountPath": "/a"},
        "task make",
        "My_Secret",
    ),
    "bad-toleration-operator": ("POD.tolerations.0.operator", "Is", "task make", "operator 'Is'"),
    "bad-toleration-effect": ("POD.tolerations.0.effect", "NoRun", "task make", "effect 'NoRun'"),
    "bad-json-toleration": ("POD.tolerations", JSON_TOLERATION, "task make", "'effects'"),
    "bad-affinity-operator": ("POD.nodeAffinity.0.matchExpressions.0.operator", "Is", "task make", "operator 'Is'"),
    "affinity-without-values": ("POD.nodeAffinity.0.matchExpressions.0.values", [], "task make", "affinity on zone"),
    "bad-pull-policy": ("POD.imagePullPolicy", "Sometimes", "task make", "'Sometimes'"),
    # volumes
    "relative-mount-path": ("POD.emptyDirMounts.0.mountPath", "shm", "task make", "'shm'"),
    "two-mounts-on-one-path": ("POD.emptyDirMounts.0.mountPath", "/scratch/", "task make", "2 volumes on /scratch"),
    "two-volumes-of-one-name": ("POD.emptyDirMounts.0.volumeName", "authority", "task make", "named authority"),
    "volume-without-name": ("POD.emptyDirMounts.0.volumeName", "", "task make", "without a name"),
    "bad-empty-dir-size": ("POD.emptyDirMounts.0.sizeLimit", "lots", "task make", "'lots'"),
    "bad-empty-dir-medium": ("POD.emptyDirMounts.0.medium", "Disk", "task make", "'Disk'"),
    "bad-ephemeral-size": ("POD.genericEphemeralVolume.0.size", "much", "task make", "'much'"),
    "bad-access-mode": ("POD.genericEphemeralVolume.0.accessModes", ["Write"], "task make", "access modes"),
}
"""Name -> where it is put, what is put there, and the place and words of the message."""


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    return compile_small(tmp_path_factory.mktemp("small"))


def test_the_sound_pipeline_passes(documents):
    assert check(documents, cluster=True) == []


@pytest.mark.parametrize(("path", "value", "place", "words"), FAULTS.values(), ids=FAULTS)
def test_a_seeded_fault_is_refused_at_its_place(documents, path, value, place, words):
    lines = [str(fault) for fault in check(damaged(documents, path, value))]
    assert any(place in line and words in line for line in lines), lines


def test_an_image_of_this_machine_is_refused_only_for_a_cluster(documents):
    local = damaged(documents, "MAKE.image", "localhost/objectmate-data:dev")
    assert check(local) == []
    (fault,) = check(local, cluster=True)
    assert fault.place == "task make" and "OBJECTMATE_IMAGE" in fault.message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("MAKE.resources.resourceCpuLimit", "{{$.inputs.parameters['n']}}"),
        ("MAKE.args", ["--max_tokens=12", "s3://bucket/home/me", "{{$.inputs.parameters['n']}}"]),
        ("ROOT.inputDefinitions.parameters.max_tokens", {"parameterType": "NUMBER_INTEGER"}),
        ("POD.podMetadata.labels.team", ""),
        ("POD.tolerations", [{"operator": "Exists"}]),
        ("POD.emptyDirMounts.0.mountPath", "/tmp"),
    ],
    ids=["runtime-limit", "harmless-arguments", "number-of-tokens", "empty-label", "all-taints", "mount-on-tmp"],
)
def test_what_only_looks_like_a_fault_passes(documents, path, value):
    assert check(damaged(documents, path, value)) == []
