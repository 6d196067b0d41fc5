package volume

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNodeProgramsAreSoughtBelowItsRoot(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "usr/sbin"), 0o755); err != nil {
		t.Fatal(err)
	}
	// As Debian has it, and dangling from here, as an absolute link of another root is.
	if err := os.Symlink("/nowhere/mke2fs", filepath.Join(root, "usr/sbin/mkfs.ext4")); err != nil {
		t.Fatal(err)
	}
	node := Node{Root: root}
	if got := node.path("mkfs.ext4"); got != "/usr/sbin/mkfs.ext4" {
		t.Errorf("got %q", got)
	}
	if !node.has("mkfs.ext4") || node.has("mkfs.xfs") {
		t.Error("mkfs.ext4 is there, mkfs.xfs is not")
	}
	if err := node.run(t.Context(), []string{"mkfs.xfs", "x.img"}); err == nil || !strings.Contains(err.Error(), "the node has no mkfs.xfs") {
		t.Errorf("got %v", err)
	}
}

func TestNodeProgramsRunInItsRootAndSayWhatFailed(t *testing.T) {
	if err := (Node{Root: "/"}).run(t.Context(), []string{"ls", "/"}); err != nil {
		t.Error(err)
	}
	err := (Node{Root: "/"}).run(t.Context(), []string{"ls", "/there/is/nothing"})
	if err == nil || !strings.Contains(err.Error(), "ls /there/is/nothing: exit status 2: ") || !strings.Contains(err.Error(), "No such file") {
		t.Errorf("got %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root changes its root")
	}
	// The same root by the name that a pod with hostPID has for it.
	if err := (Node{Root: "/proc/self/root"}).run(t.Context(), []string{"ls", "/"}); err != nil {
		t.Error(err)
	}
	if err := (Node{Root: t.TempDir()}).run(t.Context(), []string{"ls", "/"}); err == nil {
		t.Error("an empty root has an ls")
	}
}
