package volume

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAt(t *testing.T) {
	got, err := At("/var/volumes/pvc-1_drill_data")
	if err != nil || got.image != "/var/volumes/.img/pvc-1_drill_data.img" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, folder := range []string{"", "/", "volumes/a", "/a", "/var/volumes/", "/var/volumes/../a", "/var/volumes/.img"} {
		if got, err := At(folder); err == nil {
			t.Errorf("%q was taken as %+v", folder, got)
		}
	}
}

func TestResolve(t *testing.T) {
	all := able{growExt4: true, makeExt4: true, makeXFS: true}
	laptop := able{growExt4: true, makeExt4: true} // a stock kindest/node: e2fsprogs, no xfsprogs
	restricted := able{makeExt4: true, makeXFS: true}
	stuck := able{makeExt4: true}
	for _, check := range []struct {
		asked Filesystem
		can   able
		want  Filesystem
		fails []string
	}{
		{Auto, all, Ext4, nil},
		{Auto, laptop, Ext4, nil},
		{Auto, restricted, XFS, nil},
		{Auto, able{growExt4: true, makeXFS: true}, XFS, nil},
		{Auto, stuck, "", []string{"lacks CAP_SYS_RESOURCE", "no mkfs.xfs", "xfsprogs", "promdrill.io/filesystem: ext4"}},
		{Auto, able{growExt4: true}, "", []string{"neither mkfs.ext4 nor mkfs.xfs", "e2fsprogs"}},
		{Ext4, stuck, Ext4, nil},
		{Ext4, able{makeXFS: true}, "", []string{"no mkfs.ext4", "e2fsprogs"}},
		{XFS, all, XFS, nil},
		{XFS, laptop, "", []string{"no mkfs.xfs", "xfsprogs"}},
	} {
		got, err := check.asked.resolve(check.can)
		if got != check.want || (err == nil) != (check.fails == nil) {
			t.Errorf("%s, %+v: got %q, %v, want %q", check.asked, check.can, got, err, check.want)
		}
		for _, part := range check.fails {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%s, %+v: %q does not say %q", check.asked, check.can, err, part)
			}
		}
	}
}

func TestEffectiveSetHas(t *testing.T) {
	for _, check := range []struct {
		status string
		want   bool
	}{
		{"Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t0000000000000000\n", true},
		{"CapEff:\t000001fffeffffff\nCapBnd:\t000001ffffffffff\n", false},
		{"CapEff:\tnonsense\n", false},
		{"", false},
	} {
		if got := effectiveSetHas(check.status, unix.CAP_SYS_RESOURCE); got != check.want {
			t.Errorf("%q: got %v", check.status, got)
		}
	}
}

func TestMkfsCommand(t *testing.T) {
	for _, check := range []struct {
		filesystem Filesystem
		wish       Wish
		sizeBytes  int64
		want       string
	}{
		{XFS, Wish{}, supportedXFSBytes, "mkfs.xfs -q -i nrext64=0 x.img"},
		{XFS, Wish{Inodes: 3000}, supportedXFSBytes, "mkfs.xfs -q -i nrext64=0 -i maxpct=1 x.img"},
		{
			XFS, Wish{Inodes: 64000, MkfsOptions: []string{"-n", "size=8192"}}, supportedXFSBytes - blockBytes,
			"mkfs.xfs -q -i nrext64=0 --unsupported -i maxpct=10 -n size=8192 x.img",
		},
		{XFS, Wish{Inodes: 1 << 30}, supportedXFSBytes, "mkfs.xfs -q -i nrext64=0 -i maxpct=100 x.img"},
		{Ext4, Wish{}, smallestBytes, "mkfs.ext4 -q -F -m 0 x.img"},
		{Ext4, Wish{Inodes: 3000, MkfsOptions: []string{"-b", "4096"}}, smallestBytes, "mkfs.ext4 -q -F -m 0 -N 3000 -b 4096 x.img"},
	} {
		if got := strings.Join(mkfsCommand(check.filesystem, check.wish, "x.img", check.sizeBytes), " "); got != check.want {
			t.Errorf("got %q, want %q", got, check.want)
		}
	}
}

func TestFits(t *testing.T) {
	const gib = 1 << 30
	if err := fits(gib, 2*gib+reserveBytes, gib); err != nil {
		t.Error(err)
	}
	err := fits(gib+1, 2*gib+reserveBytes, gib)
	if err == nil || !strings.Contains(err.Error(), "no room for 1024 MiB more: 2560 MiB free, 1024 MiB of it promised") {
		t.Error(err)
	}
}

func TestPromisedBytesCountsWhatSparseImagesMayStillTake(t *testing.T) {
	folder := t.TempDir()
	for name, size := range map[string]int64{"a.img": 8 << 20, "b.img": 4 << 20, "c.img.tmp": 1 << 30} {
		if err := os.WriteFile(filepath.Join(folder, name), make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(folder, name), size); err != nil {
			t.Fatal(err)
		}
	}
	got, err := promisedBytes(folder)
	if err != nil || got != 10<<20 {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestParseMounts(t *testing.T) {
	got, err := parseMounts(strings.NewReader(
		"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n" +
			"90 22 7:3 / /var/volumes/with\\040space rw,relatime shared:5 master:1 - xfs /dev/loop3 rw,inode64\n"))
	want := []mounted{
		{major: 254, minor: 0, folder: "/", filesystem: Ext4},
		{major: 7, minor: 3, folder: "/var/volumes/with space", filesystem: XFS},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := parseMounts(strings.NewReader("nonsense\n")); err == nil {
		t.Error("nonsense was read as a mount table")
	}
}

func TestProbe(t *testing.T) {
	image := filepath.Join(t.TempDir(), "x.img")
	for _, check := range []struct {
		offset int
		magic  string
		want   Filesystem
	}{
		{0, "XFSB", XFS}, {1080, "\x53\xef", Ext4}, {0, "", ""},
	} {
		content := make([]byte, 4096)
		copy(content[check.offset:], check.magic)
		if err := os.WriteFile(image, content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := probe(image)
		if got != check.want || (err == nil) != (check.want != "") {
			t.Errorf("%q: got %q, %v", check.magic, got, err)
		}
	}
}
