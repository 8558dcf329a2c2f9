"""A small pipeline that uses most of what KFP and Kubernetes settings offer, compiled, and a way to damage it."""

import copy
from pathlib import Path
from typing import Any

import yaml
from kfp import compiler, dsl, kubernetes

IMAGE = f"registry.example/stage@sha256:{'0' * 64}"
DELETE = object()
PREFIXES = {
    "TASK": "0.root.dag.tasks",
    "ROOT": "0.root",
    "LOOP": "0.components.comp-for-loop-2",
    "MAKE": "0.deploymentSpec.executors.exec-make.container",
    "POD": "1.platforms.kubernetes.deploymentSpec.executors.exec-make",
    "EXECUTORS": "1.platforms.kubernetes.deploymentSpec.executors",
}
"""Shorthand for the places in the compiled file where faults are put."""


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def make(n: int, made: dsl.Output[dsl.Dataset]) -> str:  # type: ignore[empty-body]
    """Makes a dataset."""


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def use(word: str, data: dsl.Input[dsl.Dataset], model: dsl.Output[dsl.Model]) -> float:  # type: ignore[empty-body]
    """Reads it once for each word."""


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def join(scores: list[float], models: dsl.Input[list[dsl.Model]]) -> None:
    """Reads what the loop made."""


@dsl.pipeline(name="small")
def small(n: int = 3, note: str = "none") -> None:
    """make -> a loop over use -> join."""
    made = (
        make(n=n).set_cpu_request("500m").set_cpu_limit("1500m").set_memory_limit("2Gi").set_retry(3, "10s", 2, "60s")
    )
    made.set_accelerator_limit(1).set_accelerator_type("nvidia.com/gpu").set_env_variable("LOG_LEVEL", "info")
    with dsl.ParallelFor(["a", "b"], parallelism=2) as word:
        used = use(word=word, data=made.outputs["made"])
    join(scores=dsl.Collected(used.outputs["Output"]), models=dsl.Collected(used.outputs["model"]))
    kubernetes.use_secret_as_env(made, "storage", {"key": "AWS_SECRET_ACCESS_KEY"})
    kubernetes.use_secret_as_volume(made, "authority", "/etc/authority")
    kubernetes.use_config_map_as_env(made, "settings", {"region": "AWS_REGION"})
    kubernetes.mount_pvc(made, "weights", "/weights")
    kubernetes.add_node_selector(made, "example.com/pool", "gpu")
    kubernetes.add_toleration(made, key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")
    kubernetes.add_node_affinity(made, match_expressions=[{"key": "zone", "operator": "In", "values": ["a"]}])
    kubernetes.add_pod_label(made, "team", "vision")
    kubernetes.add_ephemeral_volume(made, "scratch", "/scratch", ["ReadWriteOnce"], "5Gi")
    kubernetes.empty_dir_mount(made, "shm", "/dev/shm", "Memory", "1Gi")
    kubernetes.set_image_pull_policy(made, "IfNotPresent")
    kubernetes.set_image_pull_secrets(made, ["registry"])
    kubernetes.set_timeout(made, 3600)
    kubernetes.use_field_path_as_env(made, "POD_NAME", "metadata.name")
    kubernetes.set_security_context(made, run_as_user=10001, run_as_non_root=True)


def compile_small(folder: Path) -> list[dict[str, Any]]:
    """The small pipeline's two documents: its spec and its Kubernetes settings."""
    compiler.Compiler().compile(small, str(folder / "small.yaml"))
    return list(yaml.safe_load_all((folder / "small.yaml").read_text()))


def damaged(documents: list[dict[str, Any]], path: str, value: Any) -> list[dict[str, Any]]:
    """A copy with the value at a dotted path (its first word may be shorthand) replaced, added or deleted."""
    copied = copy.deepcopy(documents)
    first, _, rest = path.partition(".")
    *parents, last = [part for part in f"{PREFIXES.get(first, first)}.{rest}".split(".") if part]
    place: Any = copied
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    if isinstance(place, list):
        place[int(last) :] = [value]
    elif value is DELETE:
        del place[last]
    else:
        place[last] = value
    return copied
