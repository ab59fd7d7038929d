// Package deploy holds what operators install: the Helm chart, Prometheus
// rules and Grafana dashboards. It has tests alone: that the metrics of the
// code, docs/metrics.md, the dashboards and the rules are the same set, that
// every alert has its page in docs/runbook.md and its test, and what every
// object of the chart must look like.
package deploy
