package volume

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests to the kernel that grow a mounted file system; resize2fs and xfs_growfs make the same.
const (
	// ext4Resize is EXT4_IOC_RESIZE_FS of fs/ext4/ext4.h: _IOW('f', 16, __u64).
	ext4Resize = 0x40086610
	// xfsGeometry is XFS_IOC_FSGEOMETRY_V1 of fs/xfs/libxfs/xfs_fs.h: _IOR('X', 100, 112 bytes).
	xfsGeometry = 0x80705864
	// xfsGrow is XFS_IOC_FSGROWFSDATA of the same: _IOW('X', 110, 16 bytes).
	xfsGrow = 0x4010586e
)

var errNeedsSysResource = errors.New("ext4 cannot grow while mounted: this host lacks CAP_SYS_RESOURCE; volumes to be grown here must be xfs")

// growFilesystem makes the file system at the folder as large as its device.
func growFilesystem(filesystem Filesystem, device *os.File, folder string) error {
	var grow func(device, folder *os.File) error
	switch filesystem {
	case XFS:
		grow = growXFS
	case Ext4:
		grow = growExt4
	default:
		return fmt.Errorf("%s: a file system of type %s cannot be grown", folder, filesystem)
	}
	root, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := grow(device, root); err != nil {
		return fmt.Errorf("grow %s at %s: %w", filesystem, folder, err)
	}
	return nil
}

func growExt4(device, folder *os.File) error {
	super, err := readExt4(device)
	if err != nil {
		return err
	}
	deviceBytes, err := device.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	blocks := super.fitting(uint64(deviceBytes) / super.blockBytes)
	if blocks <= super.blocks {
		return nil
	}
	err = ioctl(folder, ext4Resize, unsafe.Pointer(&blocks))
	if errors.Is(err, unix.EPERM) {
		return errNeedsSysResource
	}
	return err
}

// ext4 is what the superblock of an ext4 tells of its shape.
type ext4 struct {
	blocks, firstBlock, blockBytes, blocksPerGroup uint64
	tableBlocks                                    uint64 // of one group's inodes
	descriptorBytes, reservedDescriptors           uint64 // of one group; blocks kept free for growth
}

// readExt4 reads the superblock, see "The Super Block" in the kernel's Documentation/filesystems/ext4.
func readExt4(device io.ReaderAt) (ext4, error) {
	raw := make([]byte, 1024)
	if _, err := device.ReadAt(raw, 1024); err != nil {
		return ext4{}, fmt.Errorf("read the superblock: %w", err)
	}
	word := func(at int) uint64 { return uint64(binary.LittleEndian.Uint32(raw[at:])) }
	half := func(at int) uint64 { return uint64(binary.LittleEndian.Uint16(raw[at:])) }
	const is64Bit = 0x80 // of the incompatible features
	super := ext4{
		blocks: word(0x4), firstBlock: word(0x14), blockBytes: 1024 << word(0x18), blocksPerGroup: word(0x20),
		descriptorBytes: 32, reservedDescriptors: half(0xCE),
	}
	if word(0x60)&is64Bit != 0 {
		super.blocks |= word(0x150) << 32
		super.descriptorBytes = half(0xFE)
	}
	if half(0x38) != unix.EXT4_SUPER_MAGIC || super.blockBytes > 64<<10 || super.blocksPerGroup == 0 {
		return ext4{}, errors.New("read the superblock: it is not ext4's")
	}
	super.tableBlocks = (word(0x28)*half(0x58) + super.blockBytes - 1) / super.blockBytes
	return super, nil
}

// fitting leaves a last group out that would be too small for its own tables: resize2fs does so, the kernel does not.
func (e ext4) fitting(blocks uint64) uint64 {
	if blocks <= e.firstBlock {
		return 0
	}
	groups := (blocks - e.firstBlock + e.blocksPerGroup - 1) / e.blocksPerGroup
	rest := (blocks - e.firstBlock) % e.blocksPerGroup
	descriptors := (groups*e.descriptorBytes + e.blockBytes - 1) / e.blockBytes
	const (
		superAndBitmaps = 3
		useful          = 50 // blocks that a group must have beside its tables, as for resize2fs
	)
	if rest > 0 && rest < superAndBitmaps+descriptors+e.reservedDescriptors+e.tableBlocks+useful {
		return blocks - rest
	}
	return blocks
}

// xfsShape is struct xfs_fsop_geom_v1.
type xfsShape struct {
	blockBytes  uint32
	_           [6]uint32
	inodesShare uint32 // percent
	blocks      uint64
	_           [9]uint64
}

// xfsSize is struct xfs_growfs_data.
type xfsSize struct {
	blocks      uint64
	inodesShare uint32
	_           uint32
}

func growXFS(device, folder *os.File) error {
	var shape xfsShape
	if err := ioctl(folder, xfsGeometry, unsafe.Pointer(&shape)); err != nil {
		return fmt.Errorf("ask for its size: %w", err)
	}
	deviceBytes, err := device.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	wanted := xfsSize{blocks: uint64(deviceBytes) / uint64(shape.blockBytes), inodesShare: shape.inodesShare}
	if wanted.blocks <= shape.blocks {
		return nil
	}
	return ioctl(folder, xfsGrow, unsafe.Pointer(&wanted))
}

func ioctl(file *os.File, request uintptr, argument unsafe.Pointer) error {
	if _, _, code := unix.Syscall(unix.SYS_IOCTL, file.Fd(), request, uintptr(argument)); code != 0 {
		return code
	}
	return nil
}
