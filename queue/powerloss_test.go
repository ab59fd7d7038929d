package queue_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// A power loss takes what Redis has written and not yet forced to the disk.
// With appendfsync always nothing that Mark acknowledged is among it; with
// everysec something is, or the test would see nothing.
func TestPowerLoss(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not installed: what Redis forces to the disk cannot be observed")
	}
	library := filepath.Join(t.TempDir(), "synced.so")
	if out, err := exec.CommandContext(t.Context(), gcc, "-shared", "-fPIC", "-O1", "-Wall", "-o", library, "testdata/synced.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	for _, c := range []struct {
		policy string
		losses int
		loses  bool
	}{{"always", soak.N(2, 50), false}, {"everysec", soak.N(4, 50), true}} {
		t.Run(c.policy, func(t *testing.T) {
			note := filepath.Join(t.TempDir(), "synced")
			t.Setenv("LD_PRELOAD", library)
			t.Setenv("MLC_SYNCED", note)
			p := redistest.Start(t, "--appendfsync", c.policy, "--auto-aof-rewrite-percentage", "0")
			acknowledged, lost := 0, 0
			for n := range c.losses {
				acked := markUntilLoss(t, p, n, 200)
				truncate(t, p, note)
				p.Run(t)
				acknowledged += len(acked)
				lost += missing(t, p, acked)
			}
			if (lost > 0) != c.loses {
				t.Errorf("%d of %d acknowledged marks were lost in %d power losses", lost, acknowledged, c.losses)
			}
			soak.Figure(t, "acknowledged marks lost, appendfsync "+c.policy, "%d of %d in %d power losses", lost, acknowledged, c.losses)
		})
	}
}

// markUntilLoss makes marks from four goroutines, kills Redis in the middle of
// them when enough were acknowledged, and returns all that were.
func markUntilLoss(t *testing.T, p *redistest.Process, round, enough int) []queue.Ref {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reached := make(chan struct{})
	q := queue.New(p.Client(t), queue.Options{})
	var mu sync.Mutex
	var acked []queue.Ref
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				ref := queue.Ref{Type: "vendorbill", ID: strconv.Itoa(round*1_000_000 + i*4 + g)}
				if _, err := q.Mark(ctx, "acme", queue.Live, queue.Mark{Ref: ref, Source: "webhook"}); err != nil {
					return
				}
				mu.Lock()
				if acked = append(acked, ref); len(acked) == enough {
					close(reached)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-reached:
	case <-ctx.Done():
		t.Errorf("fewer than %d marks were acknowledged in a minute", enough)
	}
	p.Kill()
	wg.Wait()
	return acked
}

// truncate takes from the append-only file what was never forced to the disk.
func truncate(t *testing.T, p *redistest.Process, note string) {
	t.Helper()
	size := int64(0)
	switch b, err := os.ReadFile(note); {
	case errors.Is(err, fs.ErrNotExist):
		// Redis was killed before it first forced anything to the disk.
	case err != nil:
		t.Fatal(err)
	default:
		if size, err = strconv.ParseInt("0"+strings.TrimSpace(string(b)), 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(p.Dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(files) != 1 {
		t.Fatalf("append-only files: %v, %v", files, err)
	}
	if err := os.Truncate(files[0], size); err != nil {
		t.Fatal(err)
	}
}

// missing counts the marks whose record or waiting entry is gone.
func missing(t *testing.T, p *redistest.Process, refs []queue.Ref) int {
	t.Helper()
	rdb := p.Client(t)
	entries, err := rdb.XRange(t.Context(), queue.KeyStream("acme", queue.Live), "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	waits := map[string]bool{}
	for _, e := range entries {
		ref, _ := e.Values["ref"].(string)
		waits[ref] = true
	}
	n := 0
	for _, r := range refs {
		if !waits[r.String()] || rdb.HGet(t.Context(), queue.KeyRecord("acme", r), "state").Val() != string(queue.Pending) {
			n++
		}
	}
	return n
}
