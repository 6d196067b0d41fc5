package volume

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unsafe"
)

func TestReadExt4(t *testing.T) {
	image := make([]byte, 2048)
	super := image[1024:]
	for at, value := range map[int]uint32{0x4: 307200, 0x14: 1, 0x18: 0, 0x20: 8192, 0x28: 80, 0x60: 0x80, 0x150: 1} {
		binary.LittleEndian.PutUint32(super[at:], value)
	}
	for at, value := range map[int]uint16{0x38: 0xEF53, 0x58: 256, 0xCE: 256, 0xFE: 64} {
		binary.LittleEndian.PutUint16(super[at:], value)
	}
	got, err := readExt4(bytes.NewReader(image))
	want := ext4{
		blocks: 1<<32 | 307200, firstBlock: 1, blockBytes: 1024, blocksPerGroup: 8192,
		tableBlocks: 20, descriptorBytes: 64, reservedDescriptors: 256,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	binary.LittleEndian.PutUint16(super[0x38:], 0)
	if _, err := readExt4(bytes.NewReader(image)); err == nil || !strings.Contains(err.Error(), "not ext4's") {
		t.Errorf("no magic number: %v", err)
	}
	if _, err := readExt4(bytes.NewReader(image[:1500])); err == nil {
		t.Error("half a superblock was read")
	}
}

func TestFittingLeavesOutAGroupTooSmallForItsTables(t *testing.T) {
	small := ext4{firstBlock: 1, blockBytes: 1024, blocksPerGroup: 8192, tableBlocks: 20, descriptorBytes: 64, reservedDescriptors: 256}
	large := ext4{blockBytes: 4096, blocksPerGroup: 32768, tableBlocks: 512, descriptorBytes: 64, reservedDescriptors: 63}
	for _, check := range []struct {
		super        ext4
		blocks, want uint64
	}{
		{small, 0, 0},
		{small, 1, 0},
		{small, 1 + 8192, 1 + 8192},
		{small, 1 + 8192 + 329, 1 + 8192}, // 3 + 1 + 256 + 20 + 50 are needed
		{small, 1 + 8192 + 330, 1 + 8192 + 330},
		{large, 10 * 32768, 10 * 32768},
		{large, 10*32768 + 628, 10 * 32768}, // 3 + 1 + 63 + 512 + 50
		{large, 10*32768 + 629, 10*32768 + 629},
	} {
		if got := check.super.fitting(check.blocks); got != check.want {
			t.Errorf("%d blocks of %d bytes: got %d, want %d", check.blocks, check.super.blockBytes, got, check.want)
		}
	}
}

// TestRequestsSayTheSizesOfTheirArguments reads the size that a request to the kernel carries in its bits 16 to 29.
func TestRequestsSayTheSizesOfTheirArguments(t *testing.T) {
	for _, check := range []struct {
		request, bytes uintptr
	}{
		{ext4Resize, unsafe.Sizeof(uint64(0))}, {xfsGeometry, unsafe.Sizeof(xfsShape{})}, {xfsGrow, unsafe.Sizeof(xfsSize{})},
	} {
		if got := check.request >> 16 & 0x3fff; got != check.bytes {
			t.Errorf("%#x says %d bytes, its argument has %d", check.request, got, check.bytes)
		}
	}
}
