package main

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestDecide(t *testing.T) {
	allowing := classThat(true, nil)
	cooling := classThat(true, map[string]string{cooldownKey: "6h"})
	edit := func(change func(*corev1.PersistentVolumeClaim, *corev1.PersistentVolume)) (*corev1.PersistentVolumeClaim, *corev1.PersistentVolume) {
		claim, pv := claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi")
		change(claim, pv)
		return claim, pv
	}
	deleted, ofDeleted := edit(func(c *corev1.PersistentVolumeClaim, _ *corev1.PersistentVolume) {
		c.DeletionTimestamp = &metav1.Time{Time: noon}
	})
	pending, ofPending := edit(func(c *corev1.PersistentVolumeClaim, _ *corev1.PersistentVolume) {
		c.Status.Phase = corev1.ClaimPending
	})
	other, ofOther := edit(func(_ *corev1.PersistentVolumeClaim, v *corev1.PersistentVolume) { v.Spec.ClaimRef.UID = "uid-2" })
	foreign, ofForeign := edit(func(_ *corev1.PersistentVolumeClaim, v *corev1.PersistentVolume) {
		v.Annotations[provisionedByKey] = "ebs.csi.aws.com"
	})
	manual, ofManual := edit(func(_ *corev1.PersistentVolumeClaim, v *corev1.PersistentVolume) { v.Annotations = nil })

	for _, check := range []struct {
		name    string
		claim   *corev1.PersistentVolumeClaim
		volume  *corev1.PersistentVolume
		class   *storagev1.StorageClass
		want    Action
		size    string
		why     string
		retryAt time.Time
	}{
		{"as large as asked", claimOfSize("1Gi", "1Gi"), volumeOfSize("1Gi"), allowing, Ignore, "", "", time.Time{}},
		{"same size in other words", claimOfSize("1024Mi", "1Gi"), volumeOfSize("1Gi"), allowing, Ignore, "", "", time.Time{}},
		{"asked for less than bound", claimOfSize("1Gi", "2Gi"), volumeOfSize("2Gi"), allowing, Ignore, "", "", time.Time{}},
		{"deleted", deleted, ofDeleted, allowing, Ignore, "", "", time.Time{}},
		{"not bound", pending, ofPending, allowing, Ignore, "", "", time.Time{}},
		{"volume of another claim", other, ofOther, allowing, Ignore, "", "", time.Time{}},
		{"another provisioner's", foreign, ofForeign, allowing, Ignore, "", "", time.Time{}},
		{"made by hand", manual, ofManual, allowing, Ignore, "", "", time.Time{}},

		{"grows", claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi"), allowing, Grow, "2Gi", "", time.Time{}},
		{"grows by one byte", claimOfSize("1073741825", "1Gi"), volumeOfSize("1Gi"), allowing, Grow, "1073741825", "", time.Time{}},
		{"first change is free", claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi"), cooling, Grow, "2Gi", "", time.Time{}},
		{"cooled down to the second", claimOfSize("3Gi", "2Gi"), modifiedAt(volumeOfSize("2Gi"), "2026-03-01T06:00:00Z"), cooling, Grow, "3Gi", "", time.Time{}},
		{"no rule in the class", claimOfSize("3Gi", "2Gi"), modifiedAt(volumeOfSize("2Gi"), "2026-03-01T11:59:59Z"), allowing, Grow, "3Gi", "", time.Time{}},
		{
			"too soon", claimOfSize("3Gi", "2Gi"), modifiedAt(volumeOfSize("2Gi"), "2026-03-01T06:00:01Z"), cooling, Refuse, "",
			`modification rate exceeded: the volume was last modified at 2026-03-01T06:00:01Z and StorageClass "fast" asks for 6h0m0s` +
				` between modifications; the next change is allowed at 2026-03-01T12:00:01Z and will be made then`,
			noon.Add(time.Second),
		},
		{"class forbids", claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi"), classThat(false, nil), Refuse, "", `"fast" does not allow volume expansion`, time.Time{}},
		{"class says nothing", claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi"), &storagev1.StorageClass{}, Refuse, "", "does not allow", time.Time{}},
		{"class is gone", claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi"), nil, Refuse, "", `StorageClass "fast" does not exist`, time.Time{}},
		{"unreadable rule", claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi"), classThat(true, map[string]string{cooldownKey: "6 hours"}), Refuse, "", `"6 hours" is not a duration`, time.Time{}},
		{"negative rule", claimOfSize("2Gi", "1Gi"), volumeOfSize("1Gi"), classThat(true, map[string]string{cooldownKey: "-1h"}), Refuse, "", "is not a duration", time.Time{}},
		{"unreadable time", claimOfSize("2Gi", "1Gi"), modifiedAt(volumeOfSize("1Gi"), "noon"), cooling, Refuse, "", `"noon" is not a time`, time.Time{}},

		{"volume grown, claim not told", claimOfSize("2Gi", "1Gi"), volumeOfSize("2Gi"), allowing, Finish, "2Gi", "", time.Time{}},
		{"asked back while growing", claimOfSize("1500Mi", "1Gi"), volumeOfSize("2Gi"), allowing, Finish, "2Gi", "", time.Time{}},
		{"told, condition left over", claimOfSize("2Gi", "2Gi", condition(corev1.PersistentVolumeClaimResizing, "")), volumeOfSize("2Gi"), allowing, Finish, "2Gi", "", time.Time{}},
		{"another's condition", claimOfSize("2Gi", "2Gi", condition("ModifyingVolume", "")), volumeOfSize("2Gi"), allowing, Ignore, "", "", time.Time{}},
	} {
		t.Run(check.name, func(t *testing.T) {
			got := decide(check.claim, check.volume, check.class, noon)
			if got.Action != check.want || !strings.Contains(got.Why, check.why) || !got.RetryAt.Equal(check.retryAt) {
				t.Fatalf("got %+v, want %s %q, retry at %v", got, check.want, check.why, check.retryAt)
			}
			if check.size != "" && got.Size.String() != check.size {
				t.Errorf("got size %s, want %s", got.Size.String(), check.size)
			}
		})
	}
}

func TestShrinks(t *testing.T) {
	for _, check := range []struct {
		before, after, has string
		want               bool
	}{
		{"2Gi", "1500Mi", "2Gi", true},
		{"3Gi", "2Gi", "1Gi", false}, // takes back a growth that was not made
		{"3Gi", "2Gi", "2Gi", false},
		{"1Gi", "2Gi", "3Gi", false}, // asks for more than before
		{"1Gi", "1Gi", "2Gi", false}, // bound to a larger volume from the start
	} {
		if got := shrinks(claimOfSize(check.before, "1Gi"), claimOfSize(check.after, "1Gi"), volumeOfSize(check.has)); got != check.want {
			t.Errorf("%s to %s with a volume of %s: got %v", check.before, check.after, check.has, got)
		}
	}
}

func TestFolderOnNode(t *testing.T) {
	elsewhere := volumeOfSize("1Gi")
	elsewhere.Spec.Local.Path = "/mnt/disk/pvc-1"
	anywhere := volumeOfSize("1Gi")
	anywhere.Spec.NodeAffinity = nil
	hostPath := volumeOfSize("1Gi")
	hostPath.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: testFolder}}
	for _, check := range []struct {
		name     string
		volume   *corev1.PersistentVolume
		hostname string
		want     string
	}{
		{"ours", volumeOfSize("1Gi"), testNode, testFolder},
		{"hostPath", hostPath, testNode, testFolder},
		{"another node's", volumeOfSize("1Gi"), "node-2", ""},
		{"another folder", elsewhere, testNode, ""},
		{"no node", anywhere, testNode, ""},
	} {
		if got := folderOnNode(check.volume, testRoot, check.hostname); got != check.want {
			t.Errorf("%s: got %q, want %q", check.name, got, check.want)
		}
	}
}
