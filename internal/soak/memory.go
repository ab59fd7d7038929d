package soak

import (
	"bytes"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Growth is by how many bytes the process grew at most.
type Growth struct{ Heap, RSS int64 }

// MiB is a number of bytes in mebibytes.
func MiB(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// Grown runs f and tells by how much the heap (with garbage that is not yet
// swept) and the resident memory of the process grew meanwhile, at the highest
// of its samples. Only a test that is not parallel measures itself. RSS is 0
// where there is no /proc.
func Grown(t testing.TB, f func()) Growth {
	t.Helper()
	debug.FreeOSMemory()
	heap, rss := heapBytes(), rssBytes()
	var top Growth
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			top.Heap, top.RSS = max(top.Heap, heapBytes()-heap), max(top.RSS, rssBytes()-rss)
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	f()
	close(stop)
	group.Wait()
	return top
}

func heapBytes() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64()) //nolint:gosec // far below the sign bit
}

func rssBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
