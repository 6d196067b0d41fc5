//go:build tools

// Package tools pins what this folder builds.
package tools

import (
	_ "k8s.io/kube-state-metrics/v2"
)
