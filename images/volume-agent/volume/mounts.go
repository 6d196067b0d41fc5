package volume

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mounted is one line of this process's mount table.
type mounted struct {
	major, minor int
	folder       string
	filesystem   Filesystem
}

// mountAt is the uppermost mount at the folder, nil when nothing is mounted there.
func mountAt(folder string) (*mounted, error) {
	table, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer table.Close()
	all, err := parseMounts(table)
	if err != nil {
		return nil, err
	}
	var found *mounted
	for i := range all {
		if all[i].folder == folder {
			found = &all[i]
		}
	}
	return found, nil
}

// parseMounts reads proc_pid_mountinfo(5): "ID PARENT MAJOR:MINOR ROOT FOLDER OPTIONS [TAGS...] - TYPE SOURCE ...".
func parseMounts(table io.Reader) ([]mounted, error) {
	var all []mounted
	lines := bufio.NewScanner(table)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		head, tail, divided := strings.Cut(lines.Text(), " - ")
		front, back := strings.Fields(head), strings.Fields(tail)
		if !divided || len(front) < 6 || len(back) < 2 {
			return nil, fmt.Errorf("mount table: cannot read %q", lines.Text())
		}
		one := mounted{folder: unescape(front[4]), filesystem: Filesystem(back[0])}
		if _, err := fmt.Sscanf(front[2], "%d:%d", &one.major, &one.minor); err != nil {
			return nil, fmt.Errorf("mount table: cannot read %q: %w", lines.Text(), err)
		}
		all = append(all, one)
	}
	return all, lines.Err()
}

// unescape undoes the four escapes of the mount table.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

// loopDevice opens the device under the mount, making sure that it is the image's.
func (m *mounted) loopDevice(image string) (*os.File, error) {
	if m.major != loopMajor {
		return nil, fmt.Errorf("%s is mounted from device %d:%d, not from a loop device", m.folder, m.major, m.minor)
	}
	device, err := openLoop(m.minor)
	if err != nil {
		return nil, err
	}
	var file unix.Stat_t
	if err := unix.Stat(image, &file); err != nil {
		device.Close()
		return nil, fmt.Errorf("%s: %w", image, err)
	}
	if !backs(device, &file) {
		device.Close()
		return nil, fmt.Errorf("%s is mounted from %s, which is not %s", m.folder, device.Name(), image)
	}
	return device, nil
}
