package main

import (
	"bufio"
	"bytes"
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

// asProgram makes this test binary be alert-receiver.
const asProgram = "ALERT_RECEIVER_TEST_RUNS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

var listens = regexp.MustCompile(`address=(\S+)`)

// TestALineIsThereBeforeTheAnswer also ends the program while a request hangs: it waits for nobody.
func TestALineIsThereBeforeTheAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	program := exec.CommandContext(ctx, os.Args[0], "--listen", "127.0.0.1:0")
	program.Env = append(os.Environ(), asProgram+"=1")
	said, err := program.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	program.Stdout = out
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(said).ReadString('\n')
	match := listens.FindStringSubmatch(first)
	if match == nil {
		t.Fatalf("first line %q (%v) names no address", first, err)
	}
	address := "http://" + match[1]
	for number := 1; number < 4; number++ {
		answer, err := http.Post(address+"/x", "application/json", strings.NewReader(filled(webhook, `"x"`)))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		text, err := os.ReadFile(out.Name())
		if err != nil || answer.StatusCode != 200 || bytes.Count(text, []byte("\n")) != number || !bytes.HasSuffix(text, []byte("]}\n")) {
			t.Fatalf("%s, %v, %s", answer.Status, err, text)
		}
	}
	go func() {
		request, _ := http.NewRequestWithContext(ctx, http.MethodPost, address+"/x", hanging{ctx})
		http.DefaultClient.Do(request) //nolint:errcheck  // it is cut off
	}()
	time.Sleep(100 * time.Millisecond)
	if err := program.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := program.Wait(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("ended with %v after %s, want exit code 0 at once", err, time.Since(began))
	}
}

// hanging is a body that never ends.
type hanging struct{ ctx context.Context }

func (h hanging) Read([]byte) (int, error) {
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

func TestTheVersionIsPrinted(t *testing.T) {
	var out bytes.Buffer
	if err := command(t.Context(), []string{"--version"}, &out); err != nil || out.String() != "unstamped\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestAWrongCommandLineIsRefused(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"--listen 127.0.0.1:none", "unknown port"},
		{"--port 1", "flag provided but not defined: -port"},
		{"serve", `unexpected argument "serve"`},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // one that is not refused serves until then
		err := command(ctx, strings.Fields(test.args), new(bytes.Buffer))
		cancel()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.args, err, test.want)
		}
	}
	if err := command(t.Context(), []string{"-h"}, new(bytes.Buffer)); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: error %v", err)
	}
}
