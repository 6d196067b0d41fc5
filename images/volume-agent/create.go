package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"promdrill.example/volume-agent/volume"
)

const (
	// askFor is how long the settings of a new volume are asked for before its creation fails.
	askFor   = 15 * time.Second
	askEvery = 500 * time.Millisecond
)

// create makes the volume that the provisioner's helper pod was started for. The provisioner passes a folder and a size;
// all else is read from the claim that the folder's name tells, and from its class. A failure is told on the claim,
// because the provisioner itself only ever reports that its helper took too long.
func create(ctx context.Context, target volume.Volume, node volume.Node, sizeBytes int64) error {
	config, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		slog.Info("no cluster around: default settings")
		return target.Create(ctx, node, volume.Wish{SizeBytes: sizeBytes, Filesystem: volume.Auto})
	}
	if err != nil {
		return err
	}
	connected, err := connect(config)
	if err != nil {
		return err
	}
	claim, wish, err := ask(ctx, connected, filepath.Base(target.Folder), sizeBytes)
	if err == nil {
		err = target.Create(ctx, node, wish)
	}
	if err != nil && claim.UID != "" {
		failed := eventAbout(claim, corev1.EventTypeWarning, "VolumeCreateFailed", err.Error(), "")
		err = errors.Join(err, connected.PutEvent(ctx, failed))
	}
	return err
}

// ask reads claim and class. The claim is empty when the name tells none or it is gone.
func ask(ctx context.Context, from cluster, name string, sizeBytes int64) (*corev1.PersistentVolumeClaim, volume.Wish, error) {
	claim := &corev1.PersistentVolumeClaim{}
	var wish volume.Wish
	var last error
	err := wait.PollUntilContextTimeout(ctx, askEvery, askFor, true, func(ctx context.Context) (bool, error) {
		if namespace, claimName, told := claimOf(name); told {
			read, err := from.Claim(ctx, namespace, claimName)
			if last = err; err != nil {
				return false, nil
			}
			if read != nil {
				claim = read
			}
		}
		className := ""
		if claim.Spec.StorageClassName != nil {
			className = *claim.Spec.StorageClassName
		}
		class, err := from.Class(ctx, className)
		if last = err; err != nil {
			return false, nil
		}
		wish, err = wishFor(claim, class, sizeBytes)
		return true, err
	})
	if wait.Interrupted(err) && last != nil {
		err = fmt.Errorf("read the volume's settings: %w", last)
	}
	return claim, wish, err
}

// claimOf reads the provisioner's naming of folders, PV_NAMESPACE_CLAIM; none of the three can hold an underscore.
func claimOf(name string) (namespace, claim string, told bool) {
	parts := strings.Split(name, "_")
	if len(parts) != 3 {
		return "", "", false
	}
	return parts[1], parts[2], true
}
