//go:build tools

// Package tools pins what this folder builds.
package tools

import (
	_ "helm.sh/helm/v3/cmd/helm"
)
