package main

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, handler http.Handler, path string, wantCode int) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	if answer.Code != wantCode {
		t.Fatalf("GET %s: %d, want %d", path, answer.Code, wantCode)
	}
	return answer
}

func TestRequestsAreCountedByCodeAndScrapesAndProbesAreNot(t *testing.T) {
	served := newApp(0)
	for range 3 {
		if body := get(t, served, "/", 200).Body.String(); body != "ok\n" {
			t.Fatalf("/ answers %q", body)
		}
	}
	get(t, served, "/nowhere", 404)
	get(t, served, "/healthz", 200)
	get(t, served, "/metrics", 200)
	scrape := get(t, served, "/metrics", 200)
	if got := scrape.Header().Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	want := `# HELP demo_requests_total Requests other than scrapes and probes, by status code.
# TYPE demo_requests_total counter
demo_requests_total{code="200"} 3
demo_requests_total{code="404"} 1
`
	if got := scrape.Body.String(); got != want {
		t.Errorf("exposition:\n%swant:\n%s", got, want)
	}
}

func TestBothCodesAreThereBeforeTheFirstRequest(t *testing.T) {
	exposed := get(t, newApp(0), "/metrics", 200).Body.String()
	for _, line := range []string{"demo_requests_total{code=\"200\"} 0\n", "demo_requests_total{code=\"404\"} 0\n"} {
		if !strings.Contains(exposed, line) {
			t.Errorf("no line %q in\n%s", line, exposed)
		}
	}
}

var noise = regexp.MustCompile(`(?m)^demo_noise\{series="(\d{6})"\} (\d\S*)$`)

// noiseOf maps each series to its value, and fails on one that is there twice.
func noiseOf(t *testing.T, served http.Handler) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, match := range noise.FindAllStringSubmatch(get(t, served, "/metrics", 200).Body.String(), -1) {
		if _, twice := found[match[1]]; twice {
			t.Fatalf("series %s is there twice", match[1])
		}
		found[match[1]] = match[2]
	}
	return found
}

func TestEverySeriesChangesAtEveryScrape(t *testing.T) {
	const series = 5000 // several pieces
	served := newApp(series)
	first, second := noiseOf(t, served), noiseOf(t, served)
	if len(first) != series || len(second) != series {
		t.Fatalf("%d and %d series, want %d", len(first), len(second), series)
	}
	for _, name := range []string{"000000", "004999"} {
		if _, there := first[name]; !there {
			t.Errorf("no series %s", name)
		}
	}
	for name, value := range first {
		if second[name] == value {
			t.Errorf("series %s stayed at %s", name, value)
		}
	}
}

func TestNoiseIsHardToCompress(t *testing.T) {
	var digits, packed bytes.Buffer
	for _, value := range noiseOf(t, newApp(5000)) {
		digits.WriteString(value)
	}
	writer, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, err = writer.Write(digits.Bytes())
	if err := errors.Join(err, writer.Close()); err != nil {
		t.Fatal(err)
	}
	if bitsEach := 8 * packed.Len() / 5000; bitsEach < 53 {
		t.Errorf("%d bits a value, want the 53 that a random number below 1 has", bitsEach)
	}
}

type cut struct{}

var errCut = errors.New("connection reset")

func (cut) Write([]byte) (int, error) { return 0, errCut }

func TestAScrapeThatIsCutOffEnds(t *testing.T) {
	if err := newApp(maxSeries).expose(cut{}); !errors.Is(err, errCut) {
		t.Errorf("error %v, want %v", err, errCut)
	}
}

func BenchmarkExpose50000(b *testing.B) {
	served := newApp(50_000)
	for b.Loop() {
		if err := served.expose(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
