package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// requireVariable turns a test that this machine cannot run from skipped into failed: promdrill's small machine can.
const requireVariable = "PROMDRILL_LOOP_TESTS"

var host = Node{Root: "/"}

// TestOnLoopDevices makes, fills, grows and deletes real volumes.
func TestOnLoopDevices(t *testing.T) {
	const mib = 1 << 20
	for _, check := range []struct {
		name string
		wish Wish
		to   int64
	}{
		{"xfs", Wish{SizeBytes: 300 * mib, Filesystem: XFS}, 450 * mib},
		{"small xfs", Wish{SizeBytes: 32 * mib, Filesystem: XFS}, 64 * mib},
		{"ext4", Wish{SizeBytes: 300 * mib, Filesystem: Ext4}, 450 * mib},
		{"small ext4 with a part of a block", Wish{SizeBytes: 32*mib + 1, Filesystem: Ext4}, 64 * mib},
		{"ext4 with a last group too small", Wish{SizeBytes: 64 * mib, Filesystem: Ext4}, 96*mib + 128<<10},
		{"ext4 of large blocks", Wish{SizeBytes: 64 * mib, Filesystem: Ext4, MkfsOptions: []string{"-b", "4096"}}, 300 * mib},
		{"auto", Wish{SizeBytes: 64 * mib, Filesystem: Auto}, 80 * mib},
	} {
		t.Run(check.name, func(t *testing.T) { lifeOfAVolume(t, check.wish, check.to) })
	}
}

func lifeOfAVolume(t *testing.T, wish Wish, to int64) {
	v := newVolume(t, wish.Filesystem)
	var both sync.WaitGroup
	for range 2 { // two helpers at once make one volume
		both.Go(func() {
			if err := v.Create(t.Context(), host, wish); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	before := spaceOf(t, v)
	if before.bytes <= 0 || before.bytes > wholeBlocks(wish.SizeBytes) {
		t.Fatalf("%d bytes can be stored in a volume of %d", before.bytes, wish.SizeBytes)
	}
	if err := fill(filepath.Join(v.Folder, "full")); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("filled: %v", err)
	}
	full := spaceOf(t, v)
	t.Logf("%s of %s: %d KiB, %d inodes; full: %d KiB left", kindOf(t, v), inWords(wish.SizeBytes), before.bytes>>10, before.inodes, full.bytesLeft>>10)
	if full.bytesLeft > fullBytes {
		t.Errorf("full, with %d bytes left", full.bytesLeft)
	}
	// Why FillVolume of src/promdrill/faults uses up inodes too: without a byte ext4 still makes empty files, and xfs none.
	empty, err := os.Create(filepath.Join(v.Folder, "empty"))
	if wants := map[Filesystem]error{Ext4: nil, XFS: unix.ENOSPC}; !errors.Is(err, wants[kindOf(t, v)]) {
		t.Errorf("make an empty file on a full volume: %v", err)
	}
	empty.Close()
	if err := v.Create(t.Context(), host, wish); err != nil {
		t.Fatalf("create what is there: %v", err)
	}
	t.Run("grow", func(t *testing.T) {
		grown(t, v, to)
		after := spaceOf(t, v)
		t.Logf("grown to %s: %d KiB, %d inodes", inWords(to), after.bytes>>10, after.inodes)
		if after.bytes < before.bytes+(to-wish.SizeBytes)*3/4 {
			t.Errorf("grown from %d to %d", before.bytes, after.bytes)
		}
		for _, smaller := range []int64{to, wish.SizeBytes} {
			if err := v.Grow(smaller); err != nil || spaceOf(t, v) != after {
				t.Errorf("grow to %d: %v, %+v", smaller, err, spaceOf(t, v))
			}
		}
		if err := os.WriteFile(filepath.Join(v.Folder, "more"), make([]byte, 1<<20), 0o600); err != nil {
			t.Errorf("write after growth: %v", err)
		}
	})
	wantSound(t, v)
	wantDeleted(t, v)
}

// TestFewInodes uses up the inodes of a volume that has few, while bytes are left.
func TestFewInodes(t *testing.T) {
	for _, kind := range []Filesystem{Ext4, XFS} {
		t.Run(string(kind), func(t *testing.T) {
			v := newVolume(t, kind)
			if err := v.Create(t.Context(), host, Wish{SizeBytes: 64 << 20, Filesystem: kind, Inodes: 640}); err != nil {
				t.Fatal(err)
			}
			before := spaceOf(t, v)
			made, err := makeFiles(filepath.Join(v.Folder, "files"), 20_000)
			if !errors.Is(err, unix.ENOSPC) {
				t.Fatalf("after %d files: %v", made, err)
			}
			after := spaceOf(t, v)
			t.Logf("%s: %d inodes, %d files, then %d inodes and %d KiB left", kind, before.inodes, made, after.inodesLeft, after.bytesLeft>>10)
			if after.inodesLeft != 0 || after.bytesLeft < 40<<20 {
				t.Errorf("left: %+v", after)
			}
			// A dozen are the file system's own; xfs counts in whole percents of the volume.
			if made < 600 || (kind == Ext4 && made > 700) || made > 1500 {
				t.Errorf("%d files were made", made)
			}
			t.Run("grow", func(t *testing.T) {
				grown(t, v, 96<<20)
				if more, err := makeFiles(filepath.Join(v.Folder, "more"), 100); err != nil {
					t.Errorf("after growth: %d files, %v", more, err)
				}
			})
			wantSound(t, v)
			wantDeleted(t, v)
		})
	}
}

// grown grows the volume. Where the host does not let ext4 grow it asserts the refusal, and skips the rest.
func grown(t *testing.T, v Volume, to int64) {
	t.Helper()
	err := v.Grow(to)
	if kindOf(t, v) == Ext4 && !canGrowExt4() {
		if !errors.Is(err, errNeedsSysResource) {
			t.Errorf("grew without the capability: %v", err)
		}
		cannot(t, "a mounted ext4 does not grow here: CAP_SYS_RESOURCE is missing")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestMountsAgain stands for a restart of the node: the image is there, the mount is not.
func TestMountsAgain(t *testing.T) {
	v := newVolume(t, Auto)
	wish := Wish{SizeBytes: 32 << 20, Filesystem: Auto}
	if err := v.Create(context.Background(), host, wish); err != nil {
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
	if err := v.Grow(64 << 20); err == nil {
		t.Error("grew what is not mounted")
	}
	if err := v.Create(context.Background(), host, wish); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(kept); err != nil || string(content) != "here" {
		t.Errorf("got %q, %v", content, err)
	}
	wantDeleted(t, v)
}

func TestDeleteWaitsForTheLastUser(t *testing.T) {
	v := newVolume(t, Auto)
	if err := v.Create(context.Background(), host, Wish{SizeBytes: 32 << 20, Filesystem: Auto}); err != nil {
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

// newVolume names a volume of that kind, which is deleted after the test, where this machine can make one.
func newVolume(t *testing.T, kind Filesystem) Volume {
	t.Helper()
	if os.Geteuid() != 0 {
		cannot(t, "only root mounts volumes")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		cannot(t, fmt.Sprintf("no loop devices: %v", err))
	}
	if _, err := kind.resolve(ableOn(host)); err != nil {
		cannot(t, err.Error())
	}
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

// cannot skips the test, or fails it on a machine that is to run them all.
func cannot(t *testing.T, why string) {
	t.Helper()
	if os.Getenv(requireVariable) == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// wantSound has the file system checked by its own program, where that is installed, after unmounting it.
func wantSound(t *testing.T, v Volume) {
	t.Helper()
	check := []string{"xfs_repair", "-n", v.image}
	if kindOf(t, v) == Ext4 {
		check = []string{"e2fsck", "-f", "-n", v.image}
	}
	if err := v.unmount(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !host.has(check[0]) {
		t.Logf("not checked: %s is not installed", check[0])
		return
	}
	if err := host.run(context.Background(), check); err != nil {
		t.Error(err)
	}
}

func kindOf(t *testing.T, v Volume) Filesystem {
	t.Helper()
	kind, err := probe(v.image)
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

// fullBytes may be left of a full volume, as src/promdrill/faults/df.py has it.
const fullBytes = 64 << 10

// space is what df shows.
type space struct {
	bytes, bytesLeft, inodes, inodesLeft int64
}

func spaceOf(t *testing.T, v Volume) space {
	t.Helper()
	var disk unix.Statfs_t
	if err := unix.Statfs(v.Folder, &disk); err != nil {
		t.Fatal(err)
	}
	return space{int64(disk.Blocks) * disk.Bsize, int64(disk.Bavail) * disk.Bsize, int64(disk.Files), int64(disk.Ffree)}
}

// makeFiles makes empty files in a new folder.
func makeFiles(folder string, most int) (made int, err error) {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return 0, err
	}
	for ; made < most; made++ {
		file, err := os.Create(filepath.Join(folder, strconv.Itoa(made)))
		if err != nil {
			return made, err
		}
		file.Close()
	}
	return made, nil
}

// fill writes in ever smaller pieces until not one byte more fits, as the fault FillVolume does; it returns the last error.
func fill(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for _, bytes := range []int{1 << 20, 4096, 512, 1} {
		err = nil
		for piece := make([]byte, bytes); err == nil; {
			_, err = file.Write(piece)
		}
	}
	return err
}
