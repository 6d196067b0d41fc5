package main

import (
	"strings"
	"testing"
)

func TestParseTask(t *testing.T) {
	for _, check := range []struct {
		args   string
		action string
		bytes  int64
		fails  string
	}{
		{"-p /var/v/pvc-1_a_b -s 314572800 -m Filesystem -a create", "create", 300 << 20, ""},
		{"-p /var/v/pvc-1_a_b -s 314572800 -m Filesystem -a delete", "delete", 300 << 20, ""},
		{"-p /var/v/pvc-1_a_b -a delete", "delete", 0, ""},
		{"-p /var/v/pvc-1_a_b -s 1 -m Block -a create", "", 0, `volume mode "Block"`},
		{"-p v -s 1 -m Filesystem -a create", "", 0, `"v" does not name a volume`},
		{"-p /var/v/pvc-1_a_b -s many -a create", "", 0, `invalid value "many"`},
		{"-p /var/v/pvc-1_a_b -s 1 -a resize", "", 0, "usage"},
		{"-p /var/v/pvc-1_a_b -a create more", "", 0, "usage"},
		{"-z", "", 0, "usage"},
	} {
		got, err := parseTask(strings.Fields(check.args))
		switch {
		case check.fails != "" && (err == nil || !strings.Contains(err.Error(), check.fails)):
			t.Errorf("%s: got %+v, %v, want an error with %q", check.args, got, err, check.fails)
		case check.fails == "" && (err != nil || got.action != check.action || got.sizeBytes != check.bytes || got.target.Folder != "/var/v/pvc-1_a_b"):
			t.Errorf("%s: got %+v, %v", check.args, got, err)
		}
	}
}

func TestCommandRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{nil, {"create", "/var/v/a", "1"}, {"version", "now"}} {
		if err := command(t.Context(), args); err == nil || !strings.Contains(err.Error(), "usage: ") {
			t.Errorf("%q: got %v", args, err)
		}
	}
}
