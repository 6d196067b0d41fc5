package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

const (
	secretPath = "/api/v1/namespaces/mon/secrets/mon-admission"
	hooksPath  = "/apis/admissionregistration.k8s.io/v1/"
	validating = hooksPath + "validatingwebhookconfigurations/mon-admission"
	mutating   = hooksPath + "mutatingwebhookconfigurations/mon-admission"
)

var (
	createArgs = []string{
		"create", "--host=mon-operator,mon-operator.mon.svc,127.0.0.1", "--namespace=mon", "--secret-name=mon-admission",
	}
	patchArgs = []string{"patch", "--webhook-name=mon-admission", "--namespace=mon", "--secret-name=mon-admission"}
)

// world is an API server that keeps objects by their paths, as JSON.
type world struct {
	mutex     sync.Mutex
	objects   map[string]string
	conflicts int // how many changes are refused at first
	asked     []string
	api       *cluster
}

func start(t *testing.T, objects map[string]string) *world {
	t.Helper()
	made := &world{objects: map[string]string{}}
	maps.Copy(made.objects, objects)
	server := httptest.NewTLSServer(made)
	t.Cleanup(server.Close)
	folder := t.TempDir()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	must(t, os.WriteFile(filepath.Join(folder, "ca.crt"), authority, 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "token"), []byte("sesame\n"), 0o600))
	var err error
	made.api, err = connected(server.URL, folder)
	must(t, err)
	return made
}

func (w *world) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.asked = append(w.asked, request.Method+" "+request.URL.Path)
	refuse := func(status int, said string) {
		writer.WriteHeader(status)
		json.NewEncoder(writer).Encode(map[string]any{"kind": "Status", "message": said}) //nolint:errcheck
	}
	if request.Header.Get("Authorization") != "Bearer sesame" {
		refuse(http.StatusUnauthorized, "Unauthorized")
		return
	}
	path, body := request.URL.Path, json.RawMessage{}
	if request.Method != http.MethodGet {
		if err := json.NewDecoder(request.Body).Decode(&body); err != nil {
			refuse(http.StatusBadRequest, err.Error())
			return
		}
	}
	if request.Method == http.MethodPost {
		var made struct{ Metadata struct{ Name string } }
		json.Unmarshal(body, &made) //nolint:errcheck
		path += "/" + made.Metadata.Name
	}
	there, known := w.objects[path]
	switch {
	case request.Method == http.MethodPost && known:
		refuse(http.StatusConflict, "already exists")
	case request.Method == http.MethodPut && w.conflicts > 0:
		w.conflicts--
		refuse(http.StatusConflict, "the object has been modified")
	case request.Method != http.MethodPost && !known:
		refuse(http.StatusNotFound, path+" not found")
	case request.Method == http.MethodGet:
		writer.Write([]byte(there)) //nolint:errcheck
	default:
		w.objects[path] = string(body)
		writer.Write(body) //nolint:errcheck
	}
}

func (w *world) do(args ...string) error {
	return command(context.Background(), func() (*cluster, error) { return w.api, nil }, args)
}

// object is what is kept at a path.
func (w *world) object(t *testing.T, path string) map[string]any {
	t.Helper()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var found map[string]any
	must(t, json.Unmarshal([]byte(w.objects[path]), &found))
	return found
}

// data is what a Secret holds.
func (w *world) data(t *testing.T) map[string][]byte {
	t.Helper()
	found, err := w.api.secret(context.Background(), "mon", "mon-admission")
	must(t, err)
	return found
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheCertificateIsTrustedForItsHostsAlone(t *testing.T) {
	w := start(t, nil)
	must(t, w.do(createArgs...))
	data := w.data(t)
	if len(data) != 3 {
		t.Fatalf("keys: %v", data)
	}
	served, err := tls.X509KeyPair(data["cert"], data["key"])
	must(t, err)
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(data["ca"]) {
		t.Fatal("no authority")
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{served}, MinVersion: tls.VersionTLS13})
	must(t, err)
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func(connection net.Conn) {
				connection.Read(make([]byte, 1)) //nolint:errcheck
				connection.Close()
			}(connection)
		}
	}()
	for host, wanted := range map[string]bool{
		"mon-operator": true, "mon-operator.mon.svc": true, "127.0.0.1": true, "other.mon.svc": false,
	} {
		connection, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: trusted, ServerName: host})
		if (err == nil) != wanted {
			t.Errorf("%s: %v", host, err)
		}
		if err == nil {
			connection.Close()
		}
	}
	if _, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{ServerName: "mon-operator"}); err == nil {
		t.Error("trusted without its authority")
	}
}

func TestKeysOfTheSecretHaveTheNamesAskedFor(t *testing.T) {
	w := start(t, nil)
	must(t, w.do(append(createArgs, "--cert-name=tls.crt", "--key-name=tls.key")...))
	data := w.data(t)
	if _, err := tls.X509KeyPair(data["tls.crt"], data["tls.key"]); err != nil || len(data["ca"]) == 0 || len(data) != 3 {
		t.Fatalf("%v: %v", err, data)
	}
}

func TestACertificateInUseIsKept(t *testing.T) {
	there := `{"kind": "Secret", "data": {"ca": "eA==", "cert": "eQ=="}}`
	w := start(t, map[string]string{secretPath: there})
	must(t, w.do(createArgs...))
	if w.objects[secretPath] != there || len(w.asked) != 1 {
		t.Fatalf("%v: %s", w.asked, w.objects[secretPath])
	}
}

func TestASecretThatIsMadeMeanwhileIsKept(t *testing.T) {
	w := start(t, map[string]string{secretPath: `{"data": {"ca": "eA=="}}`})
	must(t, w.api.createSecret(context.Background(), "mon", "mon-admission", map[string][]byte{"ca": nil}))
	if string(w.data(t)["ca"]) != "x" {
		t.Fatal("replaced")
	}
}

func TestAllWebhooksOfBothKindsTrustTheAuthority(t *testing.T) {
	hooks := `{"metadata": {"generation": 9007199254740993}, "webhooks": [
		{"name": "a", "failurePolicy": "Ignore", "clientConfig": {"service": {"name": "mon-operator", "port": 443}}},
		{"name": "b", "failurePolicy": "Ignore", "clientConfig": {"caBundle": "b2xk"}}]}`
	for policy, wanted := range map[string]string{"": "Ignore", "Ignore": "Ignore", "Fail": "Fail"} {
		w := start(t, map[string]string{secretPath: `{"data": {"ca": "eA=="}}`, validating: hooks, mutating: hooks})
		w.conflicts = tries - 1
		must(t, w.do(append(patchArgs, "--patch-failure-policy="+policy)...))
		for _, path := range []string{validating, mutating} {
			if !strings.Contains(w.objects[path], "9007199254740993") {
				t.Errorf("a number became another: %s", w.objects[path])
			}
			for _, each := range w.object(t, path)["webhooks"].([]any) {
				webhook := each.(map[string]any)
				client := webhook["clientConfig"].(map[string]any)
				if client["caBundle"] != "eA==" || webhook["failurePolicy"] != wanted {
					t.Errorf("%s, policy %q: %v", path, policy, webhook)
				}
			}
		}
		service := w.object(t, validating)["webhooks"].([]any)[0].(map[string]any)["clientConfig"].(map[string]any)["service"]
		if !reflect.DeepEqual(service, map[string]any{"name": "mon-operator", "port": 443.0}) {
			t.Errorf("what it does not know: %v", service)
		}
	}
}

func TestOneKindAlone(t *testing.T) {
	hooks := `{"webhooks": [{"name": "a", "clientConfig": {}}]}`
	w := start(t, map[string]string{secretPath: `{"data": {"ca": "eA=="}}`, mutating: hooks})
	must(t, w.do(append(patchArgs, "--patch-validating=false")...))
	if !strings.Contains(w.objects[mutating], `"caBundle":"eA=="`) {
		t.Fatal(w.objects)
	}
}

func TestCreateAndPatchGoTogether(t *testing.T) {
	hooks := `{"webhooks": [{"name": "a", "clientConfig": {}}]}`
	w := start(t, map[string]string{validating: hooks, mutating: hooks})
	must(t, w.do(createArgs...))
	must(t, w.do(patchArgs...))
	var found struct {
		Webhooks []struct{ ClientConfig struct{ CABundle []byte } }
	}
	must(t, json.Unmarshal([]byte(w.objects[validating]), &found))
	if got := found.Webhooks[0].ClientConfig.CABundle; len(got) == 0 || string(got) != string(w.data(t)["ca"]) {
		t.Fatalf("%s", got)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	ca := `{"data": {"ca": "eA=="}}`
	hooks := `{"webhooks": [{"name": "a", "clientConfig": {}}]}`
	for _, each := range []struct {
		objects map[string]string
		args    []string
		said    string
	}{
		{nil, nil, "usage:"},
		{nil, []string{"remove"}, "usage:"},
		{nil, []string{"create", "--namespace=mon", "--secret-name=x"}, "--host is missing"},
		{nil, []string{"create", "--host=,", "--namespace=mon", "--secret-name=x"}, "names no host"},
		{nil, []string{"create", "--host=a", "--secret-name=x"}, "--namespace is missing"},
		{nil, append(createArgs, "more"), `unexpected argument "more"`},
		{nil, []string{"create", "--hosts=a"}, "hosts"},
		{nil, patchArgs[:2], "--namespace is missing"},
		{nil, append(patchArgs, "--patch-failure-policy=IgnoreOnInstallOnly"), "want Ignore or Fail"},
		{nil, append(patchArgs, "--patch-validating=false", "--patch-mutating=false"), "nothing to change"},
		{nil, patchArgs, "mon-admission not found"},
		{map[string]string{secretPath: `{"data": {"cert": "eA=="}}`}, createArgs, `has no key "ca"`},
		{map[string]string{secretPath: `{"data": {"cert": "eA=="}}`}, patchArgs, `has no key "ca"`},
		{map[string]string{secretPath: ca}, patchArgs, validating + " not found"},
		{map[string]string{secretPath: ca, validating: hooks}, patchArgs, mutating + " not found"},
		{map[string]string{secretPath: ca, validating: `{"webhooks": [{"name": "a"}]}`}, patchArgs, "the webhook a has no clientConfig"},
	} {
		err := start(t, each.objects).do(each.args...)
		if err == nil || !strings.Contains(err.Error(), each.said) {
			t.Errorf("%v: %v, want %q", each.args, err, each.said)
		}
	}
}

func TestAChangeThatAlwaysMeetsAnotherEnds(t *testing.T) {
	w := start(t, map[string]string{secretPath: `{"data": {"ca": "eA=="}}`, validating: `{"webhooks": []}`})
	w.conflicts = 1000
	if err := w.do(patchArgs...); err == nil || !strings.Contains(err.Error(), "has been modified") {
		t.Fatal(err)
	}
}

func TestWhoIsNotLetInSaysSo(t *testing.T) {
	w := start(t, nil)
	w.api.token = "other"
	if err := w.do(createArgs...); err == nil || !strings.Contains(err.Error(), "HTTP 401: Unauthorized") {
		t.Fatal(err)
	}
}

func TestOutsideAPod(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if err := command(context.Background(), inCluster, createArgs); err == nil || !strings.Contains(err.Error(), "runs in a pod") {
		t.Fatal(err)
	}
	if err := command(context.Background(), inCluster, []string{"version"}); err != nil {
		t.Fatal(err)
	}
	if _, err := connected("https://127.0.0.1", t.TempDir()); err == nil || !strings.Contains(err.Error(), "token") {
		t.Fatal(err)
	}
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "token"), []byte("x"), 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "ca.crt"), []byte("x"), 0o600))
	if _, err := connected("https://127.0.0.1", folder); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Fatal(err)
	}
}
