// Command configmap-reload asks webhooks to reload whenever the kubelet has put another version of a ConfigMap or Secret
// into a folder. It takes the options of github.com/jimmidyson/configmap-reload, whose place it takes where that program
// cannot be had.
//
//	configmap-reload --volume-dir=FOLDER --webhook-url=URL ...
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	// lastWord is how long a scrape may still take once the program is told to end.
	lastWord = 5 * time.Second
	// readHeader bounds a client that sends nothing.
	readHeader = 5 * time.Second
)

// version is set by the linker.
var version = "unstamped"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := command(ctx, os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "configmap-reload: %v\n", err)
		stop()
		os.Exit(1)
	}
}

// settings are what the options say.
type settings struct {
	folders  list
	webhooks list
	method   string
	status   int
	tries    int
	address  string
	path     string
}

// list is an option that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

// parse reads the options; show is set for --version.
func parse(args []string) (found settings, show bool, err error) {
	flags := flag.NewFlagSet("configmap-reload", flag.ContinueOnError)
	flags.Var(&found.folders, "volume-dir", "`folder` to watch; may be given several times")
	flags.Var(&found.webhooks, "webhook-url", "`URL` to call after a change; may be given several times")
	flags.StringVar(&found.method, "webhook-method", http.MethodPost, "HTTP method of the calls")
	flags.IntVar(&found.status, "webhook-status-code", http.StatusOK, "HTTP status that means success")
	flags.IntVar(&found.tries, "webhook-retries", 1, "most calls for one change; negative for no limit")
	flags.StringVar(&found.address, "web.listen-address", ":9533", "address to serve metrics on")
	flags.StringVar(&found.path, "web.telemetry-path", "/metrics", "path of the metrics")
	flags.BoolVar(&show, "version", false, "print the version")
	if err := flags.Parse(args); err != nil || show {
		return found, show, err
	}
	return found, false, found.check(flags.Args())
}

func (s settings) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case len(s.folders) == 0:
		return errors.New("--volume-dir is missing")
	case len(s.webhooks) == 0:
		return errors.New("--webhook-url is missing")
	case !strings.HasPrefix(s.path, "/"):
		return fmt.Errorf("--web.telemetry-path %q: want a path that begins with /", s.path)
	}
	for _, webhook := range s.webhooks {
		if parsed, err := url.Parse(webhook); err != nil || parsed.Host == "" {
			return fmt.Errorf("--webhook-url %q is not a URL", webhook)
		}
	}
	return nil
}

// command watches and serves until ctx ends.
func command(ctx context.Context, args []string) error {
	asked, show, err := parse(args)
	if err != nil {
		return err
	}
	if show {
		fmt.Printf("configmap-reload, version %s\n", version)
		return nil
	}
	watcher, err := watch(asked.folders)
	if err != nil {
		return err
	}
	defer watcher.Close()
	listener, err := net.Listen("tcp", asked.address)
	if err != nil {
		return err
	}
	counted := newMetrics(asked.webhooks)
	slog.Info("configmap-reload watches", "version", version, "folders", asked.folders.String(), "address", listener.Addr())
	calls := newCaller(asked, counted)
	ctx, end := context.WithCancelCause(ctx)
	go func() { end(serve(ctx, listener, asked.path, counted)) }()
	follow(ctx, watcher, counted, calls.all)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// serve answers scrapes on listener until ctx ends.
func serve(ctx context.Context, listener net.Listener, path string, counted *metrics) error {
	mux := http.NewServeMux()
	mux.Handle(path, counted)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: readHeader}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	return server.Shutdown(last)
}
