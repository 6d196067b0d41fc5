# Runs in a container of our node image: leaves only the images that a stock node image has, by the names in $KEEP.
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

listed=$(ctr -n k8s.io images ls | awk 'NR > 1 { print $1, $3 }')
kept=$(echo "$listed" | awk -v keep="$KEEP" '$1 ~ keep { print $2 }')
echo "$listed" | while read -r name digest; do
  case $kept in *"$digest"*) ;; *) echo "$name" ;; esac
done | xargs ctr -n k8s.io images rm --sync >/dev/null
ctr -n k8s.io images ls --quiet

kill "$daemon"
wait "$daemon" || true
rm -rf /var/lib/containerd/tmpmounts /run/containerd
