module promdrill.example/prometheus-2.55

go 1.26.0

// go.sum has what the build reads, and no more: it is what "go list -mod=mod -deps" with the packages and tags of
// catalogue.toml writes. "go mod tidy" would add what only tests and other tags need.
require github.com/prometheus/prometheus v0.55.1

// Prometheus v0.55.1's own go.mod names these; without them it does not compile.
replace (
	k8s.io/klog => github.com/simonpasquier/klog-gokit v0.3.0
	k8s.io/klog/v2 => github.com/simonpasquier/klog-gokit/v3 v3.5.0
)
