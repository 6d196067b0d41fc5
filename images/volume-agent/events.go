package main

import (
	"context"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// eventsWaiting is how many events may wait for an API server that does not answer; what comes then is logged alone.
	eventsWaiting = 100
	// putFor is how long one event is tried to be written, and putEvery how often.
	putFor   = 30 * time.Second
	putEvery = 1 * time.Second
)

// eventAbout is an event about a claim; kind is Normal or Warning.
func eventAbout(claim *corev1.PersistentVolumeClaim, kind, reason, text, node string) *corev1.Event {
	now := metav1.Now()
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: claim.Name + ".", Namespace: claim.Namespace},
		InvolvedObject: corev1.ObjectReference{
			Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			ResourceVersion: claim.ResourceVersion,
		},
		Type: kind, Reason: reason, Message: text,
		Source:         corev1.EventSource{Component: agentName, Host: node},
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}
}

// teller logs what it is told and writes it as events, in order and without holding up whoever tells, until ctx ends.
// client-go's recorder also folds like events into one; it needs the API's whole schema for that.
func teller(ctx context.Context, to *api, node string) telling {
	waiting := make(chan *corev1.Event, eventsWaiting)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case event := <-waiting:
				put(ctx, to, event)
			}
		}
	}()
	return func(claim *corev1.PersistentVolumeClaim, kind, reason, text string) {
		slog.Info(text, "claim", claim.Namespace+"/"+claim.Name, "reason", reason)
		select {
		case waiting <- eventAbout(claim, kind, reason, text, node):
		default:
			slog.Warn("too many events wait: this one is not written", "reason", reason)
		}
	}
}

func put(ctx context.Context, to *api, event *corev1.Event) {
	var last error
	err := wait.PollUntilContextTimeout(ctx, putEvery, putFor, true, func(ctx context.Context) (bool, error) {
		last = to.PutEvent(ctx, event)
		return last == nil, nil
	})
	if err != nil {
		slog.Warn("an event is not written", "reason", event.Reason, "error", last)
	}
}
