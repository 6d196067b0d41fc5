#!/bin/sh
# Mounts every volume of this node again after the node was restarted. Its unit lets the kubelet start only when all are
# mounted: a server that starts on the empty folder below would look healthy with all its samples gone.
set -eu
root=${1:-/var/local-path-provisioner}

# /dev of a node is a copy made when it was created: the next free loop device may not have a file in it.
make_free_device() {
    device=$(losetup --find)
    [ -b "$device" ] || mknod "$device" b 7 "${device#/dev/loop}" || [ -b "$device" ]
}

# Loop devices are shared by the whole host, so another cluster may take the one that was just free.
mount_image() {
    for _ in 1 2 3 4 5; do
        make_free_device
        if mount -o loop "$1" "$2"; then
            return 0
        fi
    done
    return 1
}

failed=0
for image in "$root"/.img/*.img; do
    [ -f "$image" ] || continue
    folder=$root/$(basename "$image" .img)
    if mountpoint -q "$folder"; then
        continue
    fi
    mkdir -p -m 0700 "$folder"
    if mount_image "$image" "$folder"; then
        echo "mounted $folder"
    else
        echo "cannot mount $image at $folder" >&2
        failed=1
    fi
done
exit "$failed"
