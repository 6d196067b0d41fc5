//go:build tools

// Package tools pins what this folder builds.
package tools

import (
	_ "sigs.k8s.io/prometheus-adapter/cmd/adapter"
)
