// Command volume-agent makes, grows and deletes volumes of a real size for rancher/local-path-provisioner.
//
//	volume-agent create FOLDER BYTES   in the provisioner's helper pod: image file, file system, mount
//	volume-agent delete FOLDER         in the provisioner's helper pod: the reverse
//	volume-agent run                   as a DaemonSet: grow mounted volumes when their claims ask for more
//	volume-agent version
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"k8s.io/client-go/rest"

	"promdrill.example/volume-agent/volume"
)

// agentName is the source of events and the manager of fields.
const agentName = "volume-agent"

// version is set by the linker.
var version = "unstamped"

var errUsage = errors.New("usage: volume-agent create FOLDER BYTES | delete FOLDER | run [-root FOLDER] [-listen ADDRESS] | version")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "volume-agent: %v\n", err)
		stop()
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	name, words := "", args
	if len(args) > 0 {
		name, words = args[0], args[1:]
	}
	switch {
	case name == "create" && len(words) == 2:
		sizeBytes, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return fmt.Errorf("size %q: want bytes: %w", words[1], errUsage)
		}
		return create(ctx, words[0], sizeBytes)
	case name == "delete" && len(words) == 1:
		target, err := volume.At(words[0])
		if err != nil {
			return err
		}
		return target.Delete(ctx)
	case name == "run":
		return runAgent(ctx, words)
	case name == "version" && len(words) == 0:
		fmt.Println(version)
		return nil
	}
	return errUsage
}

func runAgent(ctx context.Context, args []string) error {
	opts := options{node: os.Getenv("NODE_NAME")}
	flags := flag.NewFlagSet("volume-agent run", flag.ContinueOnError)
	flags.StringVar(&opts.root, "root", "/var/local-path-provisioner", "folder of the volumes, as the provisioner's nodePathMap has it")
	flags.StringVar(&opts.listen, "listen", ":9808", "address of /readyz")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if opts.node == "" {
		return errors.New("NODE_NAME is empty: set it from spec.nodeName")
	}
	slog.Info("volume-agent starts", "version", version)
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	return serve(ctx, config, opts, growFolder)
}
