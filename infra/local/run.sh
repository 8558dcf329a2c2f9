#!/usr/bin/env bash
# A whole run in containers, for `make docker`: engine, images, the pipeline through Kubeflow's Docker runner,
# and the hashes of its datasets compared with DVC's. Exit code 1 if one differs, 3 if a gate stopped the run.
#
#   infra/local/run.sh                         # the default run, compared with the project's dvc.lock
#   infra/local/run.sh --set section.key=...   # other settings, compared with a DVC run of the same settings here
#
# It works in runs/docker, or runs/docker-DIGEST for other settings. If a Docker engine answers, that one is used, with
# BASE_IMAGE and DOCKER_FLAGS as for `make images`. Otherwise, as root on Debian, engine.sh starts one below ENGINE,
# which is always stopped at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=$PWD/.venv/bin:$PATH
pipeline=${PIPELINE:-full}
workspace=runs/docker${1:+-$(printf '%s ' "$@" | sha256sum | head -c 8)}
engine=${ENGINE:-/var/tmp/objectmate-engine}
build=()

phase() { printf '\n== %s (%s s since the start)\n' "$1" "$SECONDS"; }

if ! "${DOCKER:-docker}" version >/dev/null 2>&1; then
  [ "$(id -u)" = 0 ] || { echo "no Docker engine answers: start one, or run this as root on Debian" >&2; exit 2; }
  phase "a Docker engine below $engine"
  trap 'infra/local/engine.sh down "$engine"' EXIT
  started=$(infra/local/engine.sh up "$engine")
  eval "$started"
  build=(DOCKER=/usr/bin/docker "BASE_IMAGE=${BASE_IMAGE:-localhost/python:3.11-slim-bookworm}"
    "DOCKER_FLAGS=${DOCKER_FLAGS:---network=host}")
fi

phase "the images of the steps"
make image-data image-vision image-mining image-training image-gates "${build[@]}"

phase "the $pipeline pipeline in containers"
objectmate run "$pipeline" --engine docker --workspace "$workspace" "$@"
objectmate sync "$workspace"

reference=.
if [ $# -gt 0 ]; then
  reference=$workspace-dvc
  phase "the same with DVC"
  objectmate run "$pipeline" --workspace "$reference" "$@"
fi
phase "the hashes of both"
objectmate compare "$reference" "$workspace" --fail-on datasets --pipeline "$pipeline"
