package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asProgram makes this test binary be demo-app.
const asProgram = "DEMO_APP_TEST_RUNS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

var listens = regexp.MustCompile(`address=(\S+)`)

func TestItServesAndEndsCleanlyOnSIGTERM(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	program := exec.CommandContext(ctx, os.Args[0], "-listen", "127.0.0.1:0", "-series", "2")
	program.Env = append(os.Environ(), asProgram+"=1")
	said, err := program.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	match := listens.FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("first line %q (%v) names no address", line, err)
	}
	answer, err := http.Get("http://" + match[1] + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("/healthz: %s", answer.Status)
	}
	if err := program.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := program.Wait(); err != nil {
		t.Errorf("ended with %v, want exit code 0", err)
	}
}

func TestAWrongCommandLineIsRefused(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-series -1", "-series -1: want 0 to 1000000"},
		{"-series 1000001", "-series 1000001: want 0 to 1000000"},
		{"-series many", "invalid value"},
		{"-listen 127.0.0.1:none", "unknown port"},
		{"serve", `unexpected argument "serve"`},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // one that is not refused serves until then
		err := command(ctx, strings.Fields(test.args))
		cancel()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.args, err, test.want)
		}
	}
	if err := command(t.Context(), []string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: error %v", err)
	}
}
