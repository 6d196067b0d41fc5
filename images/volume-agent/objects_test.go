package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	testRoot   = "/var/local-path-provisioner"
	testFolder = testRoot + "/pvc-1_drill_data"
	testNode   = "node-1"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func storage(size string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
}

// claimOfSize is a bound claim that asks for one size and states another.
func claimOfSize(asked, stated string, conditions ...corev1.PersistentVolumeClaimCondition) *corev1.PersistentVolumeClaim {
	class := "fast"
	return &corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "drill", Name: "data", UID: "uid-1", ResourceVersion: "1"},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName: "pvc-1", StorageClassName: &class,
			Resources: corev1.VolumeResourceRequirements{Requests: storage(asked)},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, Capacity: storage(stated), Conditions: conditions},
	}
}

func volumeOfSize(size string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolume"},
		ObjectMeta: metav1.ObjectMeta{
			Name: "pvc-1", ResourceVersion: "1", Annotations: map[string]string{provisionedByKey: provisionerName},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: storage(size), StorageClassName: "fast",
			ClaimRef:               &corev1.ObjectReference{Namespace: "drill", Name: "data", UID: "uid-1"},
			PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: testFolder}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{
					{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{testNode}},
				},
			}}}},
		},
	}
}

func modifiedAt(pv *corev1.PersistentVolume, at string) *corev1.PersistentVolume {
	pv.Annotations[lastModifiedKey] = at
	return pv
}

func classThat(allows bool, annotations map[string]string) *storagev1.StorageClass {
	return &storagev1.StorageClass{
		TypeMeta:             metav1.TypeMeta{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"},
		ObjectMeta:           metav1.ObjectMeta{Name: "fast", ResourceVersion: "1", Annotations: annotations},
		Provisioner:          provisionerName,
		AllowVolumeExpansion: &allows,
	}
}

func condition(kind corev1.PersistentVolumeClaimConditionType, text string) corev1.PersistentVolumeClaimCondition {
	return corev1.PersistentVolumeClaimCondition{Type: kind, Status: corev1.ConditionTrue, Message: text}
}
