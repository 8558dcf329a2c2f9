#!/bin/sh
# Installs packages at the versions of constraints.txt. A private index's certificates come as a build secret.
set -e
if [ -s /run/secrets/cacert ]; then export PIP_CERT=/run/secrets/cacert; fi
exec pip install --no-cache-dir --disable-pip-version-check --find-links /wheels -c /app/constraints.txt "$@"
