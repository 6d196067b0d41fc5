package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// metrics are those of the program that this one replaces, by their names.
type metrics struct {
	watcherErrors atomic.Int64

	mutex    sync.Mutex
	failed   map[string]bool
	took     map[string]time.Duration
	success  map[string]int
	errors   map[pair]int
	requests map[pair]int
}

// pair is a webhook and the value of the second label.
type pair struct{ webhook, other string }

func newMetrics(webhooks []string) *metrics {
	made := &metrics{
		failed: map[string]bool{}, took: map[string]time.Duration{}, success: map[string]int{},
		errors: map[pair]int{}, requests: map[pair]int{},
	}
	for _, webhook := range webhooks {
		made.failed[redacted(webhook)], made.success[redacted(webhook)] = false, 0
	}
	return made
}

// called notes the end of a call; reason is empty if it succeeded.
func (m *metrics) called(webhook, reason string, took time.Duration) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	webhook = redacted(webhook)
	m.failed[webhook], m.took[webhook] = reason != "", took
	if reason == "" {
		m.success[webhook]++
	} else {
		m.errors[pair{webhook, reason}]++
	}
}

// answered notes the status of an answer.
func (m *metrics) answered(webhook string, status int) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.requests[pair{redacted(webhook), strconv.Itoa(status)}]++
}

// ServeHTTP writes them in the text format of Prometheus.
func (m *metrics) ServeHTTP(writer http.ResponseWriter, _ *http.Request) {
	writer.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.mutex.Lock()
	defer m.mutex.Unlock()
	one := func(webhook string) string { return fmt.Sprintf("{webhook=%s}", quoted(webhook)) }
	two := func(label string) func(pair) string {
		return func(p pair) string {
			return fmt.Sprintf("{%s=%s,webhook=%s}", label, quoted(p.other), quoted(p.webhook))
		}
	}
	errors := map[string]float64{}
	for webhook, failed := range m.failed {
		errors[webhook] = map[bool]float64{true: 1}[failed]
	}
	seconds := map[string]float64{}
	for webhook, took := range m.took {
		seconds[webhook] = took.Seconds()
	}
	family(writer, "last_reload_error", "gauge", "Whether the last reload failed (1 for error, 0 for success)", errors, one)
	family(writer, "last_request_duration_seconds", "gauge", "Duration of the last webhook request", seconds, one)
	family(writer, "success_reloads_total", "counter", "Number of successful reloads", numbers(m.success), one)
	family(writer, "request_errors_total", "counter", "Number of failed requests by reason", numbers(m.errors), two("reason"))
	family(writer, "requests_total", "counter", "Number of answers by status", numbers(m.requests), two("status_code"))
	watching := map[string]float64{"": float64(m.watcherErrors.Load())}
	family(writer, "watcher_errors_total", "counter", "Number of errors while watching", watching, func(string) string { return "" })
}

// family writes one metric with all its series, in a fixed order.
func family[K comparable](to io.Writer, name, kind, help string, values map[K]float64, labels func(K) string) {
	name = "configmap_reload_" + name
	fmt.Fprintf(to, "# HELP %s %s.\n# TYPE %s %s\n", name, help, name, kind)
	lines := make([]string, 0, len(values))
	for key := range maps.Keys(values) {
		lines = append(lines, fmt.Sprintf("%s%s %g\n", name, labels(key), values[key]))
	}
	slices.Sort(lines)
	io.WriteString(to, strings.Join(lines, "")) //nolint:errcheck  // a scrape that went away
}

func numbers[K comparable](counts map[K]int) map[K]float64 {
	found := make(map[K]float64, len(counts))
	for key, count := range counts {
		found[key] = float64(count)
	}
	return found
}

// quoted is a label's value as the text format has it.
func quoted(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(value) + `"`
}

// redacted is a webhook without the password in it.
func redacted(webhook string) string {
	parsed, err := url.Parse(webhook)
	if err != nil {
		return "invalid"
	}
	return parsed.Redacted()
}
