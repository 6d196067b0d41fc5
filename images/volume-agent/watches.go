package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// resyncEvery looks at every claim again, in case something went past the watches.
const resyncEvery = 10 * time.Minute

// watches turn changes of claims, volumes and classes into claims to look at.
type watches struct {
	claims, volumes, classes cache.SharedIndexInformer
	queue                    workqueue.TypedRateLimitingInterface[cache.ObjectName]
	tell                     telling
}

func newWatches(from *api, queue workqueue.TypedRateLimitingInterface[cache.ObjectName], tell telling) (*watches, error) {
	informer := func(client cache.Getter, resource string, kind runtime.Object) cache.SharedIndexInformer {
		source := cache.NewListWatchFromClient(client, resource, metav1.NamespaceAll, fields.Everything())
		return cache.NewSharedIndexInformer(source, kind, resyncEvery, cache.Indexers{})
	}
	w := &watches{
		claims:  informer(from.core, "persistentvolumeclaims", &corev1.PersistentVolumeClaim{}),
		volumes: informer(from.core, "persistentvolumes", &corev1.PersistentVolume{}),
		classes: informer(from.storage, "storageclasses", &storagev1.StorageClass{}),
		queue:   queue,
		tell:    tell,
	}
	for _, watch := range []struct {
		informer cache.SharedIndexInformer
		handler  cache.ResourceEventHandler
	}{
		{w.claims, cache.ResourceEventHandlerFuncs{AddFunc: w.claimAdded, UpdateFunc: w.claimChanged}},
		{w.volumes, cache.ResourceEventHandlerFuncs{AddFunc: w.volumeAdded, UpdateFunc: w.volumeChanged}},
		{w.classes, cache.ResourceEventHandlerFuncs{AddFunc: w.classAdded, UpdateFunc: w.classChanged, DeleteFunc: w.classDeleted}},
	} {
		if _, err := watch.informer.AddEventHandler(watch.handler); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *watches) run(ctx context.Context) {
	for _, informer := range []cache.SharedIndexInformer{w.claims, w.volumes, w.classes} {
		go informer.Run(ctx.Done())
	}
}

func (w *watches) synced() bool {
	return w.claims.HasSynced() && w.volumes.HasSynced() && w.classes.HasSynced()
}

func (w *watches) claimAdded(object any) {
	if claim, ok := object.(*corev1.PersistentVolumeClaim); ok {
		w.queue.Add(cache.MetaObjectToName(claim))
	}
}

// claimChanged passes over what only changed in its conditions: the agent writes those itself, and would answer each
// failed growth with the next try at once.
func (w *watches) claimChanged(before, after any) {
	was, ok := before.(*corev1.PersistentVolumeClaim)
	is, also := after.(*corev1.PersistentVolumeClaim)
	if !ok || !also || !worthALook(was, is) {
		return
	}
	if pv, exists, err := w.volumes.GetStore().GetByKey(is.Spec.VolumeName); err == nil && exists {
		w.refuseShrinking(was, is, pv)
	}
	w.queue.Add(cache.MetaObjectToName(is))
}

func worthALook(was, is *corev1.PersistentVolumeClaim) bool {
	return was.ResourceVersion == is.ResourceVersion || // a resync
		was.UID != is.UID ||
		was.Status.Phase != is.Status.Phase ||
		!equality.Semantic.DeepEqual(was.Spec, is.Spec) ||
		!equality.Semantic.DeepEqual(was.Status.Capacity, is.Status.Capacity)
}

func (w *watches) refuseShrinking(was, is *corev1.PersistentVolumeClaim, object any) {
	pv, ok := object.(*corev1.PersistentVolume)
	if !ok || pv.Annotations[provisionedByKey] != provisionerName || !shrinks(was, is, pv) {
		return
	}
	less, has := asked(is), pv.Spec.Capacity[corev1.ResourceStorage]
	w.tell(is, corev1.EventTypeWarning, reasonFailed,
		failure(pv, fmt.Sprintf("it has %s and is never shrunk to %s", has.String(), less.String())))
}

func (w *watches) volumeAdded(object any) {
	if pv, ok := object.(*corev1.PersistentVolume); ok && pv.Spec.ClaimRef != nil {
		w.queue.Add(cache.NewObjectName(pv.Spec.ClaimRef.Namespace, pv.Spec.ClaimRef.Name))
	}
}

func (w *watches) volumeChanged(before, after any) {
	was, ok := before.(*corev1.PersistentVolume)
	is, also := after.(*corev1.PersistentVolume)
	if ok && also && (!equality.Semantic.DeepEqual(was.Spec, is.Spec) || was.Annotations[lastModifiedKey] != is.Annotations[lastModifiedKey]) {
		w.volumeAdded(is)
	}
}

func (w *watches) classAdded(object any) {
	if class, ok := object.(*storagev1.StorageClass); ok {
		w.classTouched(class.Name)
	}
}

func (w *watches) classChanged(before, after any) {
	was, ok := before.(*storagev1.StorageClass)
	is, also := after.(*storagev1.StorageClass)
	if ok && also && was.ResourceVersion != is.ResourceVersion {
		w.classTouched(is.Name)
	}
}

func (w *watches) classDeleted(object any) {
	if name, err := cache.DeletionHandlingObjectToName(object); err == nil {
		w.classTouched(name.Name)
	}
}

// classTouched looks again at every claim whose volume is of the class.
func (w *watches) classTouched(name string) {
	for _, object := range w.volumes.GetStore().List() {
		if pv, ok := object.(*corev1.PersistentVolume); ok && pv.Spec.StorageClassName == name {
			w.volumeAdded(pv)
		}
	}
}
