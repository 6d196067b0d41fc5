package volume

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOnLoopDevices makes, fills, grows and deletes real volumes. It needs root, loop devices, xfsprogs and e2fsprogs,
// so it is asked for: PROMDRILL_LOOP_TESTS=1 go test ./volume
func TestOnLoopDevices(t *testing.T) {
	if os.Getenv("PROMDRILL_LOOP_TESTS") != "1" {
		t.Skip("set PROMDRILL_LOOP_TESTS=1 as root")
	}
	const mib = 1 << 20
	for _, check := range []struct {
		name  string
		wish  Wish
		grows bool
	}{
		{"xfs", Wish{SizeBytes: 320 * mib, Filesystem: XFS}, true},
		{"small xfs", Wish{SizeBytes: 32 * mib, Filesystem: XFS}, true},
		{"xfs with few inodes", Wish{SizeBytes: 320 * mib, Filesystem: XFS, MkfsOptions: []string{"-i", "maxpct=1"}}, true},
		{"ext4", Wish{SizeBytes: 32*mib + 1, Filesystem: Ext4}, canGrowExt4()},
		{"auto", Wish{SizeBytes: 64 * mib, Filesystem: Auto}, true},
	} {
		t.Run(check.name, func(t *testing.T) { lifeOfAVolume(t, check.wish, check.grows) })
	}
}

func lifeOfAVolume(t *testing.T, wish Wish, grows bool) {
	ctx := context.Background()
	v := newVolume(t)
	var both sync.WaitGroup
	for range 2 { // two helpers at once make one volume
		both.Go(func() {
			if err := v.Create(ctx, wish); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	before := capacityBytes(t, v.Folder)
	if before <= 0 || before > wholeBlocks(wish.SizeBytes) {
		t.Fatalf("%d bytes can be stored in a volume of %d", before, wish.SizeBytes)
	}
	full := filepath.Join(v.Folder, "full")
	if err := fill(full); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("filled: %v", err)
	}
	if err := v.Create(ctx, wish); err != nil {
		t.Fatalf("create what is there: %v", err)
	}
	err := v.Grow(ctx, 2*wish.SizeBytes)
	if !grows {
		if err == nil || !strings.Contains(err.Error(), "CAP_SYS_RESOURCE") {
			t.Fatalf("grew without the capability: %v", err)
		}
		wantDeleted(t, v)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	after := capacityBytes(t, v.Folder)
	if after < before+wish.SizeBytes/2 {
		t.Errorf("grown from %d to %d", before, after)
	}
	for _, smaller := range []int64{2 * wish.SizeBytes, wish.SizeBytes} {
		if err := v.Grow(ctx, smaller); err != nil || capacityBytes(t, v.Folder) != after {
			t.Errorf("grow to %d: %v, %d", smaller, err, capacityBytes(t, v.Folder))
		}
	}
	if err := os.WriteFile(filepath.Join(v.Folder, "more"), make([]byte, 1<<20), 0o600); err != nil {
		t.Errorf("write after growth: %v", err)
	}
	wantDeleted(t, v)
}

// TestMountsAgain stands for a restart of the node: the image is there, the mount is not.
func TestMountsAgain(t *testing.T) {
	if os.Getenv("PROMDRILL_LOOP_TESTS") != "1" {
		t.Skip("set PROMDRILL_LOOP_TESTS=1 as root")
	}
	v := newVolume(t)
	wish := Wish{SizeBytes: 32 << 20, Filesystem: Auto}
	if err := v.Create(context.Background(), wish); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(v.Folder, "kept")
	if err := os.WriteFile(kept, []byte("here"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := v.unmount(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("unmounted, and yet: %v", err)
	}
	if err := v.Grow(context.Background(), 64<<20); err == nil {
		t.Error("grew what is not mounted")
	}
	if err := v.Create(context.Background(), wish); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(kept); err != nil || string(content) != "here" {
		t.Errorf("got %q, %v", content, err)
	}
	wantDeleted(t, v)
}

func TestDeleteWaitsForTheLastUser(t *testing.T) {
	if os.Getenv("PROMDRILL_LOOP_TESTS") != "1" {
		t.Skip("set PROMDRILL_LOOP_TESTS=1 as root")
	}
	v := newVolume(t)
	if err := v.Create(context.Background(), Wish{SizeBytes: 32 << 20, Filesystem: Auto}); err != nil {
		t.Fatal(err)
	}
	user, err := os.Create(filepath.Join(v.Folder, "open"))
	if err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithTimeout(context.Background(), 2*unmountEvery)
	defer cancel()
	if err := v.Delete(impatient); err == nil || !strings.Contains(err.Error(), "still in use") {
		t.Errorf("deleted under its user: %v", err)
	}
	time.AfterFunc(unmountEvery, func() { user.Close() })
	wantDeleted(t, v)
}

func newVolume(t *testing.T) Volume {
	t.Helper()
	v, err := At(filepath.Join(t.TempDir(), "pvc-1_drill_data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Delete(context.Background()); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return v
}

func wantDeleted(t *testing.T, v Volume) {
	t.Helper()
	var image unix.Stat_t
	if err := unix.Stat(v.image, &image); err != nil {
		t.Fatal(err)
	}
	backing, err := os.Open(v.image)
	if err != nil {
		t.Fatal(err)
	}
	defer backing.Close()
	for range 2 { // the second finds nothing to do
		if err := v.Delete(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{v.Folder, v.image} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	// The kernel lets go of a device a moment after its last user.
	for range 50 {
		device, err := attached(backing)
		if err != nil {
			t.Fatal(err)
		}
		if device == nil {
			return
		}
		device.Close()
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("a loop device is left over")
}

func capacityBytes(t *testing.T, folder string) int64 {
	t.Helper()
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		t.Fatal(err)
	}
	return int64(disk.Blocks) * disk.Bsize
}

func fill(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for chunk := make([]byte, 1<<20); ; {
		if _, err := file.Write(chunk); err != nil {
			return err
		}
	}
}
