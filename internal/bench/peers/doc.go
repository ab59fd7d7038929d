// Package peers holds the program that the benchmarks compare the service
// with; `make bin/bench-peers` builds it.
package peers
