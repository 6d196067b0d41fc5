package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
)

// kinds are the two groups that the agent reads. client-go's own scheme and typed clients know every group there is, and
// take most of the time that it then takes to compile the agent.
var kinds = func() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(scheme))
	utilruntime.Must(storagev1.AddToScheme(scheme))
	return scheme
}()

// api is the cluster as the API server knows it.
type api struct {
	core    rest.Interface
	storage rest.Interface
}

func connect(config *rest.Config) (*api, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	group := func(path string, version schema.GroupVersion) (rest.Interface, error) {
		of := rest.CopyConfig(config)
		of.APIPath, of.GroupVersion = path, &version
		of.NegotiatedSerializer = serializer.NewCodecFactory(kinds).WithoutConversion()
		return rest.RESTClientForConfigAndClient(of, client)
	}
	core, err := group("/api", corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	storage, err := group("/apis", storagev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	return &api{core: core, storage: storage}, nil
}

func (a *api) Claim(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error) {
	claim := &corev1.PersistentVolumeClaim{}
	return found(claim, a.core.Get().Namespace(namespace).Resource("persistentvolumeclaims").Name(name).Do(ctx).Into(claim))
}

func (a *api) Volume(ctx context.Context, name string) (*corev1.PersistentVolume, error) {
	volume := &corev1.PersistentVolume{}
	return found(volume, a.core.Get().Resource("persistentvolumes").Name(name).Do(ctx).Into(volume))
}

func (a *api) Class(ctx context.Context, name string) (*storagev1.StorageClass, error) {
	if name == "" {
		return nil, nil
	}
	class := &storagev1.StorageClass{}
	return found(class, a.storage.Get().Resource("storageclasses").Name(name).Do(ctx).Into(class))
}

func (a *api) Node(ctx context.Context, name string) (*corev1.Node, error) {
	node := &corev1.Node{}
	err := a.core.Get().Resource("nodes").Name(name).Do(ctx).Into(node)
	return node, err
}

func (a *api) PatchVolume(ctx context.Context, name string, patch []byte) error {
	return a.core.Patch(types.MergePatchType).Resource("persistentvolumes").Name(name).
		VersionedParams(&metav1.PatchOptions{FieldManager: agentName}, metav1.ParameterCodec).Body(patch).Do(ctx).Error()
}

func (a *api) PatchClaimStatus(ctx context.Context, namespace, name string, patch []byte) (*corev1.PersistentVolumeClaim, error) {
	claim := &corev1.PersistentVolumeClaim{}
	err := a.core.Patch(types.MergePatchType).Namespace(namespace).Resource("persistentvolumeclaims").Name(name).
		SubResource("status").VersionedParams(&metav1.PatchOptions{FieldManager: agentName}, metav1.ParameterCodec).
		Body(patch).Do(ctx).Into(claim)
	return claim, err
}

// PutEvent writes an event.
func (a *api) PutEvent(ctx context.Context, event *corev1.Event) error {
	return a.core.Post().Namespace(event.Namespace).Resource("events").Body(event).Do(ctx).Error()
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
