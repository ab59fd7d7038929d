package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/audit"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

func key(context.Context) ([]byte, error) { return []byte("the installation's key"), nil }

// written is a log with n entries.
func written(t *testing.T, n int) (*audit.Log, redis.UniversalClient) {
	t.Helper()
	rdb := redistest.Embedded(t)
	l := audit.New(rdb, key, zap.NewNop())
	for i := range n {
		if err := l.Append(t.Context(), audit.Entry{Actor: "owner 1f2e", Action: "PUT /tenants/{id}", Tenant: "acme", Detail: map[string]string{"n": fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	return l, rdb
}

func TestChainHolds(t *testing.T) {
	l, _ := written(t, 0)
	if n, err := l.Verify(t.Context(), 0, ""); n != 0 || err != nil {
		t.Errorf("empty: got %d, %v", n, err)
	}
	l, _ = written(t, 5)
	seq, hash, err := l.Head(t.Context())
	if err != nil || seq != 5 {
		t.Fatalf("head %d, %v", seq, err)
	}
	if n, err := l.Verify(t.Context(), seq, hash); n != 5 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if err := l.Append(t.Context(), audit.Entry{Actor: "a", Action: "b"}); err != nil {
		t.Fatal(err)
	}
	if n, err := l.Verify(t.Context(), seq, hash); n != 6 || err != nil {
		t.Errorf("with the head of before: got %d, %v", n, err)
	}
	list, err := l.List(t.Context(), 4, 2)
	if err != nil || len(list) != 2 || list[0].Seq != 3 || list[1].Detail["n"] != "1" || list[0].Hash == "" {
		t.Errorf("list: %+v, %v", list, err)
	}
}

// Whatever is done to the log, the first entry that it was done to is named.
func TestChainBreaks(t *testing.T) {
	ctx := context.Background()
	get := func(t *testing.T, rdb redis.UniversalClient, seq int) map[string]any {
		rows, err := rdb.XRange(ctx, queue.KeyAudit, fmt.Sprintf("%d-0", seq), fmt.Sprintf("%d-0", seq)).Result()
		if err != nil || len(rows) != 1 {
			t.Fatalf("entry %d: %v", seq, err)
		}
		return rows[0].Values
	}
	// rewrite puts entries in place of what is there.
	rewrite := func(t *testing.T, rdb redis.UniversalClient, entries []map[string]any) {
		rdb.Del(ctx, queue.KeyAudit)
		for i, e := range entries {
			if err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: queue.KeyAudit, ID: fmt.Sprintf("%d-0", i+1), Values: e}).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := func(t *testing.T, rdb redis.UniversalClient) []map[string]any {
		var out []map[string]any
		for i := range 5 {
			out = append(out, get(t, rdb, i+1))
		}
		return out
	}
	cases := []struct {
		name string
		do   func(t *testing.T, rdb redis.UniversalClient)
		want int64
	}{
		{"an entry changed", func(t *testing.T, rdb redis.UniversalClient) {
			e := all(t, rdb)
			e[2]["entry"] = strings.Replace(e[2]["entry"].(string), "owner", "viewer", 1)
			rewrite(t, rdb, e)
		}, 3},
		{"a hash changed", func(t *testing.T, rdb redis.UniversalClient) {
			e := all(t, rdb)
			e[3]["hash"] = strings.Repeat("0", 64)
			rewrite(t, rdb, e)
		}, 4},
		{"an entry taken out", func(_ *testing.T, rdb redis.UniversalClient) { rdb.XDel(ctx, queue.KeyAudit, "2-0") }, 2},
		{"an entry taken out, the rest moved up", func(t *testing.T, rdb redis.UniversalClient) {
			e := all(t, rdb)
			rewrite(t, rdb, append(e[:1:1], e[2:]...))
		}, 2},
		{"two entries swapped", func(t *testing.T, rdb redis.UniversalClient) {
			e := all(t, rdb)
			e[1], e[2] = e[2], e[1]
			rewrite(t, rdb, e)
		}, 2},
		{"the end cut off", func(_ *testing.T, rdb redis.UniversalClient) { rdb.XDel(ctx, queue.KeyAudit, "5-0") }, 5},
		{"the end cut off, the head set back", func(t *testing.T, rdb redis.UniversalClient) {
			e := all(t, rdb)
			rewrite(t, rdb, e[:4])
			rdb.HSet(ctx, queue.KeyAuditHead, "seq", "4", "hash", e[3]["hash"])
		}, 5},
		{"a chain made anew with another key", func(t *testing.T, rdb redis.UniversalClient) {
			rdb.Del(ctx, queue.KeyAudit, queue.KeyAuditHead)
			forged := audit.New(rdb, func(context.Context) ([]byte, error) { return []byte("guess"), nil }, zap.NewNop())
			for range 5 {
				if err := forged.Append(ctx, audit.Entry{Actor: "nobody", Action: "nothing"}); err != nil {
					t.Fatal(err)
				}
			}
		}, 1},
		{"all gone", func(_ *testing.T, rdb redis.UniversalClient) { rdb.Del(ctx, queue.KeyAudit, queue.KeyAuditHead) }, 1},
		{"the head gone", func(_ *testing.T, rdb redis.UniversalClient) { rdb.Del(ctx, queue.KeyAuditHead) }, 5},
		{"the head changed", func(_ *testing.T, rdb redis.UniversalClient) {
			rdb.HSet(ctx, queue.KeyAuditHead, "hash", strings.Repeat("1", 64))
		}, 5},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l, rdb := written(t, 5)
			seq, hash, err := l.Head(ctx) // noted elsewhere
			if err != nil {
				t.Fatal(err)
			}
			c.do(t, rdb)
			_, err = l.Verify(ctx, seq, hash)
			var b *audit.Broken
			if !errors.As(err, &b) || b.Seq != c.want {
				t.Errorf("got %v, want entry %d named", err, c.want)
			}
		})
	}
}

func TestManyWriters(t *testing.T) {
	l, _ := written(t, 0)
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := l.Append(t.Context(), audit.Entry{Actor: "a", Action: "b"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n, err := l.Verify(t.Context(), 0, ""); n != writers*each || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestParseHead(t *testing.T) {
	good := "12:" + strings.Repeat("ab", 32)
	if seq, hash, err := audit.ParseHead(good); seq != 12 || len(hash) != 64 || err != nil {
		t.Errorf("got %d, %s, %v", seq, hash, err)
	}
	for _, bad := range []string{"", "12", "x:" + strings.Repeat("ab", 32), "0:" + strings.Repeat("ab", 32), "12:ab", good + "00"} {
		if _, _, err := audit.ParseHead(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
