package volume

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
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

const (
	// supportedXFSBytes is the smallest file system mkfs.xfs makes without being asked twice.
	supportedXFSBytes = 300 << 20
	// xfsInodeBytes is the size of an inode that mkfs.xfs chooses by itself (mkfs.xfs(8), -i size).
	xfsInodeBytes = 512
	// fewestInodes leaves some for whatever uses the volume: mkfs.ext4 takes a dozen for itself.
	fewestInodes = 64
)

// plainOption admits mkfs options such as "-O ^has_journal" and nothing that could name another file or device.
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

// ParseInodes reads a setting, a number of inodes; empty means as many as mkfs makes by itself, and 0 is returned.
func ParseInodes(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	inodes, err := strconv.ParseInt(text, 10, 32)
	if err != nil || inodes < fewestInodes {
		return 0, fmt.Errorf("%q is no number of inodes: want %d to %d", text, fewestInodes, math.MaxInt32)
	}
	return inodes, nil
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

// able is what a node can do.
type able struct {
	growExt4          bool // the kernel lets us
	makeExt4, makeXFS bool // the program is there
}

func ableOn(node Node) able {
	return able{growExt4: canGrowExt4(), makeExt4: node.has("mkfs.ext4"), makeXFS: node.has("mkfs.xfs")}
}

// resolve chooses the file system of a new volume.
func (f Filesystem) resolve(can able) (Filesystem, error) {
	switch {
	case f == Ext4 && !can.makeExt4:
		return "", errors.New("the node has no mkfs.ext4: use a node image with e2fsprogs, or file system xfs where the node has mkfs.xfs")
	case f == XFS && !can.makeXFS:
		return "", errors.New("the node has no mkfs.xfs: use a node image with xfsprogs, or file system ext4")
	case f != Auto:
		return f, nil
	case can.makeExt4 && can.growExt4:
		return Ext4, nil
	case can.makeXFS:
		return XFS, nil
	case can.makeExt4:
		return "", errors.New("no file system here can grow while mounted: the host lacks CAP_SYS_RESOURCE, which ext4 needs, and the node has" +
			" no mkfs.xfs. Run Docker where CAP_SYS_RESOURCE is there, use a node image with xfsprogs, or, for volumes that never" +
			" grow, set the annotation promdrill.io/filesystem: ext4 on the StorageClass")
	}
	return "", errors.New("the node has neither mkfs.ext4 nor mkfs.xfs: use a node image with e2fsprogs, as kindest/node is")
}

// mkfsCommand is the argv that makes the file system in an image of sizeBytes.
func mkfsCommand(filesystem Filesystem, wish Wish, image string, sizeBytes int64) []string {
	var command []string
	switch filesystem {
	case XFS:
		// nrext64 would make volumes that kernels before 5.19 cannot mount.
		command = []string{"mkfs.xfs", "-q", "-i", "nrext64=0"}
		if sizeBytes < supportedXFSBytes {
			command = append(command, "--unsupported")
		}
		if wish.Inodes > 0 {
			command = append(command, "-i", fmt.Sprintf("maxpct=%d", inodeShare(wish.Inodes, sizeBytes)))
		}
	default:
		// No blocks reserved for root: full is full for everyone.
		command = []string{"mkfs.ext4", "-q", "-F", "-m", "0"}
		if wish.Inodes > 0 {
			command = append(command, "-N", strconv.FormatInt(wish.Inodes, 10))
		}
	}
	command = append(command, wish.MkfsOptions...)
	return append(command, image)
}

// inodeShare is the whole percentage of a volume that so many inodes of xfs take, at least 1: it cannot be told the number.
func inodeShare(inodes, sizeBytes int64) int64 {
	return min(100, max(1, inodes*xfsInodeBytes*100/sizeBytes))
}

func makeFilesystem(ctx context.Context, node Node, wish Wish, image string, sizeBytes int64) error {
	filesystem, err := wish.Filesystem.resolve(ableOn(node))
	if err != nil {
		return err
	}
	return node.run(ctx, mkfsCommand(filesystem, wish, image, sizeBytes))
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

// canGrowExt4 reports whether we have CAP_SYS_RESOURCE, which the kernel asks of who grows a mounted ext4.
func canGrowExt4() bool {
	status, err := os.ReadFile("/proc/self/status")
	return err == nil && effectiveSetHas(string(status), unix.CAP_SYS_RESOURCE)
}

func effectiveSetHas(status string, capability int) bool {
	for line := range strings.Lines(status) {
		if set, found := strings.CutPrefix(line, "CapEff:"); found {
			bits, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			return err == nil && bits>>capability&1 == 1
		}
	}
	return false
}
