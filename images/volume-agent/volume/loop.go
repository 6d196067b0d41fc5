package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	loopMajor        = 7
	miscMajor        = 10
	loopControlMinor = 237
	// attachTries bounds the race for a free device: its numbers are shared by every cluster on the host.
	attachTries = 64
)

// attach binds a loop device to the image, or finds the one bound already: two devices over one file would corrupt it.
// The device frees itself when its last user is gone.
func attach(image string) (*os.File, error) {
	backing, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer backing.Close()
	if device, err := attached(backing); device != nil || err != nil {
		return device, err
	}
	control, err := openDevice("/dev/loop-control", unix.S_IFCHR, miscMajor, loopControlMinor)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for range attachTries {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("no free loop device: %w", err)
		}
		device, err := openLoop(number)
		if err != nil {
			return nil, err
		}
		config := unix.LoopConfig{Fd: uint32(backing.Fd())}
		config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
		copy(config.Info.File_name[:len(config.Info.File_name)-1], image)
		err = unix.IoctlLoopConfigure(int(device.Fd()), &config)
		if err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("attach %s to %s (needs Linux 5.8): %w", image, device.Name(), err)
		}
	}
	return nil, fmt.Errorf("attach %s: lost the race for a free loop device %d times", image, attachTries)
}

// attached is the open loop device bound to the file, nil when there is none.
func attached(backing *os.File) (*os.File, error) {
	var file unix.Stat_t
	if err := unix.Fstat(int(backing.Fd()), &file); err != nil {
		return nil, err
	}
	bound, err := filepath.Glob("/sys/block/loop*/loop")
	if err != nil {
		return nil, err
	}
	for _, path := range bound {
		number, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(path)), "loop"))
		if err != nil {
			continue
		}
		device, err := openLoop(number)
		if err != nil {
			return nil, err
		}
		if backs(device, &file) {
			return device, nil
		}
		device.Close()
	}
	return nil, nil
}

func backs(device *os.File, file *unix.Stat_t) bool {
	info, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
	return err == nil && info.Inode == file.Ino && info.Device == file.Dev
}

func openLoop(number int) (*os.File, error) {
	return openDevice(fmt.Sprintf("/dev/loop%d", number), unix.S_IFBLK, loopMajor, number)
}

// openDevice makes a missing node first: /dev of a container is a copy made when it started.
func openDevice(path string, kind uint32, major, minor int) (*os.File, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		err := unix.Mknod(path, kind|0o600, int(unix.Mkdev(uint32(major), uint32(minor))))
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, fmt.Errorf("make %s: %w", path, err)
		}
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}
