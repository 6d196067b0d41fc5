package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

const (
	// pause is how long a failed call waits for the next one.
	pause = 10 * time.Second
	// patience bounds one call; a reload of a large configuration takes seconds.
	patience = time.Minute
)

// caller calls the webhooks.
type caller struct {
	asked   settings
	counted *metrics
	client  *http.Client
	pause   time.Duration
}

func newCaller(asked settings, counted *metrics) *caller {
	return &caller{asked: asked, counted: counted, client: &http.Client{Timeout: patience}, pause: pause}
}

// all calls every webhook until it succeeds, or its tries are used up, or ctx ends.
func (c *caller) all(ctx context.Context) {
	for _, webhook := range c.asked.webhooks {
		c.one(ctx, webhook)
	}
}

func (c *caller) one(ctx context.Context, webhook string) {
	for try := 1; ; try++ {
		began := time.Now()
		reason, err := c.call(ctx, webhook)
		c.counted.called(webhook, reason, time.Since(began))
		if err == nil {
			slog.Info("reloaded", "webhook", redacted(webhook))
			return
		}
		slog.Error("webhook failed", "webhook", redacted(webhook), "try", try, "error", err)
		if try == c.asked.tries {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(c.pause):
		}
	}
}

// call returns why it failed, as the metrics call it, and the error; nothing if it succeeded.
func (c *caller) call(ctx context.Context, webhook string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, c.asked.method, webhook, http.NoBody)
	if err != nil {
		return "client_request_create", err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return "client_request_do", err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)); err != nil {
		return "client_response", err
	}
	c.counted.answered(webhook, response.StatusCode)
	if response.StatusCode != c.asked.status {
		return "client_response", fmt.Errorf("status %d, not %d", response.StatusCode, c.asked.status)
	}
	return "", nil
}
