#!/usr/bin/env bash
# A private S3 server below a folder, for a Debian machine that has neither Docker nor a registry:
#
#   eval "$(infra/local/store.sh up /var/tmp/store 7480)"    # starts it, prints `export AWS_ENDPOINT_URL=...` and keys
#   infra/local/store.sh down /var/tmp/store                 # stops it; its contents are gone
#
# Ceph's RADOS Gateway with one monitor and one disk of 2 GiB in memory, reachable only from this machine. For tests and
# for a first try: nothing is kept on disk. Installs missing packages (as root). The keys are those in AWS_ACCESS_KEY_ID
# and AWS_SECRET_ACCESS_KEY if set; the port after the gateway's is the monitor's.
set -Eeuo pipefail

command=${1:-up}
folder=$(mkdir -p "${2:-/var/tmp/objectmate-store}" && cd "${2:-/var/tmp/objectmate-store}" && pwd)
port=${3:-7480}
key=${AWS_ACCESS_KEY_ID:-objectmate}
secret=${AWS_SECRET_ACCESS_KEY:-objectmate-secret}
export CEPH_CONF=$folder/ceph.conf

install_packages() {
  command -v radosgw >/dev/null && command -v ceph-mon >/dev/null && command -v ceph-osd >/dev/null &&
    command -v ceph >/dev/null && command -v curl >/dev/null && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    radosgw ceph-mon ceph-osd ceph-common curl >&2
}

write_settings() {
  cat >"$CEPH_CONF" <<END
[global]
fsid = $1
mon host = v2:127.0.0.1:$((port + 1))
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
run dir = $folder/run
admin socket = $folder/run/\$name.asok
log file = $folder/log/\$name.log
keyring = $folder/keyring
mon data = $folder/mon
mon allow pool size one = true
mon data avail warn = 1
mon data avail crit = 0
osd data = $folder/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd crush chooseleaf type = 0
osd class load list = *
osd class default list = *
rgw data = $folder/rgw
rgw frontends = beast endpoint=127.0.0.1:$port
END
}

launch() { # a daemon that outlives this script; its process id is kept for `down`
  setsid "$@" >>"$folder/log/start" 2>&1 3>&- </dev/null &
  echo $! >>"$folder/pids"
}

start_disk() {
  local id disk
  id=$(cat /proc/sys/kernel/random/uuid) disk=$(cat /proc/sys/kernel/random/uuid)
  write_settings "$id"
  monmaptool --create --fsid "$id" --addv a "[v2:127.0.0.1:$((port + 1))]" "$folder/monmap"
  ceph-mon --mkfs -i a --monmap "$folder/monmap"
  launch ceph-mon -i a -f
  timeout 60 ceph osd new "$disk"
  ceph-osd -i 0 --mkfs --osd-uuid "$disk"
  launch ceph-osd -i 0 -f
}

answers() { curl -s "http://127.0.0.1:$port/" | grep -q ListAllMyBucketsResult; }

start_gateway() {
  launch radosgw -n client.rgw -f
  for _ in $(seq 150); do answers && break || sleep 0.2; done
  answers
  radosgw-admin user create --uid objectmate --display-name objectmate --access-key "$key" --secret-key "$secret"
}

start() {
  [ ! -f "$folder/pids" ] || { echo "a store is up in $folder: stop it with \`store.sh down\`" >&2 && exit 1; }
  rm -rf "$folder"/{mon,osd,rgw,run,log,monmap}
  mkdir -p "$folder"/{mon,osd,rgw,run,log}
  touch "$folder/keyring"
  exec 3>&2
  trap 'stop; echo "the store did not start: see $folder/log" >&3' ERR
  start_disk >>"$folder/log/start" 2>&1
  start_gateway >>"$folder/log/start" 2>&1
}

stop() {
  [ -f "$folder/pids" ] || return 0
  for pid in $(tac "$folder/pids"); do
    # After a crash the process id may belong to another process.
    grep -qE '^(ceph-|radosgw)' "/proc/$pid/comm" 2>>"$folder/log/start" || continue
    kill "$pid" 2>>"$folder/log/start" || continue
    for _ in $(seq 100); do kill -0 "$pid" 2>>"$folder/log/start" && sleep 0.1 || break; done
  done
  rm "$folder/pids"
}

case $command in
  up)
    install_packages
    start
    echo "export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret"
    ;;
  down) stop ;;
  install) install_packages ;;
  *)
    echo "usage: store.sh up|down|install [FOLDER [PORT]]" >&2
    exit 2
    ;;
esac
