package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// account is where the kubelet puts what a pod may know of its ServiceAccount.
	account = "/var/run/secrets/kubernetes.io/serviceaccount"
	// patience bounds one request.
	patience = 30 * time.Second
	// tries is how often a change is made again after somebody else's.
	tries = 5
	// largest bounds an answer; an object is at most 1.5 MiB.
	largest = 4 << 20
)

var (
	errNotFound = errors.New("not found")
	errConflict = errors.New("conflict")
)

// cluster is an API server, as a ServiceAccount sees it.
type cluster struct {
	address string
	token   string
	client  *http.Client
}

// inCluster is the API server of the pod that this program runs in.
func inCluster() (*cluster, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("KUBERNETES_SERVICE_HOST is empty: this program runs in a pod")
	}
	return connected("https://"+net.JoinHostPort(host, port), account)
}

// connected is the API server at an address, with the files of a ServiceAccount.
func connected(address, folder string) (*cluster, error) {
	token, err := os.ReadFile(filepath.Join(folder, "token"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s: no certificate", filepath.Join(folder, "ca.crt"))
	}
	client := &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}},
	}
	return &cluster{address, strings.TrimSpace(string(token)), client}, nil
}

// secret is the data of a Secret; errNotFound if there is none.
func (c *cluster) secret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	var found struct {
		Data map[string][]byte `json:"data"`
	}
	err := c.call(ctx, http.MethodGet, secrets(namespace)+"/"+name, nil, &found)
	return found.Data, err
}

// createSecret makes a Secret; one that somebody else has made meanwhile is left.
func (c *cluster) createSecret(ctx context.Context, namespace, name string, data map[string][]byte) error {
	body := map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": namespace}, "data": data,
	}
	err := c.call(ctx, http.MethodPost, secrets(namespace), body, nil)
	if errors.Is(err, errConflict) {
		return nil
	}
	return err
}

func secrets(namespace string) string { return "/api/v1/namespaces/" + namespace + "/secrets" }

// trust gives an authority, and a policy unless it is empty, to all webhooks of a configuration.
func (c *cluster) trust(ctx context.Context, kind, name string, authority []byte, policy string) error {
	path := "/apis/admissionregistration.k8s.io/v1/" + kind + "/" + name
	for try := 1; ; try++ {
		var found map[string]any
		if err := c.call(ctx, http.MethodGet, path, nil, &found); err != nil {
			return err
		}
		if err := change(found, authority, policy); err != nil {
			return fmt.Errorf("%s %s: %w", kind, name, err)
		}
		err := c.call(ctx, http.MethodPut, path, found, nil)
		if !errors.Is(err, errConflict) || try == tries {
			return err
		}
	}
}

// change changes the webhooks of a configuration in place; all that it does not know stays.
func change(configuration map[string]any, authority []byte, policy string) error {
	webhooks, _ := configuration["webhooks"].([]any)
	for _, each := range webhooks {
		webhook, ok := each.(map[string]any)
		if !ok {
			return errors.New("a webhook that is no object")
		}
		client, ok := webhook["clientConfig"].(map[string]any)
		if !ok {
			return fmt.Errorf("the webhook %v has no clientConfig", webhook["name"])
		}
		client["caBundle"] = authority
		if policy != "" {
			webhook["failurePolicy"] = policy
		}
	}
	return nil
}

// call sends one request, and reads the answer into into unless that is nil.
func (c *cluster) call(ctx context.Context, method, path string, body, into any) error {
	sent := io.Reader(http.NoBody)
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.address+path, sent)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, largest))
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return refused(method, path, response.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	reader := json.NewDecoder(bytes.NewReader(answer))
	reader.UseNumber() // a number that this program does not know must come back as it was
	return reader.Decode(into)
}

// refused is the API server's own sentence about a request.
func refused(method, path string, status int, answer []byte) error {
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(answer, &said) != nil || said.Message == "" {
		said.Message = strings.TrimSpace(string(answer))
	}
	kinds := map[int]error{http.StatusNotFound: errNotFound, http.StatusConflict: errConflict}
	if kind, known := kinds[status]; known {
		return fmt.Errorf("%s %s: %s (%w)", method, path, said.Message, kind)
	}
	return fmt.Errorf("%s %s: HTTP %d: %s", method, path, status, said.Message)
}
