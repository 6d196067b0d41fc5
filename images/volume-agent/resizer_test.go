package main

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

// fakeCluster holds one claim, volume and class, and takes merge patches as the API server does.
type fakeCluster struct {
	claim      *corev1.PersistentVolumeClaim
	volume     *corev1.PersistentVolume
	class      *storagev1.StorageClass
	fails      error // answer of every read
	failsPatch error // answer of every patch of the claim
	claimReads int
}

func (f *fakeCluster) Claim(_ context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error) {
	f.claimReads++
	if f.claim != nil && (namespace != f.claim.Namespace || name != f.claim.Name) {
		return nil, errors.New("unexpected claim " + namespace + "/" + name)
	}
	return f.claim.DeepCopy(), f.fails
}

func (f *fakeCluster) Volume(context.Context, string) (*corev1.PersistentVolume, error) {
	return f.volume.DeepCopy(), f.fails
}

func (f *fakeCluster) Class(context.Context, string) (*storagev1.StorageClass, error) {
	return f.class.DeepCopy(), f.fails
}

func (f *fakeCluster) PatchVolume(_ context.Context, _ string, patch []byte) error {
	return json.Unmarshal(patch, f.volume)
}

func (f *fakeCluster) PatchClaimStatus(_ context.Context, _, _ string, patch []byte) (*corev1.PersistentVolumeClaim, error) {
	if f.failsPatch != nil {
		return nil, f.failsPatch
	}
	var claimed corev1.PersistentVolumeClaim
	if err := json.Unmarshal(patch, &claimed); err != nil {
		return nil, err
	}
	if claimed.ResourceVersion != f.claim.ResourceVersion {
		return nil, errors.New("patch of an old version")
	}
	if err := json.Unmarshal(patch, f.claim); err != nil {
		return nil, err
	}
	f.claim.ResourceVersion += "0"
	return f.claim.DeepCopy(), nil
}

// world is a resizer with everything around it in the test's hands.
type world struct {
	resizer
	fake  *fakeCluster
	grown []int64
	told  []string
	fails error // answer of grow
}

func newWorld(claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume, class *storagev1.StorageClass) *world {
	w := &world{fake: &fakeCluster{claim: claim, volume: pv, class: class}}
	w.resizer = resizer{
		cluster: w.fake, now: func() time.Time { return noon }, root: testRoot, hostname: testNode,
		grow: func(folder string, sizeBytes int64) error {
			if folder != testFolder {
				return errors.New("unexpected folder " + folder)
			}
			w.grown = append(w.grown, sizeBytes)
			return w.fails
		},
		tell: func(_ *corev1.PersistentVolumeClaim, _, reason, text string) {
			w.told = append(w.told, reason+": "+text)
		},
	}
	return w
}

func (w *world) reconcile(t *testing.T) (time.Duration, error) {
	t.Helper()
	return w.resizer.reconcile(context.Background(), "drill", "data")
}

func (w *world) conditions() []string {
	var kinds []string
	for _, one := range w.fake.claim.Status.Conditions {
		kinds = append(kinds, string(one.Type))
	}
	return kinds
}

func (w *world) expectTold(t *testing.T, parts ...string) {
	t.Helper()
	if !slices.EqualFunc(w.told, parts, strings.Contains) {
		t.Fatalf("told %q, want %q", w.told, parts)
	}
	w.told = nil
}

func TestGrowsAndSaysSo(t *testing.T) {
	w := newWorld(claimOfSize("2Gi", "1Gi", condition("ModifyingVolume", "")), volumeOfSize("1Gi"), classThat(true, nil))
	if again, err := w.reconcile(t); err != nil || again != 0 {
		t.Fatal(again, err)
	}
	if !slices.Equal(w.grown, []int64{2 << 30}) {
		t.Errorf("grown %v", w.grown)
	}
	if got := w.fake.volume.Spec.Capacity.Storage().String(); got != "2Gi" {
		t.Errorf("volume states %s", got)
	}
	if got := w.fake.claim.Status.Capacity.Storage().String(); got != "2Gi" {
		t.Errorf("claim states %s", got)
	}
	if !slices.Equal(w.conditions(), []string{"ModifyingVolume"}) {
		t.Errorf("conditions %v", w.conditions())
	}
	if got := w.fake.volume.Annotations[lastModifiedKey]; got != "2026-03-01T12:00:00Z" {
		t.Errorf("last modified %q", got)
	}
	w.expectTold(t, "Resizing: External resizer is resizing volume pvc-1 from 1Gi to 2Gi",
		"FileSystemResizeSuccessful: Resized the file system of volume pvc-1 from 1Gi to 2Gi on node node-1")

	if again, err := w.reconcile(t); err != nil || again != 0 || len(w.grown) != 1 {
		t.Errorf("a second look did something: %v %v %v", again, err, w.grown)
	}
	w.expectTold(t)
}

func TestFailureIsToldAndTriedAgain(t *testing.T) {
	w := newWorld(claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi"), classThat(true, nil))
	w.fails = errors.New("the node's disk has no room")
	if _, err := w.reconcile(t); !errors.Is(err, w.fails) {
		t.Fatal(err)
	}
	w.expectTold(t, "Resizing: ", `VolumeResizeFailed: resize volume "pvc-1" by resizer "volume-agent" failed: the node's disk has no room`)
	if !slices.Equal(w.conditions(), []string{"ControllerResizeError"}) || w.fake.volume.Spec.Capacity.Storage().String() != "1Gi" {
		t.Errorf("conditions %v, volume %v", w.conditions(), w.fake.volume.Spec.Capacity)
	}
	w.fails = nil
	if _, err := w.reconcile(t); err != nil {
		t.Fatal(err)
	}
	w.expectTold(t, "Resizing: ", "FileSystemResizeSuccessful: ")
	if len(w.conditions()) != 0 {
		t.Errorf("conditions %v", w.conditions())
	}
}

func TestCooldownIsToldOnceAndEndsByItself(t *testing.T) {
	class := classThat(true, map[string]string{cooldownKey: "6h"})
	w := newWorld(claimOfSize("3Gi", "2Gi"), modifiedAt(volumeOfSize("2Gi"), "2026-03-01T11:00:00Z"), class)
	for range 2 {
		if again, err := w.reconcile(t); err != nil || again != 5*time.Hour {
			t.Fatal(again, err)
		}
	}
	w.expectTold(t, "VolumeResizeFailed: ")
	if len(w.grown) != 0 || w.fake.claim.Status.Capacity.Storage().String() != "2Gi" {
		t.Errorf("grown %v", w.grown)
	}
	w.resizer.now = func() time.Time { return noon.Add(5 * time.Hour) }
	if again, err := w.reconcile(t); err != nil || again != 0 || !slices.Equal(w.grown, []int64{3 << 30}) {
		t.Fatal(again, err, w.grown)
	}
	w.expectTold(t, "Resizing: ", "FileSystemResizeSuccessful: ")
}

func TestFinishesWhatWasInterrupted(t *testing.T) {
	w := newWorld(claimOfSize("2Gi", "1Gi", condition(corev1.PersistentVolumeClaimResizing, "")), volumeOfSize("2Gi"), classThat(true, nil))
	if _, err := w.reconcile(t); err != nil {
		t.Fatal(err)
	}
	if w.fake.claim.Status.Capacity.Storage().String() != "2Gi" || len(w.conditions()) != 0 || len(w.grown) != 0 {
		t.Errorf("capacity %v, conditions %v, grown %v", w.fake.claim.Status.Capacity, w.conditions(), w.grown)
	}
}

func TestTouchesNothingThatChangedMeanwhile(t *testing.T) {
	w := newWorld(claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi"), classThat(true, nil))
	w.fake.failsPatch = errors.New("conflict")
	if _, err := w.reconcile(t); !errors.Is(err, w.fake.failsPatch) || len(w.grown) != 0 {
		t.Errorf("got %v, grown %v", err, w.grown)
	}
	w.expectTold(t)
}

func TestLeavesTheVolumesOfOtherNodesAlone(t *testing.T) {
	w := newWorld(claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi"), classThat(true, nil))
	w.hostname = "node-2"
	if again, err := w.reconcile(t); again != 0 || err != nil || len(w.grown) != 0 {
		t.Error(again, err, w.grown)
	}
}

func TestWorthALook(t *testing.T) {
	was := claimOfSize("1Gi", "1Gi")
	for _, check := range []struct {
		name string
		edit func(*corev1.PersistentVolumeClaim)
		want bool
	}{
		{"resync", func(c *corev1.PersistentVolumeClaim) { c.ResourceVersion = was.ResourceVersion }, true},
		{"request", func(c *corev1.PersistentVolumeClaim) { c.Spec.Resources.Requests = storage("2Gi") }, true},
		{"capacity", func(c *corev1.PersistentVolumeClaim) { c.Status.Capacity = storage("2Gi") }, true},
		{"our own condition", func(c *corev1.PersistentVolumeClaim) {
			c.Status.Conditions = append(c.Status.Conditions, condition(corev1.PersistentVolumeClaimResizing, ""))
		}, false},
	} {
		is := was.DeepCopy()
		is.ResourceVersion = "2"
		check.edit(is)
		if got := worthALook(was, is); got != check.want {
			t.Errorf("%s: got %v", check.name, got)
		}
	}
}

func TestConditionsAreReplacedByAListNeverByNull(t *testing.T) {
	if got, err := json.Marshal(otherConditions(claimOfSize("1Gi", "1Gi"))); err != nil || !reflect.DeepEqual(string(got), "[]") {
		t.Errorf("got %s, %v", got, err)
	}
}
