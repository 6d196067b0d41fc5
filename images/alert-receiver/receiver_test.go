package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// came has a zone and nanoseconds, which the line has in UTC.
var came = time.Date(2026, 11, 30, 11, 0, 0, 123456789, time.FixedZone("", 3600))

// webhook is what Alertmanager 0.33 sends, with a field of the future.
const webhook = `{"receiver":%s,"status":"firing","alerts":[
{"status":"firing","labels":{"alertname":"Full","promdrill_drill":"d"},"annotations":{"summary":"<97 % & more>"},
 "startsAt":"2026-11-30T09:59:50.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/graph","fingerprint":"5ef77f1f8a3ecfe3"},
{"status":"resolved","labels":{"alertname":"Down"},"annotations":{},
 "startsAt":"2026-11-30T09:58:00Z","endsAt":"2026-11-30T09:59:59+01:00","generatorURL":"","fingerprint":"0a"}],
"groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://a:9093","version":"4","groupKey":"{}:{}",
"truncatedAlerts":0,"fieldOfTheFuture":[1]}`

const written = `{"sent":"2026-11-30T10:00:00.123456789Z","receiver":%s,"status":"firing","alerts":[` +
	`{"status":"firing","labels":{"alertname":"Full","promdrill_drill":"d"},"annotations":{"summary":"<97 % & more>"},` +
	`"startsAt":"2026-11-30T09:59:50.123Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"5ef77f1f8a3ecfe3"},` +
	`{"status":"resolved","labels":{"alertname":"Down"},"annotations":{},` +
	`"startsAt":"2026-11-30T09:58:00Z","endsAt":"2026-11-30T09:59:59+01:00","fingerprint":"0a"}]}` + "\n"

func quoted(t *testing.T, name string) string {
	t.Helper()
	text, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func filled(template, name string) string { return strings.Replace(template, "%s", name, 1) }

// post sends a body over a real connection, as paths come escaped.
func post(t *testing.T, to *receiver, path, body string) (int, string) {
	t.Helper()
	server := httptest.NewServer(to)
	defer server.Close()
	answer, err := http.Post(server.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var said bytes.Buffer
	if _, err := said.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, said.String()
}

func made(out *bytes.Buffer) *receiver {
	return &receiver{out: out, now: func() time.Time { return came }}
}

func TestANotificationIsOneLine(t *testing.T) {
	for _, name := range []string{"team-x", "a/b c", "null", ".", "..", "-/healthy", "a?b#c%2F", "é💥", `"\`, "<x>", "{{ x }}", "a\nb"} {
		var out bytes.Buffer
		code, said := post(t, made(&out), "/"+url.PathEscape(name), filled(webhook, quoted(t, name)))
		if code != 200 || said != "ok\n" {
			t.Errorf("%q: %d %s", name, code, said)
		}
		got, rest, _ := strings.Cut(out.String(), "\n")
		want := strings.TrimSuffix(written, "\n")
		shown, err := unescapedJSON(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != filled(want, shown) || rest != "" {
			t.Errorf("line:\n%s\nwant:\n%s", out.String(), filled(want, shown))
		}
	}
}

// unescapedJSON is a text in JSON whose < and & stay as they are.
func unescapedJSON(text string) (string, error) {
	var to strings.Builder
	encoder := json.NewEncoder(&to)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return strings.TrimSpace(to.String()), err
}

func TestLinesStayWhole(t *testing.T) {
	var out bytes.Buffer
	to := made(&out)
	body := filled(webhook, `"x"`)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			answer := httptest.NewRecorder()
			to.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(body)))
			if answer.Code != 200 {
				t.Error(answer.Code)
			}
		})
	}
	all.Wait()
	if out.String() != strings.Repeat(filled(written, `"x"`), 50) {
		t.Error("lines are mixed")
	}
}

func TestWhatIsNoWebhookIsRefused(t *testing.T) {
	good := filled(webhook, `"x"`)
	for _, test := range []struct {
		name, path, body string
		code             int
		want             string
	}{
		{"no JSON", "/x", "hello", 400, "not a webhook of Alertmanager: invalid character 'h'"},
		{"empty", "/x", "", 400, "not a webhook of Alertmanager: EOF"},
		{"cut off", "/x", good[:300], 400, "not a webhook of Alertmanager: unexpected EOF"},
		{"a list", "/x", "[]", 400, "not a webhook of Alertmanager: json: cannot unmarshal array"},
		{"two of them", "/x", good + good, 400, "more than one JSON value"},
		{"another version", "/x", strings.Replace(good, `"4"`, `"5"`, 1), 400, `version "5", want "4"`},
		{"no version", "/x", strings.Replace(good, `"version":"4",`, "", 1), 400, `version "", want "4"`},
		{"nobody", "/", good, 400, "the path names no receiver"},
		{"another receiver", "/y", good, 400, `of receiver "x", and sent to "y"`},
		{"no alerts", "/x", `{"version":"4","receiver":"x","status":"firing","alerts":[]}`, 400, "without alerts"},
		{"a state that is none", "/x", strings.Replace(good, `"status":"firing","alerts"`, `"status":"pending","alerts"`, 1), 400, `status "pending", want firing or resolved`},
		{"an alert's", "/x", strings.Replace(good, `"resolved"`, `""`, 1), 400, `alert 2: status "", want firing or resolved`},
		{"no labels", "/x", strings.Replace(good, `{"alertname":"Down"}`, "null", 1), 400, "alert 2: without labels"},
		{"no beginning", "/x", strings.Replace(good, `"startsAt":"2026-11-30T09:58:00Z",`, "", 1), 400, "alert 2: without startsAt"},
		{"a day that is none", "/x", strings.Replace(good, "2026-11-30T09:58", "2026-02-30T09:58", 1), 400, "day out of range"},
		{"no fingerprint", "/x", strings.Replace(good, `"0a"`, `""`, 1), 400, "alert 2: without fingerprint"},
		{"too large", "/x", strings.Replace(good, "97", strings.Repeat("9", largest), 1), 413, "larger than 8388608 bytes"},
		{"too large after it", "/x", good + strings.Repeat(" ", largest), 413, "larger than 8388608 bytes"},
	} {
		var out bytes.Buffer
		code, said := post(t, made(&out), test.path, test.body)
		if code != test.code || !strings.Contains(said, test.want) {
			t.Errorf("%s: %d %.200s, want %d %s", test.name, code, said, test.code, test.want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: a line: %.100s", test.name, out.String())
		}
	}
}

func TestABodyUpToTheLimitIsRead(t *testing.T) {
	var out bytes.Buffer
	body := filled(webhook, `"x"`)
	if code, said := post(t, made(&out), "/x", body+strings.Repeat(" ", largest-len(body))); code != 200 {
		t.Errorf("%d %s", code, said)
	}
}

func TestHealthyAndNothingElseIsToBeGot(t *testing.T) {
	for _, test := range []struct {
		method, path string
		code         int
	}{
		{"GET", "/-/healthy", 200}, {"HEAD", "/-/healthy", 200}, {"GET", "/x", 405}, {"GET", "/", 405}, {"PUT", "/x", 405},
		{"GET", "/-%2Fhealthy", 405}, {"POST", "/-/healthy", 400},
	} {
		answer := httptest.NewRecorder()
		made(new(bytes.Buffer)).ServeHTTP(answer, httptest.NewRequest(test.method, test.path, http.NoBody))
		if answer.Code != test.code {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, answer.Code, test.code)
		}
		if allow := answer.Header().Get("Allow"); (answer.Code == 405) != (allow == "POST") {
			t.Errorf("%s %s: %d, Allow %q", test.method, test.path, answer.Code, allow)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWhatCannotBeWrittenIsSentAgain(t *testing.T) {
	to := &receiver{out: full{}, now: time.Now}
	code, said := post(t, to, "/x", filled(webhook, `"x"`))
	if code != 500 || !strings.Contains(said, "no space left") { // Alertmanager sends again what is answered with 5xx
		t.Error(fmt.Sprint(code, said))
	}
}
