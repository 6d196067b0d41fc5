// Command demo-app is something to watch: it counts its requests, and makes as many noisy series as it is told.
//
//	/         answers ok and counts the request; any other path is counted as a 404
//	/metrics  demo_requests_total by code and, with -series N, N series demo_noise
//	/healthz  answers ok, uncounted
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// lastWord is how long a request may still take once the program is told to end; Kubernetes kills after 30 s.
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
		fmt.Fprintf(os.Stderr, "demo-app: %v\n", err)
		stop()
		os.Exit(1)
	}
}

// command serves until ctx ends.
func command(ctx context.Context, args []string) error {
	var address string
	var series int
	flags := flag.NewFlagSet("demo-app", flag.ContinueOnError)
	flags.StringVar(&address, "listen", ":8080", "address to listen on")
	flags.IntVar(&series, "series", 0, "number of series demo_noise, each with another random value at every scrape")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if series < 0 || series > maxSeries {
		return fmt.Errorf("-series %d: want 0 to %d", series, maxSeries)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	slog.Info("demo-app listens", "version", version, "address", listener.Addr().String(), "series", series)
	return serve(ctx, listener, newApp(series))
}

// serve answers on listener until ctx ends, and lets running requests finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeader}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	slog.Info("demo-app ends")
	last, cancel := context.WithTimeout(context.Background(), lastWord)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("requests cut off after %s: %w", lastWord, err)
	}
	return nil
}
