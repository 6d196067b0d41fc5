module promdrill.example/config-reloader-0.93

go 1.26.0

// go.sum has what the build reads, and no more: it is what "go list -mod=mod -deps" with the packages and tags of
// catalogue.toml writes. "go mod tidy" would add what only tests and other tags need.
require github.com/prometheus-operator/prometheus-operator v0.93.1
