package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// largest is the size of a body that is still read: thousands of alerts.
	largest = 8 << 20
	// known is the version of the webhook's format; Alertmanager has had it since 0.5.
	known   = "4"
	healthy = "/-/healthy"
)

// message is what Alertmanager sends, as far as it is used; what later releases add is passed over.
type message struct {
	Version  string  `json:"version"`
	Receiver string  `json:"receiver"`
	Status   string  `json:"status"`
	Alerts   []alert `json:"alerts"`
}

// alert has the same names in the message and in the line.
type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Fingerprint string            `json:"fingerprint"`
}

// line is a notification as it is written. Sent is when its request came.
type line struct {
	Sent     time.Time `json:"sent"`
	Receiver string    `json:"receiver"`
	Status   string    `json:"status"`
	Alerts   []alert   `json:"alerts"`
}

// receiver answers requests, and writes each notification to out as one line. A server mux would clean paths, and a receiver
// may be called "..".
type receiver struct {
	out   io.Writer
	now   func() time.Time
	mutex sync.Mutex
}

func (r *receiver) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	if request.URL.EscapedPath() == healthy && request.Method != http.MethodPost {
		say(answer, "ok\n")
		return
	}
	if request.Method != http.MethodPost {
		answer.Header().Set("Allow", http.MethodPost)
		refuse(answer, request, http.StatusMethodNotAllowed, errors.New("want POST"))
		return
	}
	came := r.now().UTC()
	told, err := read(http.MaxBytesReader(answer, request.Body, largest), strings.TrimPrefix(request.URL.Path, "/"))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(answer, request, http.StatusRequestEntityTooLarge, fmt.Errorf("larger than %d bytes", tooLarge.Limit))
		return
	case err != nil:
		refuse(answer, request, http.StatusBadRequest, err)
		return
	}
	if err := r.write(line{came, told.Receiver, told.Status, told.Alerts}); err != nil {
		refuse(answer, request, http.StatusInternalServerError, err) // Alertmanager sends it again
		return
	}
	say(answer, "ok\n")
}

// read checks a body that was sent to the receiver of that name.
func read(body io.Reader, name string) (message, error) {
	var told message
	decoder := json.NewDecoder(body)
	if err := decoder.Decode(&told); err != nil {
		return told, fmt.Errorf("not a webhook of Alertmanager: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		if err == nil || !errors.As(err, new(*http.MaxBytesError)) {
			err = errors.New("more than one JSON value")
		}
		return told, err
	}
	switch {
	case told.Version != known:
		return told, fmt.Errorf("version %q, want %q", told.Version, known)
	case name == "":
		return told, errors.New("the path names no receiver")
	case told.Receiver != name:
		return told, fmt.Errorf("of receiver %q, and sent to %q", told.Receiver, name)
	case len(told.Alerts) == 0:
		return told, errors.New("without alerts")
	}
	if err := checkStatus(told.Status); err != nil {
		return told, err
	}
	for number, each := range told.Alerts {
		if err := each.check(); err != nil {
			return told, fmt.Errorf("alert %d: %w", number+1, err)
		}
	}
	return told, nil
}

func (a alert) check() error {
	switch {
	case len(a.Labels) == 0:
		return errors.New("without labels")
	case a.StartsAt.IsZero():
		return errors.New("without startsAt")
	case a.Fingerprint == "":
		return errors.New("without fingerprint")
	}
	return checkStatus(a.Status)
}

func checkStatus(status string) error {
	if status != "firing" && status != "resolved" {
		return fmt.Errorf("status %q, want firing or resolved", status)
	}
	return nil
}

// write makes one call of it, so that lines stay whole; nothing is buffered.
func (r *receiver) write(told line) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(told); err != nil {
		return err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	_, err := io.WriteString(r.out, text.String())
	return err
}

func refuse(answer http.ResponseWriter, request *http.Request, code int, err error) {
	slog.Warn("refused", "method", request.Method, "path", request.URL.EscapedPath(), "code", code, "error", err)
	http.Error(answer, err.Error(), code)
}

func say(answer http.ResponseWriter, text string) {
	if _, err := io.WriteString(answer, text); err != nil {
		slog.Warn("answer cut off", "error", err)
	}
}
