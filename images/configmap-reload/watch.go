package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// current is the link that the kubelet renames into place once all files of a new version are there.
const current = "..data"

// watch begins to watch folders; what changed before it returns is not seen.
func watch(folders []string) (*fsnotify.Watcher, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		if err := watcher.Add(folder); err != nil {
			watcher.Close()
			return nil, fmt.Errorf("--volume-dir %s: %w", folder, err)
		}
	}
	return watcher, nil
}

// follow calls reload after each new version in a watched folder, until ctx ends.
func follow(ctx context.Context, watcher *fsnotify.Watcher, counted *metrics, reload func(context.Context)) {
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-watcher.Events:
			if event.Has(fsnotify.Create) && filepath.Base(event.Name) == current {
				slog.Info("new version", "folder", filepath.Dir(event.Name))
				reload(ctx)
			}
		case err := <-watcher.Errors:
			slog.Error("watching failed", "error", err)
			counted.watcherErrors.Add(1)
		}
	}
}
