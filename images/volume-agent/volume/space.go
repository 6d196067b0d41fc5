package volume

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// reserveBytes stays free for the node itself: a host that runs full turns into I/O errors inside the volumes.
const reserveBytes = 512 << 20

// room refuses what the disk under the images could not hold if every volume were filled.
func room(images string, moreBytes int64) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(images, &disk); err != nil {
		return fmt.Errorf("%s: %w", images, err)
	}
	promised, err := promisedBytes(images)
	if err != nil {
		return err
	}
	return fits(moreBytes, int64(disk.Bavail)*disk.Bsize, promised)
}

func fits(moreBytes, freeBytes, promisedBytes int64) error {
	if left := freeBytes - promisedBytes - reserveBytes; moreBytes > left {
		return fmt.Errorf("the node's disk has no room for %s more: %s free, %s of it promised to other volumes, %s kept for the node",
			inWords(moreBytes), inWords(freeBytes), inWords(promisedBytes), inWords(reserveBytes))
	}
	return nil
}

// promisedBytes is what the images may still take: they are sparse.
func promisedBytes(images string) (int64, error) {
	files, err := filepath.Glob(filepath.Join(images, "*.img"))
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, file := range files {
		var info unix.Stat_t
		switch err := unix.Stat(file, &info); {
		case os.IsNotExist(err):
			continue // deleted meanwhile
		case err != nil:
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		sum += max(0, info.Size-info.Blocks*512)
	}
	return sum, nil
}
