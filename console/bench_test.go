package console_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
)

// fill puts n records into acme as lanes leave them: one in fifty is parked.
func fill(b *testing.B, rdb redis.UniversalClient, n int) {
	b.Helper()
	ctx := context.Background()
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	p := rdb.Pipeline()
	for i := range n {
		k := queue.Ref{Type: "vendorbill", ID: fmt.Sprint(i + 1)}
		s, reason, message := queue.Completed, "", "purchase PO-00001 matches"
		if i%50 == 0 {
			s, reason, message = queue.Parked, "unmapped_account", fmt.Sprintf("bill VB-%d: no active Cin7 account for NetSuite account %d Penalties (%d.50 USD)", i, 6000+i%7*10, i)
		}
		at := start.Add(time.Duration(i) * 20 * time.Second).UnixMilli()
		facts := map[string]string{"number": fmt.Sprintf("VB-%d", i), "party": fmt.Sprintf("Vendor %d", i%300), "cin7_number": fmt.Sprintf("PO-%05d", i)}
		queue.Index(ctx, p, "acme", k, facts)
		p.HSet(ctx, queue.KeyRecord("acme", k), "state", string(s), "reason", reason, "message", message, "fix", "map it", "updated", at, "want", 1, "done", 1,
			"f:number", fmt.Sprintf("VB-%d", i), "f:party", fmt.Sprintf("Vendor %d", i%300), "f:total", "12.50 USD", "f:stage", "DONE", "f:cin7_number", fmt.Sprintf("PO-%05d", i))
		p.ZAdd(ctx, queue.KeyByState("acme", s), redis.Z{Score: float64(at), Member: k.String()})
		p.RPush(ctx, queue.KeyLog("acme", k), queue.StepText(queue.Step{At: time.UnixMilli(at), Name: "settled", Text: message}))
		if i%500 == 499 || i == n-1 {
			if _, err := p.Exec(ctx); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkPages makes each page over 100,000 records in a real redis-server.
func BenchmarkPages(b *testing.B) {
	const records = 100_000
	var rdb redis.UniversalClient
	h := open(b, func(h *house) { rdb = redistest.Server(b); h.move(rdb) })
	fill(b, rdb, records)
	p := h.as(ownerToken)
	for _, at := range []string{"/", "/t/acme/", "/t/acme/records", "/t/acme/records?state=parked", "/t/acme/records?state=parked&group=cause", "/t/acme/records?q=VB-99042", "/t/acme/records?q=VB-7", "/t/acme/records?q=VB-42", "/t/acme/records?q=00042", "/t/acme/records?q=PO-00042", "/t/acme/records?q=B-00042-nowhere",
		"/t/acme/records?q=Vendor+299&state=completed", "/t/acme/parked", "/t/acme/retry?state=parked&reason=unmapped_account", "/t/acme/records/vendorbill/51", "/t/acme/accounts", "/t/acme/webhooks", "/t/acme/runs", "/t/acme/settings", "/audit"} {
		b.Run(at, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.page("/console" + at)
			}
		})
	}
}
