package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"promdrill.example/volume-agent/volume"
)

// nodeRootVariable names where the node's root is in a helper pod, whose arguments are the provisioner's alone.
const nodeRootVariable = "NODE_ROOT"

// task is what a helper pod is started for.
type task struct {
	action    string // create or delete
	target    volume.Volume
	sizeBytes int64
}

// parseTask reads the provisioner's flags: -p folder, -s bytes, -m volume mode, -a action.
func parseTask(args []string) (task, error) {
	var asked task
	var folder, mode string
	flags := flag.NewFlagSet("volume-agent", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&asked.action, "a", "", "")
	flags.StringVar(&folder, "p", "", "")
	flags.StringVar(&mode, "m", "", "")
	flags.Int64Var(&asked.sizeBytes, "s", 0, "")
	err := flags.Parse(args)
	switch {
	case err != nil:
		return task{}, fmt.Errorf("%w: %w", err, errUsage)
	case flags.NArg() > 0 || (asked.action != "create" && asked.action != "delete"):
		return task{}, errUsage
	case mode != "" && mode != "Filesystem":
		return task{}, fmt.Errorf("volume mode %q: only Filesystem can be made", mode)
	}
	asked.target, err = volume.At(folder)
	return asked, err
}

func (t task) do(ctx context.Context) error {
	if t.action == "create" {
		return create(ctx, t.target, volume.Node{Root: cmp.Or(os.Getenv(nodeRootVariable), "/")}, t.sizeBytes)
	}
	return t.target.Delete(ctx)
}
