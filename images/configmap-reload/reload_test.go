package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const soon = 10 * time.Second

// world is a mounted ConfigMap, a webhook that answers with the given statuses, the last one for ever, and the program.
type world struct {
	folder  string
	calls   chan *http.Request
	metrics string
	ended   chan error
}

func start(t *testing.T, statuses []int, options ...string) *world {
	t.Helper()
	made := &world{folder: mounted(t, "v1"), calls: make(chan *http.Request, 16), ended: make(chan error, 1)}
	var count atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(statuses[min(int(count.Add(1)), len(statuses))-1])
		made.calls <- r
	}))
	t.Cleanup(server.Close)
	address := free(t)
	made.metrics = "http://" + address + "/metrics"
	url := strings.Replace(server.URL, "http://", "http://me:secret@", 1)
	args := append([]string{"--volume-dir=" + made.folder, "-webhook-url", url + "/-/reload", "--web.listen-address=" + address}, options...)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { made.ended <- command(ctx, args) }()
	t.Cleanup(func() {
		cancel()
		if err := <-made.ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	made.scrape(t) // it answers only once it watches
	return made
}

// mounted is a folder as the kubelet makes it: files are links into ..data, which is a link to a version's folder.
func mounted(t *testing.T, version string) string {
	t.Helper()
	folder := t.TempDir()
	renew(t, folder, version)
	must(t, os.Symlink("..data/prometheus.yml", filepath.Join(folder, "prometheus.yml")))
	return folder
}

// renew puts another version in, as the kubelet does.
func renew(t *testing.T, folder, version string) {
	t.Helper()
	must(t, os.Mkdir(filepath.Join(folder, ".."+version), 0o755))
	must(t, os.WriteFile(filepath.Join(folder, ".."+version, "prometheus.yml"), []byte(version), 0o600))
	must(t, os.Symlink(".."+version, filepath.Join(folder, "..data_tmp")))
	must(t, os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")))
}

func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) call(t *testing.T) *http.Request {
	t.Helper()
	select {
	case request := <-w.calls:
		return request
	case <-time.After(soon):
		t.Fatal("the webhook was not called")
		return nil
	}
}

func (w *world) scrape(t *testing.T) string {
	t.Helper()
	deadline := time.Now().Add(soon)
	for {
		response, err := http.Get(w.metrics)
		if err == nil {
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			must(t, err)
			return string(text)
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// says waits until the metrics have a line.
func (w *world) says(t *testing.T, line string) {
	t.Helper()
	deadline := time.Now().Add(soon)
	for text := ""; ; time.Sleep(10 * time.Millisecond) {
		if text = w.scrape(t); strings.Contains(text, line+"\n") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %q in\n%s", line, text)
		}
	}
}

func TestANewVersionIsReloadedOnce(t *testing.T) {
	world := start(t, []int{200})
	must(t, os.WriteFile(filepath.Join(world.folder, "other"), nil, 0o600)) // no new version
	renew(t, world.folder, "v2")
	request := world.call(t)
	user, password, _ := request.BasicAuth()
	if request.Method != http.MethodPost || request.URL.Path != "/-/reload" || user != "me" || password != "secret" {
		t.Errorf("%s %s as %s", request.Method, request.URL, user)
	}
	renew(t, world.folder, "v3")
	world.call(t)
	webhook := "http://me:xxxxx@" + request.Host + "/-/reload"
	world.says(t, fmt.Sprintf(`configmap_reload_success_reloads_total{webhook="%s"} 2`, webhook))
	world.says(t, fmt.Sprintf(`configmap_reload_requests_total{status_code="200",webhook="%s"} 2`, webhook))
	world.says(t, fmt.Sprintf(`configmap_reload_last_reload_error{webhook="%s"} 0`, webhook))
	world.says(t, "configmap_reload_watcher_errors_total 0")
	if len(world.calls) > 0 {
		t.Error("called more often than the folder changed")
	}
}

func TestMethodAndStatusAreThoseOfTheOptions(t *testing.T) {
	world := start(t, []int{204, 200}, "--webhook-method=PUT", "--webhook-status-code=204")
	renew(t, world.folder, "v2")
	request := world.call(t)
	if request.Method != http.MethodPut {
		t.Errorf("method %s", request.Method)
	}
	webhook := "http://me:xxxxx@" + request.Host + "/-/reload"
	world.says(t, fmt.Sprintf(`configmap_reload_last_reload_error{webhook="%s"} 0`, webhook))
	renew(t, world.folder, "v3")
	world.call(t)
	world.says(t, fmt.Sprintf(`configmap_reload_last_reload_error{webhook="%s"} 1`, webhook))
	world.says(t, fmt.Sprintf(`configmap_reload_request_errors_total{reason="client_response",webhook="%s"} 1`, webhook))
}

func TestAFailedCallIsTriedAgainAsOftenAsTheOptionSays(t *testing.T) {
	for _, each := range []struct{ tries, calls, reloads int }{{1, 1, 0}, {2, 2, 0}, {3, 3, 1}, {-1, 3, 1}} {
		t.Run(fmt.Sprint(each.tries), func(t *testing.T) {
			var calls int
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				if calls < 3 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			defer server.Close()
			counted := newMetrics([]string{server.URL})
			caller := newCaller(settings{webhooks: list{server.URL}, method: "POST", status: 200, tries: each.tries}, counted)
			caller.pause = time.Millisecond
			caller.all(context.Background())
			if calls != each.calls || counted.success[server.URL] != each.reloads {
				t.Errorf("%d calls, %d reloads", calls, counted.success[server.URL])
			}
		})
	}
}

func TestAWebhookThatIsNotThereIsAnErrorOfItsOwn(t *testing.T) {
	webhook := "http://" + free(t)
	counted := newMetrics([]string{webhook})
	newCaller(settings{webhooks: list{webhook}, method: "POST", status: 200, tries: 1}, counted).all(context.Background())
	if counted.errors[pair{webhook, "client_request_do"}] != 1 || !counted.failed[webhook] {
		t.Errorf("%v", counted.errors)
	}
}

func TestSeveralFoldersAndWebhooks(t *testing.T) {
	other := mounted(t, "v1")
	world := start(t, []int{200}, "--volume-dir", other, "--webhook-url=http://"+free(t))
	renew(t, other, "v2")
	world.call(t)
	renew(t, world.folder, "v2")
	world.call(t)
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	folder := t.TempDir()
	for wanted, args := range map[string][]string{
		"--volume-dir is missing":          {"--webhook-url=http://localhost"},
		"--webhook-url is missing":         {"--volume-dir=" + folder},
		`--webhook-url "x" is not a URL`:   {"--volume-dir=" + folder, "--webhook-url=x"},
		`unexpected argument "more"`:       {"--volume-dir=" + folder, "--webhook-url=http://localhost", "more"},
		"want a path that begins with /":   {"--volume-dir=" + folder, "--webhook-url=http://localhost", "--web.telemetry-path=x"},
		"no such file":                     {"--volume-dir=" + folder + "/none", "--webhook-url=http://localhost"},
		"flag provided but not defined: -": {"--poll"},
	} {
		if err := command(context.Background(), args); err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
