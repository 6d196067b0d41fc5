//go:build tools

// Package tools pins what this folder builds.
package tools

import (
	_ "github.com/rancher/local-path-provisioner"
)
