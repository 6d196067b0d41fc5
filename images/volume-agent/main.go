// Command volume-agent makes, grows and deletes volumes of a real size for rancher/local-path-provisioner.
//
//	volume-agent -a create -p FOLDER -s BYTES   in the provisioner's helper pod: image file, file system, mount
//	volume-agent -a delete -p FOLDER            in the provisioner's helper pod: the reverse
//	volume-agent run                            as a DaemonSet: grow mounted volumes when their claims ask for more
//	volume-agent version
//
// The flags are those that the provisioner gives to the setupCommand and teardownCommand of its configuration, so that no
// shell and no script stand in between and the image holds this program alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"k8s.io/client-go/rest"
)

// agentName is the source of events and the manager of fields.
const agentName = "volume-agent"

// version is set by the linker.
var version = "unstamped"

var errUsage = errors.New(
	"usage: volume-agent -a create|delete -p FOLDER [-s BYTES] [-m Filesystem] | run [-root FOLDER] [-listen ADDRESS] | version")

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
	switch {
	case len(args) > 0 && strings.HasPrefix(args[0], "-"):
		asked, err := parseTask(args)
		if err != nil {
			return err
		}
		return asked.do(ctx)
	case len(args) > 0 && args[0] == "run":
		return runAgent(ctx, args[1:])
	case len(args) == 1 && args[0] == "version":
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
