// Command alert-receiver takes down what Alertmanager tells its receivers: one line of JSON on standard output for each
// notification, written before the notification is answered.
//
//	POST /<name of the receiver, escaped>  a webhook of Alertmanager, version 4
//	GET  /-/healthy                        answers ok
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// readHeader bounds a client that sends nothing.
	readHeader = 5 * time.Second
	// readAll bounds a client that does not end; Alertmanager is in the same pod.
	readAll = 30 * time.Second
)

// version is set by the linker.
var version = "unstamped"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := command(ctx, os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "alert-receiver: %v\n", err)
		stop()
		os.Exit(1)
	}
}

// command writes what it receives to out until ctx ends.
func command(ctx context.Context, args []string, out io.Writer) error {
	var address string
	var show bool
	flags := flag.NewFlagSet("alert-receiver", flag.ContinueOnError)
	flags.StringVar(&address, "listen", "127.0.0.1:9096", "address to listen on")
	flags.BoolVar(&show, "version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if show {
		_, err := fmt.Fprintln(out, version)
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	slog.Info("alert-receiver listens", "version", version, "address", listener.Addr().String())
	return serve(ctx, listener, &receiver{out: out, now: time.Now})
}

// serve answers on listener until ctx ends; running requests are cut off, and their notifications are sent again.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeader, ReadTimeout: readAll}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		slog.Info("alert-receiver ends")
		return server.Close()
	}
}
