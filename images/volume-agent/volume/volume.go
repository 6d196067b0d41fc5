// Package volume makes volumes of a real, enforced size: an image file holding a file system, loop-mounted at a folder.
//
// The folder ROOT/NAME is what a pod sees; the image is ROOT/.img/NAME.img. A folder that is not mounted belongs to root
// alone, so that a server never writes beside its volume unnoticed.
package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// imageFolder holds the images; its dot keeps it out of the names a provisioner gives to volumes.
	imageFolder = ".img"
	// blockBytes is the file system block of both kinds; images are whole blocks.
	blockBytes = 4096
	// smallestBytes is where mkfs.xfs gives up even when told that small is fine.
	smallestBytes = 16 << 20
	// unmountFor is how long Delete waits for the last user of a volume; the provisioner gives the helper 60 s.
	unmountFor = 20 * time.Second
	// unmountEvery is the pause between two tries: there is no event that says a mount became idle.
	unmountEvery = 200 * time.Millisecond
)

// Volume names one volume on this node.
type Volume struct {
	Folder string
	image  string
}

// Wish is what a new volume shall be.
type Wish struct {
	SizeBytes   int64
	Filesystem  Filesystem
	Inodes      int64 // about so many; 0 for as many as mkfs makes by itself
	MkfsOptions []string
}

// At names the volume mounted at folder, an absolute path whose last part is the volume's name.
func At(folder string) (Volume, error) {
	name := filepath.Base(folder)
	if !filepath.IsAbs(folder) || filepath.Clean(folder) != folder || filepath.Dir(folder) == "/" || strings.HasPrefix(name, ".") {
		return Volume{}, fmt.Errorf("%q does not name a volume: want an absolute path such as /var/local-path-provisioner/NAME", folder)
	}
	return Volume{Folder: folder, image: filepath.Join(filepath.Dir(folder), imageFolder, name+".img")}, nil
}

// Create makes the volume, by the node's mkfs, and mounts it. What is there already is kept: a second call changes nothing.
func (v Volume) Create(ctx context.Context, node Node, wish Wish) error {
	if wish.SizeBytes < smallestBytes {
		return fmt.Errorf("a volume of %s is too small: the smallest is %s", inWords(wish.SizeBytes), inWords(smallestBytes))
	}
	for _, folder := range []string{filepath.Dir(v.image), v.Folder} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	unlock, err := v.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := v.makeImage(ctx, node, wish); err != nil {
		return err
	}
	if err := v.mount(); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(v.Folder, "lost+found")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Chmod(v.Folder, 0o777)
}

// Grow makes the mounted volume at least sizeBytes large while it is in use. It never shrinks one.
func (v Volume) Grow(sizeBytes int64) error {
	unlock, err := v.lock()
	if err != nil {
		return err
	}
	defer unlock()
	mounted, err := mountAt(v.Folder)
	if err != nil {
		return err
	}
	if mounted == nil {
		return fmt.Errorf("%s is not mounted", v.Folder)
	}
	if mounted.filesystem == Ext4 && !canGrowExt4() {
		return errNeedsSysResource
	}
	device, err := mounted.loopDevice(v.image)
	if err != nil {
		return err
	}
	defer device.Close()
	if err := v.enlargeImage(sizeBytes); err != nil {
		return err
	}
	if err := unix.IoctlSetInt(int(device.Fd()), unix.LOOP_SET_CAPACITY, 0); err != nil {
		return fmt.Errorf("set the capacity of %s: %w", device.Name(), err)
	}
	return growFilesystem(mounted.filesystem, device, v.Folder)
}

// Delete unmounts the volume, waiting a while for its last user, and removes its image and folder.
func (v Volume) Delete(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, unmountFor)
	defer cancel()
	if err := v.unmount(ctx); err != nil {
		return err
	}
	for _, file := range []string{v.image, v.image + ".tmp"} {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.RemoveAll(v.Folder)
}

// lock keeps the helper pods and the agent of one node from counting the same free space or attaching an image twice.
func (v Volume) lock() (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(filepath.Dir(v.image), "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	return func() { file.Close() }, nil
}

// makeImage puts a finished image in place, or nothing.
func (v Volume) makeImage(ctx context.Context, node Node, wish Wish) error {
	if _, err := os.Stat(v.image); err == nil {
		return nil
	}
	unfinished := v.image + ".tmp"
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	size := wholeBlocks(wish.SizeBytes)
	if err := room(filepath.Dir(v.image), size); err != nil {
		return err
	}
	file, err := os.OpenFile(unfinished, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := file.Truncate(size); err != nil {
		return err
	}
	if err := makeFilesystem(ctx, node, wish, unfinished, size); err != nil {
		return err
	}
	return os.Rename(unfinished, v.image)
}

func (v Volume) enlargeImage(sizeBytes int64) error {
	file, err := os.OpenFile(v.image, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	size := wholeBlocks(sizeBytes)
	if size <= info.Size() {
		return nil
	}
	if err := room(filepath.Dir(v.image), size-info.Size()); err != nil {
		return err
	}
	return file.Truncate(size)
}

func (v Volume) mount() error {
	mounted, err := mountAt(v.Folder)
	if err != nil || mounted != nil {
		return err
	}
	filesystem, err := probe(v.image)
	if err != nil {
		return err
	}
	device, err := attach(v.image)
	if err != nil {
		return err
	}
	defer device.Close() // the mount holds the device from here on; without one, closing frees it
	err = unix.Mount(device.Name(), v.Folder, string(filesystem), 0, "")
	if errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("mount %s: the host's kernel has no %s: modprobe %s on the host, or choose the other with promdrill.io/filesystem",
			v.Folder, filesystem, filesystem)
	}
	if err != nil {
		return fmt.Errorf("mount %s (%s) at %s: %w", device.Name(), filesystem, v.Folder, err)
	}
	return nil
}

func (v Volume) unmount(ctx context.Context) error {
	retry := time.NewTicker(unmountEvery)
	defer retry.Stop()
	for {
		mounted, err := mountAt(v.Folder)
		if err != nil || mounted == nil {
			return err
		}
		err = unix.Unmount(v.Folder, 0)
		if err == nil {
			continue // one mount may lie over another
		}
		if !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("unmount %s: %w", v.Folder, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("unmount %s: still in use after %v", v.Folder, unmountFor)
		case <-retry.C:
		}
	}
}

func wholeBlocks(bytes int64) int64 {
	return (bytes + blockBytes - 1) / blockBytes * blockBytes
}

func inWords(bytes int64) string {
	return fmt.Sprintf("%d MiB", bytes>>20)
}
