//go:build tools

// Package tools pins what this folder builds.
package tools

import (
	_ "github.com/prometheus-operator/prometheus-operator/cmd/prometheus-config-reloader"
)
