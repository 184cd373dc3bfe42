// The definitions of the Prometheus Operator's objects, for manifests/monitoring/. Nothing is built
// of it.
module sluice.dev/tests/cluster/tools/prometheus-operator

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.79.2
