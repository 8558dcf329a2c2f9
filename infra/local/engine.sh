#!/usr/bin/env bash
# A private Docker engine below a folder, for a Debian machine that has neither an engine nor a registry:
#
#   eval "$(sudo infra/local/engine.sh up /var/tmp/engine)"    # starts it, prints `export DOCKER_HOST=...`
#   sudo infra/local/engine.sh down /var/tmp/engine            # stops it; its images stay in the folder
#
# Installs docker.io and debootstrap where they are missing, and makes the base image of infra/images from Debian's own
# packages. Containers have the host's network or none: no bridge, no firewall rules, nothing outside the folder.
set -euo pipefail

command=${1:-up}
folder=$(mkdir -p "${2:-/var/tmp/objectmate-engine}" && cd "${2:-/var/tmp/objectmate-engine}" && pwd)
base=localhost/python:3.11-slim-bookworm
export DOCKER_HOST=unix://$folder/docker.sock
docker=/usr/bin/docker # the CLI of docker.io: others on the path may lack BuildKit

answers() { "$docker" version >"$folder/version.log" 2>&1; }

install_packages() {
  command -v dockerd >/dev/null && command -v debootstrap >/dev/null && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io debootstrap >&2
}

start() {
  answers && return
  setsid dockerd --host "$DOCKER_HOST" --data-root "$folder/data" --exec-root "$folder/exec" \
    --pidfile "$folder/dockerd.pid" --storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs \
    --oom-score-adjust 0 --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
    >"$folder/dockerd.log" 2>&1 </dev/null &
  for _ in $(seq 120); do answers && return || sleep 0.5; done
  echo "dockerd does not answer: see $folder/dockerd.log" >&2
  exit 1
}

make_base() {
  "$docker" image inspect "$base" >/dev/null 2>&1 && return
  local root=$folder/rootfs
  rm -rf "$root"
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv bookworm "$root" \
    >"$folder/debootstrap.log" 2>&1
  # Debian forbids pip outside virtual environments; the image is one.
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root/usr/lib/python3.11/EXTERNALLY-MANAGED"
  ln -sf python3 "$root/usr/bin/python"
  tar -C "$root" --numeric-owner -c . | "$docker" import --change 'CMD ["python3"]' \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$base" >&2
  rm -rf "$root"
}

case $command in
  up)
    install_packages
    start
    make_base
    echo "export DOCKER_HOST=$DOCKER_HOST"
    ;;
  down)
    [ -f "$folder/dockerd.pid" ] || exit 0
    daemon=$(cat "$folder/dockerd.pid")
    # After a crash the process id may belong to another process.
    [ "$(cat "/proc/$daemon/comm" 2>/dev/null)" = dockerd ] || { rm "$folder/dockerd.pid"; exit 0; }
    kill "$daemon"
    for _ in $(seq 120); do [ -f "$folder/dockerd.pid" ] && sleep 0.5 || exit 0; done
    echo "dockerd did not stop: see $folder/dockerd.log" >&2
    exit 1
    ;;
  *)
    echo "usage: engine.sh up|down [FOLDER]" >&2
    exit 2
    ;;
esac
