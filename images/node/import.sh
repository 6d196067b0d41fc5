# Runs in the same container after setup.sh: takes a docker archive on standard input into containerd's store, unpacked on first use.
set -euo pipefail

log=$(mktemp -u)
mkfifo "$log"
containerd >"$log" 2>&1 &
daemon=$!
exec 3<"$log"
rm "$log"
booted=
while read -r -t 60 -u 3 line; do
  case $line in *'containerd successfully booted'*) booted=1 && break ;; esac
  echo "$line" >&2
done
[ -n "$booted" ]
cat <&3 >/dev/null &

ctr -n k8s.io images import --all-platforms --no-unpack --digests -
kill "$daemon"
wait "$daemon" || true
