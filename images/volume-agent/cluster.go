package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	typedstoragev1 "k8s.io/client-go/kubernetes/typed/storage/v1"
	"k8s.io/client-go/rest"
)

// api is the cluster as the API server knows it.
type api struct {
	core    *typedcorev1.CoreV1Client
	storage *typedstoragev1.StorageV1Client
}

func connect(config *rest.Config) (*api, error) {
	core, err := typedcorev1.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	storage, err := typedstoragev1.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &api{core: core, storage: storage}, nil
}

func (a *api) Claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error) {
	return found(a.core.PersistentVolumeClaims(namespace).Get(ctx, name, metav1.GetOptions{}))
}

func (a *api) Volume(ctx context.Context, name string) (*corev1.PersistentVolume, error) {
	return found(a.core.PersistentVolumes().Get(ctx, name, metav1.GetOptions{}))
}

func (a *api) Class(ctx context.Context, name string) (*storagev1.StorageClass, error) {
	if name == "" {
		return nil, nil
	}
	return found(a.storage.StorageClasses().Get(ctx, name, metav1.GetOptions{}))
}

func (a *api) PatchVolume(ctx context.Context, name string, patch []byte) error {
	_, err := a.core.PersistentVolumes().Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: agentName})
	return err
}

func (a *api) PatchClaimStatus(ctx context.Context, namespace, name string, patch []byte) (*corev1.PersistentVolumeClaim, error) {
	options := metav1.PatchOptions{FieldManager: agentName}
	return a.core.PersistentVolumeClaims(namespace).Patch(ctx, name, types.MergePatchType, patch, options, "status")
}

// found turns "does not exist" into nil.
func found[T any](object *T, err error) (*T, error) {
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return object, nil
}
