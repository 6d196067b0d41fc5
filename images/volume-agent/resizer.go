package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reasons of events, as CSI's resizer and the kubelet write them.
const (
	reasonResizing   = "Resizing"
	reasonFailed     = "VolumeResizeFailed"
	reasonSuccessful = "FileSystemResizeSuccessful"
)

// cluster is what the resizer reads from and writes to the API server, never from a cache: a stale object would grow a
// volume twice or miss its cool-down. Class and Volume answer nil, nil for what does not exist.
type cluster interface {
	Claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error)
	Volume(ctx context.Context, name string) (*corev1.PersistentVolume, error)
	Class(ctx context.Context, name string) (*storagev1.StorageClass, error)
	PatchVolume(ctx context.Context, name string, patch []byte) error
	PatchClaimStatus(ctx context.Context, namespace, name string, patch []byte) (*corev1.PersistentVolumeClaim, error)
}

// telling writes an event about a claim; kind is Normal or Warning.
type telling func(claim *corev1.PersistentVolumeClaim, kind, reason, text string)

// resizer brings the volumes of one node to the size that their claims ask for.
type resizer struct {
	cluster  cluster
	grow     growing
	tell     telling
	now      func() time.Time
	root     string
	hostname string
}

// reconcile does what one claim needs now. again is when to come back without being called, zero for never. An error
// means: come back, later each time.
func (r *resizer) reconcile(ctx context.Context, namespace, name string) (again time.Duration, err error) {
	claim, err := r.cluster.Claim(ctx, namespace, name)
	if err != nil || claim == nil || claim.Spec.VolumeName == "" {
		return 0, err
	}
	pv, err := r.cluster.Volume(ctx, claim.Spec.VolumeName)
	if err != nil || pv == nil {
		return 0, err
	}
	folder := folderOnNode(pv, r.root, r.hostname)
	if folder == "" {
		return 0, nil
	}
	class, err := r.cluster.Class(ctx, pv.Spec.StorageClassName)
	if err != nil {
		return 0, err
	}
	switch decision := decide(claim, pv, class, r.now()); decision.Action {
	case Refuse:
		return r.refuse(ctx, claim, pv, decision)
	case Grow:
		return 0, r.enlarge(ctx, claim, pv, folder, decision.Size)
	case Finish:
		_, err := r.state(ctx, claim, decision.Size)
		return 0, err
	default:
		return 0, nil
	}
}

// refuse tells the operator once: the condition on the claim remembers what was said, also across restarts.
func (r *resizer) refuse(
	ctx context.Context, claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume, decision Decision,
) (time.Duration, error) {
	var again time.Duration
	if !decision.RetryAt.IsZero() {
		again = max(decision.RetryAt.Sub(r.now()), time.Millisecond)
	}
	text := failure(pv, decision.Why)
	if saysAlready(claim, text) {
		return again, nil
	}
	r.tell(claim, corev1.EventTypeWarning, reasonFailed, text)
	_, err := r.condition(ctx, claim, corev1.PersistentVolumeClaimControllerResizeError, text)
	return again, err
}

func (r *resizer) enlarge(
	ctx context.Context, claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume, folder string, size resource.Quantity,
) error {
	had := pv.Spec.Capacity[corev1.ResourceStorage]
	claim, err := r.condition(ctx, claim, corev1.PersistentVolumeClaimResizing, "")
	if err != nil {
		return err
	}
	r.tell(claim, corev1.EventTypeNormal, reasonResizing,
		fmt.Sprintf("External resizer is resizing volume %s from %s to %s", pv.Name, had.String(), size.String()))
	if err := r.grow(folder, size.Value()); err != nil {
		text := failure(pv, err.Error())
		r.tell(claim, corev1.EventTypeWarning, reasonFailed, text)
		_, patchErr := r.condition(ctx, claim, corev1.PersistentVolumeClaimControllerResizeError, text)
		return errors.Join(err, patchErr)
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{lastModifiedKey: r.now().UTC().Format(time.RFC3339)}},
		"spec":     map[string]any{"capacity": corev1.ResourceList{corev1.ResourceStorage: size}},
	})
	if err != nil {
		return err
	}
	if err := r.cluster.PatchVolume(ctx, pv.Name, patch); err != nil {
		return err
	}
	if claim, err = r.state(ctx, claim, size); err != nil {
		return err
	}
	r.tell(claim, corev1.EventTypeNormal, reasonSuccessful,
		fmt.Sprintf("Resized the file system of volume %s from %s to %s on node %s", pv.Name, had.String(), size.String(), r.hostname))
	return nil
}

// state writes the claim's capacity and takes the conditions about resizing back.
func (r *resizer) state(
	ctx context.Context, claim *corev1.PersistentVolumeClaim, size resource.Quantity,
) (*corev1.PersistentVolumeClaim, error) {
	return r.patchStatus(ctx, claim, map[string]any{
		"capacity":   corev1.ResourceList{corev1.ResourceStorage: size},
		"conditions": otherConditions(claim),
	})
}

// condition leaves exactly one condition about resizing.
func (r *resizer) condition(
	ctx context.Context, claim *corev1.PersistentVolumeClaim, kind corev1.PersistentVolumeClaimConditionType, text string,
) (*corev1.PersistentVolumeClaim, error) {
	now := metav1.NewTime(r.now())
	return r.patchStatus(ctx, claim, map[string]any{
		"conditions": append(otherConditions(claim), corev1.PersistentVolumeClaimCondition{
			Type: kind, Status: corev1.ConditionTrue, LastProbeTime: now, LastTransitionTime: now, Message: text,
		}),
	})
}

// patchStatus fails with a conflict when someone changed the claim since it was read.
func (r *resizer) patchStatus(
	ctx context.Context, claim *corev1.PersistentVolumeClaim, status map[string]any,
) (*corev1.PersistentVolumeClaim, error) {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": claim.ResourceVersion},
		"status":   status,
	})
	if err != nil {
		return nil, err
	}
	changed, err := r.cluster.PatchClaimStatus(ctx, claim.Namespace, claim.Name, patch)
	if apierrors.IsConflict(err) {
		return nil, fmt.Errorf("%w: read it again", err)
	}
	return changed, err
}

// otherConditions is never nil: an empty list replaces, null would be no list.
func otherConditions(claim *corev1.PersistentVolumeClaim) []corev1.PersistentVolumeClaimCondition {
	return slices.DeleteFunc(append([]corev1.PersistentVolumeClaimCondition{}, claim.Status.Conditions...), aboutResizing)
}

func saysAlready(claim *corev1.PersistentVolumeClaim, text string) bool {
	return slices.ContainsFunc(claim.Status.Conditions, func(condition corev1.PersistentVolumeClaimCondition) bool {
		return condition.Type == corev1.PersistentVolumeClaimControllerResizeError && condition.Message == text
	})
}

func failure(pv *corev1.PersistentVolume, why string) string {
	return fmt.Sprintf("resize volume %q by resizer %q failed: %s", pv.Name, agentName, why)
}
