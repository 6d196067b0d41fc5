package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// apiServer answers exactly what the agent may ask: three lists and watches, single reads, two patches, events.
type apiServer struct {
	t       *testing.T
	mu      sync.Mutex
	objects map[string]map[string]any // by path
	version int
	watch   map[string][]chan []byte // by path of the list
	events  chan corev1.Event
}

var lists = map[string]string{
	"/api/v1/persistentvolumeclaims":         "PersistentVolumeClaimList",
	"/api/v1/persistentvolumes":              "PersistentVolumeList",
	"/apis/storage.k8s.io/v1/storageclasses": "StorageClassList",
}

const (
	claimPath  = "/api/v1/namespaces/drill/persistentvolumeclaims/data"
	volumePath = "/api/v1/persistentvolumes/pvc-1"
	classPath  = "/apis/storage.k8s.io/v1/storageclasses/fast"
	nodePath   = "/api/v1/nodes/node-1"
)

func newAPIServer(t *testing.T, objects map[string]any) (*apiServer, *rest.Config) {
	server := &apiServer{
		t: t, objects: map[string]map[string]any{}, watch: map[string][]chan []byte{}, events: make(chan corev1.Event, 100),
	}
	for path, object := range objects {
		server.put(path, object)
	}
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	t.Cleanup(listening.CloseClientConnections)
	return server, &rest.Config{Host: listening.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
}

func listOf(path string) string {
	path = path[:strings.LastIndex(path, "/")]
	return strings.Replace(path, "/namespaces/drill", "", 1)
}

// put stores an object as its next version and tells the watches.
func (s *apiServer) put(path string, object any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.Marshal(object)
	if err != nil {
		s.t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal(text, &plain); err != nil {
		s.t.Fatal(err)
	}
	s.store(path, plain)
}

func (s *apiServer) store(path string, object map[string]any) {
	s.version++
	object["metadata"].(map[string]any)["resourceVersion"] = fmt.Sprint(s.version)
	kind := "MODIFIED"
	if s.objects[path] == nil {
		kind = "ADDED"
	}
	s.objects[path] = object
	event, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		s.t.Error(err)
	}
	for _, watcher := range s.watch[listOf(path)] {
		watcher <- event
	}
}

// merged is RFC 7396.
func merged(target, patch map[string]any) map[string]any {
	for key, value := range patch {
		inner, isObject := value.(map[string]any)
		old, wasObject := target[key].(map[string]any)
		switch {
		case value == nil:
			delete(target, key)
		case isObject && wasObject:
			target[key] = merged(old, inner)
		default:
			target[key] = value
		}
	}
	return target
}

func (s *apiServer) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	answer.Header().Set("Content-Type", "application/json")
	path, query := request.URL.Path, request.URL.Query()
	_, isList := lists[path]
	switch {
	case isList && query.Get("sendInitialEvents") == "true": // a server without streaming lists, the harder case
		http.Error(answer, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`, http.StatusUnprocessableEntity)
	case isList && query.Get("watch") != "":
		s.serveWatch(answer, request)
	case isList:
		s.serveList(answer, path)
	case request.Method == http.MethodPatch:
		s.servePatch(answer, request)
	case request.Method == http.MethodPost && path == "/api/v1/namespaces/drill/events":
		var event corev1.Event
		if err := json.NewDecoder(request.Body).Decode(&event); err != nil {
			s.t.Error(err)
		}
		s.events <- event
		answer.WriteHeader(http.StatusCreated)
		json.NewEncoder(answer).Encode(event)
	case request.Method == http.MethodGet && s.object(path) != nil:
		json.NewEncoder(answer).Encode(s.object(path))
	default:
		s.t.Errorf("unexpected %s %s", request.Method, request.URL)
		http.Error(answer, "{}", http.StatusNotFound)
	}
}

func (s *apiServer) object(path string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[path]
}

func (s *apiServer) serveList(answer io.Writer, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []any{}
	for of, object := range s.objects {
		if listOf(of) == path {
			items = append(items, object)
		}
	}
	json.NewEncoder(answer).Encode(map[string]any{
		"kind": lists[path], "apiVersion": strings.TrimPrefix(strings.TrimPrefix(path[:strings.LastIndex(path, "/")], "/apis/"), "/api/"),
		"metadata": map[string]any{"resourceVersion": fmt.Sprint(s.version)}, "items": items,
	})
}

func (s *apiServer) serveWatch(answer http.ResponseWriter, request *http.Request) {
	channel := make(chan []byte, 100)
	s.mu.Lock()
	s.watch[request.URL.Path] = append(s.watch[request.URL.Path], channel)
	s.mu.Unlock()
	answer.(http.Flusher).Flush()
	for {
		select {
		case event := <-channel:
			answer.Write(append(event, '\n'))
			answer.(http.Flusher).Flush()
		case <-request.Context().Done():
			return
		}
	}
}

func (s *apiServer) servePatch(answer http.ResponseWriter, request *http.Request) {
	path := strings.TrimSuffix(request.URL.Path, "/status")
	if path != claimPath && path != volumePath || (path == claimPath) != strings.HasSuffix(request.URL.Path, "/status") ||
		request.Header.Get("Content-Type") != "application/merge-patch+json" {
		s.t.Errorf("unexpected patch of %s as %s", request.URL.Path, request.Header.Get("Content-Type"))
	}
	var patch map[string]any
	if err := json.NewDecoder(request.Body).Decode(&patch); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	object := s.objects[path]
	metadata, _ := patch["metadata"].(map[string]any)
	if wanted := metadata["resourceVersion"]; wanted != nil && wanted != object["metadata"].(map[string]any)["resourceVersion"] {
		answer.WriteHeader(http.StatusConflict)
		io.WriteString(answer, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`)
		return
	}
	text, _ := json.Marshal(object)
	var fresh map[string]any
	json.Unmarshal(text, &fresh)
	s.store(path, merged(fresh, patch))
	json.NewEncoder(answer).Encode(s.objects[path])
}

func (s *apiServer) nextEvent() corev1.Event {
	s.t.Helper()
	select {
	case event := <-s.events:
		return event
	case <-time.After(10 * time.Second):
		s.t.Fatal("no event within 10 s")
		return corev1.Event{}
	}
}

// TestAgentAgainstAnAPIServer edits a claim as an operator does, first where the class forbids it.
func TestAgentAgainstAnAPIServer(t *testing.T) {
	server, config := newAPIServer(t, map[string]any{
		nodePath: &corev1.Node{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
			ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{corev1.LabelHostname: testNode}},
		},
		claimPath: claimOfSize("1Gi", "1Gi"), volumePath: volumeOfSize("1Gi"), classPath: classThat(false, nil),
	})
	var mu sync.Mutex
	var grown []string
	grow := func(folder string, sizeBytes int64) error {
		mu.Lock()
		defer mu.Unlock()
		grown = append(grown, fmt.Sprintf("%s %d", folder, sizeBytes))
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, config, options{root: testRoot, node: "node-1", listen: "127.0.0.1:0"}, grow)
	}()

	server.put(claimPath, claimOfSize("2Gi", "1Gi"))
	if event := server.nextEvent(); event.Reason != "VolumeResizeFailed" || !strings.Contains(event.Message, "does not allow") {
		t.Fatalf("got %s: %s", event.Reason, event.Message)
	}
	server.put(classPath, classThat(true, nil))
	var told []string
	for range 2 {
		event := server.nextEvent()
		told = append(told, event.Reason)
		if event.Source.Component != agentName || event.InvolvedObject.Name != "data" {
			t.Errorf("event from %+v about %+v", event.Source, event.InvolvedObject)
		}
	}
	if !slices.Equal(told, []string{"Resizing", "FileSystemResizeSuccessful"}) {
		t.Errorf("told %v", told)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if want := []string{testFolder + " 2147483648"}; !slices.Equal(grown, want) {
		t.Errorf("grown %v, want %v", grown, want)
	}
	for path, where := range map[string]string{claimPath: "status", volumePath: "spec"} {
		capacity := server.object(path)[where].(map[string]any)["capacity"]
		if fmt.Sprint(capacity) != "map[storage:2Gi]" {
			t.Errorf("%s states %v", path, capacity)
		}
	}
}

func TestReadiness(t *testing.T) {
	synced := false
	server := listen("127.0.0.1:0", func() bool { return synced })
	defer server.Close()
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		answer := httptest.NewRecorder()
		server.Handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if answer.Code != want {
			t.Errorf("got %d, want %d", answer.Code, want)
		}
		synced = true
	}
}
