#!/bin/bash
# What each pod of `promdrill matrix --format kubernetes` runs: the cell of its index. The results go into the pod's
# log, packed, for `promdrill matrix --collect`. The exit code is the cell's own.
#
# Arguments: the folder with the list of cells and the user's files; a folder to work in; SHA-256 of that list and the
# files, one after the other; options of promdrill matrix.
set -euo pipefail
given=$1 work=$2 wanted=$3
shift 3
most_bytes=$((${MOST_BYTES:-4 << 20})) # packed: 5.5 MiB of a log, of which nodes keep 10 (containerLogMaxSize)

read -r sum _ < <(cat "$given/cells" "$given/files.tgz" | sha256sum)
if [ "$sum" != "$wanted" ]; then
    echo "promdrill: the ConfigMap and the Secret are those of an earlier Job; delete them and the Job, then create all anew"
    exit 2
fi
cell=$(sed -n "$((JOB_COMPLETION_INDEX + 1))p" "$given/cells")
mkdir -p "$work/checkout"
cd "$work/checkout"
tar -xzf "$given/files.tgz"

trap : TERM INT # promdrill gets the signal too; a cell that is asked to end still hands over what it has
code=0
promdrill matrix --run --cell="$cell" --reports=reports "$@" || code=$?
trap '' TERM INT

packed=$work/results.tgz
if [ -d "reports/matrix/$cell" ]; then
    tar -czf "$packed" -C reports/matrix "$cell"
    if [ "$(wc -c <"$packed")" -gt "$most_bytes" ]; then
        echo "promdrill-results without evidence: packed, all files have $(wc -c <"$packed") bytes, too many for a log"
        verdicts=()
        for file in cell.json results.json junit.xml; do
            if [ -e "reports/matrix/$cell/$file" ]; then verdicts+=("$cell/$file"); fi
        done
        tar -czf "$packed" -C reports/matrix "${verdicts[@]}"
    fi
    read -r sum _ < <(sha256sum "$packed")
    echo "promdrill-results begin $cell $sum"
    base64 --wrap=120 "$packed"
    echo "promdrill-results end $cell"
fi
exit "$code"
