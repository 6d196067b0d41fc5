package main

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
)

const (
	// maxSeries is what six digits of the label can number.
	maxSeries = 1_000_000
	// pieceBytes is how much of the exposition is held before it is sent; 50 000 series are about 2.4 MB.
	pieceBytes = 64 << 10
	// lineBytes is more than the longest line of noise.
	lineBytes = 128
)

// app answers requests and counts those that are not a scrape or a probe.
type app struct {
	http.ServeMux
	series          int
	found, notThere atomic.Uint64
}

func newApp(series int) *app {
	made := &app{series: series}
	made.HandleFunc("/", made.request)
	made.HandleFunc("/healthz", func(answer http.ResponseWriter, _ *http.Request) { say(answer, "ok\n") })
	made.HandleFunc("/metrics", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		if err := made.expose(answer); err != nil {
			slog.Warn("scrape cut off", "error", err)
		}
	})
	return made
}

func (a *app) request(answer http.ResponseWriter, request *http.Request) {
	if request.URL.Path != "/" {
		a.notThere.Add(1)
		http.NotFound(answer, request)
		return
	}
	a.found.Add(1)
	say(answer, "ok\n")
}

func say(answer http.ResponseWriter, text string) {
	if _, err := io.WriteString(answer, text); err != nil {
		slog.Warn("answer cut off", "error", err)
	}
}

// expose writes every metric in Prometheus's text format. Both codes are there from the start, so that a rate has a first sample.
func (a *app) expose(to io.Writer) error {
	piece := make([]byte, 0, pieceBytes)
	piece = append(piece, "# HELP demo_requests_total Requests other than scrapes and probes, by status code.\n"...)
	piece = append(piece, "# TYPE demo_requests_total counter\n"...)
	piece = appendCount(piece, "200", a.found.Load())
	piece = appendCount(piece, "404", a.notThere.Load())
	if a.series > 0 {
		piece = append(piece, "# HELP demo_noise A random number, another one at every scrape.\n# TYPE demo_noise gauge\n"...)
	}
	for number := range a.series {
		if len(piece)+lineBytes > pieceBytes {
			if _, err := to.Write(piece); err != nil {
				return err
			}
			piece = piece[:0]
		}
		piece = appendNoise(piece, number, rand.Float64())
	}
	_, err := to.Write(piece)
	return err
}

func appendCount(to []byte, code string, count uint64) []byte {
	return fmt.Appendf(to, "demo_requests_total{code=%q} %d\n", code, count)
}

// appendNoise writes all digits of value: 53 random bits, which neither XOR chunks nor a compressed WAL can shorten.
func appendNoise(to []byte, number int, value float64) []byte {
	to = append(to, `demo_noise{series="`...)
	for unit := maxSeries / 10; unit > 0; unit /= 10 {
		to = append(to, byte('0'+number/unit%10))
	}
	to = append(to, `"} `...)
	return append(strconv.AppendFloat(to, value, 'g', -1, 64), '\n')
}
