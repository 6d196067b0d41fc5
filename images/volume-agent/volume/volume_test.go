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
	for _, check := range []struct {
		asked     Filesystem
		ext4Grows bool
		want      Filesystem
	}{
		{Auto, true, Ext4}, {Auto, false, XFS}, {Ext4, false, Ext4}, {XFS, true, XFS},
	} {
		if got := check.asked.resolve(check.ext4Grows); got != check.want {
			t.Errorf("%s, ext4 grows %v: got %s, want %s", check.asked, check.ext4Grows, got, check.want)
		}
	}
}

func TestBoundingSetHas(t *testing.T) {
	for _, check := range []struct {
		status string
		want   bool
	}{
		{"Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n", true},
		{"CapEff:\t000001ffffffffff\nCapBnd:\t000001fffeffffff\n", false},
		{"CapBnd:\tnonsense\n", false},
		{"", false},
	} {
		if got := boundingSetHas(check.status, unix.CAP_SYS_RESOURCE); got != check.want {
			t.Errorf("%q: got %v", check.status, got)
		}
	}
}

func TestMkfsCommand(t *testing.T) {
	for _, check := range []struct {
		filesystem Filesystem
		options    []string
		sizeBytes  int64
		want       string
	}{
		{XFS, nil, supportedXFSBytes, "mkfs.xfs -q -i nrext64=0 x.img"},
		{XFS, []string{"-i", "maxpct=1"}, supportedXFSBytes - blockBytes, "mkfs.xfs -q -i nrext64=0 --unsupported -i maxpct=1 x.img"},
		{Ext4, []string{"-N", "64"}, smallestBytes, "mkfs.ext4 -q -F -m 0 -N 64 x.img"},
	} {
		if got := strings.Join(mkfsCommand(check.filesystem, check.options, "x.img", check.sizeBytes), " "); got != check.want {
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
