package main

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"promdrill.example/volume-agent/volume"
)

// Annotations that people write. Those of a claim win over those of its class.
const (
	// filesystemKey (class, claim): auto, ext4 or xfs.
	filesystemKey = "promdrill.io/filesystem"
	// inodesKey (class, claim): how many inodes the volume has, such as "3000".
	inodesKey = "promdrill.io/inodes"
	// mkfsOptionsKey (class, claim): further words for mkfs; what they mean differs by file system.
	mkfsOptionsKey = "promdrill.io/mkfs-options"
	// cooldownKey (class): how long after one growth the next is refused, such as "6h" (EBS); absent: no such rule.
	cooldownKey = "promdrill.io/modification-cooldown"
)

// lastModifiedKey is written by the agent on a volume: when it last grew, in RFC 3339.
const lastModifiedKey = "promdrill.io/last-modified"

// provisionerName is what the provisioner puts into the annotation provisionedByKey of its volumes.
const (
	provisionerName  = "rancher.io/local-path"
	provisionedByKey = "pv.kubernetes.io/provisioned-by"
)

// wishFor is the volume that a claim asks for; class may be nil.
func wishFor(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, sizeBytes int64) (volume.Wish, error) {
	setting := func(key string) string {
		if text, given := claim.Annotations[key]; given || class == nil {
			return text
		}
		return class.Annotations[key]
	}
	filesystem, err := volume.ParseFilesystem(setting(filesystemKey))
	if err != nil {
		return volume.Wish{}, fmt.Errorf("annotation %s: %w", filesystemKey, err)
	}
	inodes, err := volume.ParseInodes(setting(inodesKey))
	if err != nil {
		return volume.Wish{}, fmt.Errorf("annotation %s: %w", inodesKey, err)
	}
	options, err := volume.ParseMkfsOptions(setting(mkfsOptionsKey))
	if err != nil {
		return volume.Wish{}, fmt.Errorf("annotation %s: %w", mkfsOptionsKey, err)
	}
	return volume.Wish{SizeBytes: sizeBytes, Filesystem: filesystem, Inodes: inodes, MkfsOptions: options}, nil
}

// cooldown is the class's rule; zero when it has none.
func cooldown(class *storagev1.StorageClass) (time.Duration, error) {
	text, given := class.Annotations[cooldownKey]
	if !given {
		return 0, nil
	}
	rule, err := time.ParseDuration(text)
	if err != nil || rule < 0 {
		return 0, fmt.Errorf("StorageClass %q: annotation %s: %q is not a duration such as 6h or 90s", class.Name, cooldownKey, text)
	}
	return rule, nil
}

// lastModified is when the volume last grew; the zero time when it never did.
func lastModified(of *corev1.PersistentVolume) (time.Time, error) {
	text, given := of.Annotations[lastModifiedKey]
	if !given {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("PersistentVolume %q: annotation %s: %q is not a time", of.Name, lastModifiedKey, text)
	}
	return at, nil
}
