package volume

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Filesystem is the kind of a volume, named as mount(2) and df name it.
type Filesystem string

const (
	// Auto is ext4 where it can grow while mounted, else xfs.
	Auto Filesystem = "auto"
	// Ext4 grows while mounted only with CAP_SYS_RESOURCE.
	Ext4 Filesystem = "ext4"
	// XFS grows while mounted with CAP_SYS_ADMIN alone.
	XFS Filesystem = "xfs"
)

// supportedXFSBytes is the smallest file system mkfs.xfs makes without being asked twice.
const supportedXFSBytes = 300 << 20

// plainOption admits mkfs options such as "-i maxpct=1" and nothing that could name another file or device.
var plainOption = regexp.MustCompile(`^[-A-Za-z0-9=,.^_]+$`)

// ParseFilesystem reads a setting; empty means Auto.
func ParseFilesystem(text string) (Filesystem, error) {
	switch wanted := Filesystem(text); wanted {
	case "":
		return Auto, nil
	case Auto, Ext4, XFS:
		return wanted, nil
	}
	return "", fmt.Errorf("file system %q is unknown: want auto, ext4 or xfs", text)
}

// ParseMkfsOptions splits a setting into the words given to mkfs.
func ParseMkfsOptions(text string) ([]string, error) {
	words := strings.Fields(text)
	for _, word := range words {
		if !plainOption.MatchString(word) {
			return nil, fmt.Errorf("mkfs option %q is refused: only letters, digits and - = , . ^ _ are taken", word)
		}
	}
	return words, nil
}

func (f Filesystem) resolve(ext4Grows bool) Filesystem {
	switch {
	case f != Auto:
		return f
	case ext4Grows:
		return Ext4
	default:
		return XFS
	}
}

// mkfsCommand is the argv that makes the file system in an image of sizeBytes.
func mkfsCommand(filesystem Filesystem, options []string, image string, sizeBytes int64) []string {
	var command []string
	switch filesystem {
	case XFS:
		// nrext64 would make volumes that kernels before 5.19 cannot mount.
		command = []string{"mkfs.xfs", "-q", "-i", "nrext64=0"}
		if sizeBytes < supportedXFSBytes {
			command = append(command, "--unsupported")
		}
	default:
		// No blocks reserved for root: full is full for everyone.
		command = []string{"mkfs.ext4", "-q", "-F", "-m", "0"}
	}
	command = append(command, options...)
	return append(command, image)
}

func makeFilesystem(ctx context.Context, wish Wish, image string, sizeBytes int64) error {
	filesystem := wish.Filesystem.resolve(canGrowExt4())
	return execute(ctx, mkfsCommand(filesystem, wish.MkfsOptions, image, sizeBytes))
}

func growFilesystem(ctx context.Context, filesystem Filesystem, device, folder string) error {
	switch filesystem {
	case XFS:
		return execute(ctx, []string{"xfs_growfs", folder})
	case Ext4:
		return execute(ctx, []string{"resize2fs", device})
	}
	return fmt.Errorf("%s: a file system of type %s cannot be grown", folder, filesystem)
}

// probe reads which file system an image holds.
func probe(image string) (Filesystem, error) {
	file, err := os.Open(image)
	if err != nil {
		return "", err
	}
	defer file.Close()
	start := make([]byte, 2048)
	if _, err := file.ReadAt(start, 0); err != nil {
		return "", fmt.Errorf("%s: %w", image, err)
	}
	switch {
	case string(start[:4]) == "XFSB":
		return XFS, nil
	case start[1080] == 0x53 && start[1081] == 0xEF:
		return Ext4, nil
	}
	return "", fmt.Errorf("%s holds neither xfs nor ext4", image)
}

// canGrowExt4 reports whether programs started here may have CAP_SYS_RESOURCE, which the kernel asks of resize2fs.
func canGrowExt4() bool {
	status, err := os.ReadFile("/proc/self/status")
	return err == nil && boundingSetHas(string(status), unix.CAP_SYS_RESOURCE)
}

func boundingSetHas(status string, capability int) bool {
	for line := range strings.Lines(status) {
		if set, found := strings.CutPrefix(line, "CapBnd:"); found {
			bits, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			return err == nil && bits>>capability&1 == 1
		}
	}
	return false
}

func execute(ctx context.Context, command []string) error {
	output, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
