package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Action is what is to be done about a claim.
type Action string

const (
	// Ignore: nothing is asked for, or not of us.
	Ignore Action = "ignore"
	// Refuse: growth is asked for and not allowed, or not yet.
	Refuse Action = "refuse"
	// Grow: make the volume larger, then say so.
	Grow Action = "grow"
	// Finish: the volume is as large as asked for already; the claim does not say so yet.
	Finish Action = "finish"
)

// Decision is an action with what it needs.
type Decision struct {
	Action  Action
	Size    resource.Quantity // Grow: the size to reach. Finish: the size to state.
	Why     string            // Refuse: for the operator.
	RetryAt time.Time         // Refuse: when the answer changes by itself; zero when it does not.
}

// decide judges a claim and its volume at a moment. class is nil when the claim's class is gone.
func decide(claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume, class *storagev1.StorageClass, now time.Time) Decision {
	if claim.DeletionTimestamp != nil || !bound(claim, pv) || pv.Annotations[provisionedByKey] != provisionerName {
		return Decision{Action: Ignore}
	}
	asked, has, stated := asked(claim), pv.Spec.Capacity[corev1.ResourceStorage], claim.Status.Capacity[corev1.ResourceStorage]
	switch {
	case asked.Cmp(stated) <= 0 && !slices.ContainsFunc(claim.Status.Conditions, aboutResizing):
		return Decision{Action: Ignore}
	case asked.Cmp(stated) <= 0, asked.Cmp(has) <= 0:
		if stated.Cmp(has) > 0 {
			has = stated
		}
		return Decision{Action: Finish, Size: has}
	}
	return growth(pv, class, asked, now)
}

// growth judges a request that exceeds the volume.
func growth(pv *corev1.PersistentVolume, class *storagev1.StorageClass, size resource.Quantity, now time.Time) Decision {
	refuse := func(format string, args ...any) Decision {
		return Decision{Action: Refuse, Why: fmt.Sprintf(format, args...)}
	}
	if class == nil {
		return refuse("StorageClass %q does not exist", pv.Spec.StorageClassName)
	}
	if class.AllowVolumeExpansion == nil || !*class.AllowVolumeExpansion {
		return refuse("StorageClass %q does not allow volume expansion", class.Name)
	}
	rule, err := cooldown(class)
	if err != nil {
		return refuse("%v", err)
	}
	last, err := lastModified(pv)
	if err != nil {
		return refuse("%v", err)
	}
	next := last.Add(rule)
	if rule == 0 || last.IsZero() || !now.Before(next) {
		return Decision{Action: Grow, Size: size}
	}
	decision := refuse("modification rate exceeded: the volume was last modified at %s and StorageClass %q asks for %v between"+
		" modifications; the next change is allowed at %s and will be made then",
		last.UTC().Format(time.RFC3339), class.Name, rule, next.UTC().Format(time.RFC3339))
	decision.RetryAt = next
	return decision
}

// shrinks reports whether an edit of a claim asks for less than its volume has. The API server refuses most such edits
// itself; what it lets through is an edit made while the volume is growing.
func shrinks(before, after *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) bool {
	was, is, has := asked(before), asked(after), pv.Spec.Capacity[corev1.ResourceStorage]
	return bound(after, pv) && is.Cmp(was) < 0 && is.Cmp(has) < 0
}

func asked(claim *corev1.PersistentVolumeClaim) resource.Quantity {
	return claim.Spec.Resources.Requests[corev1.ResourceStorage]
}

func bound(claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) bool {
	return claim.Status.Phase == corev1.ClaimBound && claim.Spec.VolumeName == pv.Name &&
		pv.Spec.ClaimRef != nil && pv.Spec.ClaimRef.UID == claim.UID
}

// aboutResizing picks the conditions that a resizer writes and takes back.
func aboutResizing(condition corev1.PersistentVolumeClaimCondition) bool {
	switch condition.Type {
	case corev1.PersistentVolumeClaimResizing, corev1.PersistentVolumeClaimFileSystemResizePending,
		corev1.PersistentVolumeClaimControllerResizeError, corev1.PersistentVolumeClaimNodeResizeError:
		return true
	}
	return false
}

// folderOnNode is where the volume is mounted on the host with this hostname label, "" when it is not one of that host's.
func folderOnNode(pv *corev1.PersistentVolume, root, hostname string) string {
	var folder string
	switch {
	case pv.Spec.Local != nil:
		folder = pv.Spec.Local.Path
	case pv.Spec.HostPath != nil:
		folder = pv.Spec.HostPath.Path
	}
	if filepath.Dir(folder) != root || !boundToHost(pv, hostname) {
		return ""
	}
	return folder
}

func boundToHost(pv *corev1.PersistentVolume, hostname string) bool {
	if pv.Spec.NodeAffinity == nil || pv.Spec.NodeAffinity.Required == nil {
		return false
	}
	for _, term := range pv.Spec.NodeAffinity.Required.NodeSelectorTerms {
		for _, rule := range term.MatchExpressions {
			if rule.Key == corev1.LabelHostname && rule.Operator == corev1.NodeSelectorOpIn && slices.Equal(rule.Values, []string{hostname}) {
				return true
			}
		}
	}
	return false
}
