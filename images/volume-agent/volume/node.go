package volume

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// programFolders are where a distribution puts mkfs, in the order in which they are looked through.
var programFolders = []string{"/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// Node is where programs are taken from: this image has none.
type Node struct {
	// Root is the folder that is the node's root: "/" on the node itself, /proc/1/root in a pod with hostPID. Images
	// must have the same path below it as here.
	Root string
}

// has reports whether the node has the program.
func (n Node) has(program string) bool {
	return n.path(program) != ""
}

// path is the program's place below the node's root, "" when it has none. Lstat, because an absolute link below the
// node's root means another file from here.
func (n Node) path(program string) string {
	for _, folder := range programFolders {
		path := filepath.Join(folder, program)
		if _, err := os.Lstat(filepath.Join(n.Root, path)); err == nil {
			return path
		}
	}
	return ""
}

// run runs one of the node's programs, with the node's root as its own.
func (n Node) run(ctx context.Context, command []string) error {
	path := n.path(command[0])
	if path == "" {
		return fmt.Errorf("the node has no %s", command[0])
	}
	program := exec.CommandContext(ctx, path, command[1:]...)
	program.Args[0] = command[0]
	program.Dir = "/"
	program.Env = []string{"PATH=" + strings.Join(programFolders, ":"), "LC_ALL=C"}
	if n.Root != "/" {
		program.SysProcAttr = &syscall.SysProcAttr{Chroot: n.Root}
	}
	output, err := program.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
