package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	"promdrill.example/volume-agent/volume"
)

const (
	// firstRetry and lastRetry bound the pause after a failed growth; it doubles in between. CSI's resizer: 1 s and 5 min.
	firstRetry = 1 * time.Second
	lastRetry  = 5 * time.Minute
	// requestsPerS is far above need and keeps a whole book of parallel drills off client-go's default of 5.
	requestsPerS = 50
)

// growing makes the volume mounted at a folder at least that large.
type growing func(folder string, sizeBytes int64) error

// options are the agent's place in the world.
type options struct {
	root   string // folder of the volumes
	node   string // name of this node
	listen string // address of /readyz
}

// serve grows volumes by grow until ctx ends.
func serve(ctx context.Context, config *rest.Config, opts options, grow growing) error {
	config.QPS, config.Burst = requestsPerS, 2*requestsPerS
	connected, err := connect(config)
	if err != nil {
		return err
	}
	hostname, err := hostnameOf(ctx, connected, opts.node)
	if err != nil {
		return err
	}
	tell := teller(ctx, connected, opts.node)
	worker := &resizer{cluster: connected, grow: grow, tell: tell, now: time.Now, root: opts.root, hostname: hostname}
	queue := newQueue()
	watches, err := newWatches(connected, queue, tell)
	if err != nil {
		return err
	}
	watches.run(ctx)
	ready := listen(opts.listen, watches.synced)
	defer ready.Close()
	if !cache.WaitForCacheSync(ctx.Done(), watches.synced) {
		return nil
	}
	slog.Info("ready", "node", opts.node, "root", opts.root)
	go func() { <-ctx.Done(); queue.ShutDown() }()
	for work(ctx, worker, queue) {
	}
	return nil
}

func growFolder(folder string, sizeBytes int64) error {
	target, err := volume.At(folder)
	if err != nil {
		return err
	}
	return target.Grow(sizeBytes)
}

// hostnameOf is the label by which volumes name their node; it asks until the API server answers.
func hostnameOf(ctx context.Context, from *api, node string) (string, error) {
	var hostname string
	err := wait.PollUntilContextCancel(ctx, firstRetry, true, func(ctx context.Context) (bool, error) {
		object, err := from.Node(ctx, node)
		if err != nil {
			slog.Warn("read this node", "error", err)
			return false, nil
		}
		hostname = object.Labels[corev1.LabelHostname]
		return hostname != "", nil
	})
	if err != nil {
		return "", fmt.Errorf("hostname label of node %q: %w", node, err)
	}
	return hostname, nil
}

func newQueue() workqueue.TypedRateLimitingInterface[cache.ObjectName] {
	return workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](firstRetry, lastRetry))
}

// work handles one claim; false when the queue is closed.
func work(ctx context.Context, worker *resizer, queue workqueue.TypedRateLimitingInterface[cache.ObjectName]) bool {
	key, closed := queue.Get()
	if closed {
		return false
	}
	defer queue.Done(key)
	again, err := worker.reconcile(ctx, key.Namespace, key.Name)
	switch {
	case err != nil:
		slog.Error("will be tried again", "claim", key.String(), "error", err)
		queue.AddRateLimited(key)
	case again > 0:
		queue.Forget(key)
		queue.AddAfter(key, again)
	default:
		queue.Forget(key)
	}
	return true
}

// listen answers /readyz with 200 once every watch has listed.
func listen(address string, ready func() bool) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(answer http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(answer, "not yet", http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("readiness cannot be asked", "error", err)
		}
	}()
	return server
}
