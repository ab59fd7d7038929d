package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// marks are n marks of bills from an id on.
func marks(from, n int) []queue.Mark {
	out := make([]queue.Mark, n)
	for i := range out {
		out[i] = queue.Mark{Ref: queue.Ref{Type: "vendorbill", ID: strconv.Itoa(from + i)}, Source: "webhook", Note: "changed"}
	}
	return out
}

// fill marks n new records.
func fill(ctx context.Context, q *queue.Queue, tenant string, n int) error {
	for from := 0; from < n; from += 500 {
		if _, err := q.Mark(ctx, tenant, queue.Live, marks(1+from, min(500, n-from))...); err != nil {
			return err
		}
	}
	return nil
}

// settled is the outcome of a record without trouble.
func settled(entries []queue.Entry, steps ...queue.Step) []queue.Settlement {
	out := make([]queue.Settlement, len(entries))
	for i := range entries {
		out[i] = queue.Settlement{Ref: entries[i].Ref, Entry: &entries[i], State: queue.Completed, Steps: steps}
	}
	return out
}

// drainLane takes and settles all of a lane's n marks, as its worker does with
// records between which no call to Cin7 lies.
func drainLane(ctx context.Context, q *queue.Queue, n int) error {
	turn, err := q.Claim(ctx, "bench")
	if err != nil || turn == nil {
		return fmt.Errorf("claim: %v, %w", turn, err)
	}
	for {
		got, err := turn.Take(ctx, 100)
		if err != nil {
			return err
		}
		if n -= len(got); len(got) == 0 {
			break
		}
		if err := turn.Settle(ctx, settled(got)...); err != nil {
			return err
		}
	}
	if n != 0 {
		return fmt.Errorf("%d entries of %s were not drained", n, turn.Tenant)
	}
	return turn.Release(ctx, time.Time{}, time.Time{})
}

// drain measures how fast lanes get rid of marks when nothing else takes time.
func (b *bench) drain(ctx context.Context) error {
	const lanes, entries, peerEntries = 4, 20_000, 4_000
	var ours, self, redis float64 // entries a second; us of each for one entry
	for range b.rounds {
		s, err := b.startRedis(ctx, 0)
		if err != nil {
			return err
		}
		rate, err := func() (float64, error) {
			defer s.stop()
			q := queue.New(s.rdb, queue.Options{Lease: 10 * time.Minute})
			for lane := range lanes {
				if err := fill(ctx, q, fmt.Sprintf("t%d", lane), entries/lanes); err != nil {
					return 0, err
				}
			}
			began, own, other := time.Now(), ownCPU(), s.cpu()
			var work errgroup.Group
			for range lanes {
				work.Go(func() error { return drainLane(ctx, q, entries/lanes) })
			}
			if err := work.Wait(); err != nil {
				return 0, err
			}
			took := time.Since(began)
			self, redis = float64((ownCPU()-own).Microseconds())/entries, float64((s.cpu()-other).Microseconds())/entries
			return entries / took.Seconds(), nil
		}()
		if err != nil {
			return err
		}
		ours = max(ours, rate)
	}
	peer := map[string]float64{}
	for _, name := range []string{"asynq", "watermill"} {
		for range b.rounds {
			s, err := b.startRedis(ctx, 0)
			if err != nil {
				return err
			}
			c := exec.CommandContext(ctx, b.peers, "drain", name, strconv.Itoa(peerEntries))
			c.Env = append(c.Environ(), "MLC_REDIS_URL=redis://"+s.addr)
			out, err := c.Output()
			s.stop()
			if err != nil {
				return fmt.Errorf("drain %s: %w", name, err)
			}
			us, err := strconv.Atoi(strings.TrimSpace(string(out)))
			if err != nil {
				return err
			}
			peer[name] = max(peer[name], peerEntries/(float64(us)/1e6))
		}
	}
	b.goal("P5", "drain through the whole state machine (claim, take, settle), four lanes at a time, against asynq", ">= 10 x", fmt.Sprintf("%.1f x asynq, %.1f x watermill-redisstream (%.0f, %.0f, %.0f/s); an entry costs the service %.0f us and Redis %.0f us", ours/peer["asynq"], ours/peer["watermill"], ours, peer["asynq"], peer["watermill"], self, redis), ours >= 10*peer["asynq"])
	b.chart(chart{File: "drain", Title: "Entries drained per second, appendfsync always", Unit: "/s", Bars: []bar{{"service's lanes", ours, true}, {"asynq, 64 workers", peer["asynq"], false}, {"watermill, 4 subscribers", peer["watermill"], false}}})
	return nil
}

// syncedBill is what is kept of a bill of an order after its first day: one of
// many, with a number of its own, of one of 300 vendors.
func syncedBill(id string) (map[string]string, []queue.Step) {
	n, _ := strconv.Atoi(id)
	number, party, total := fmt.Sprintf("CW-%d", 88000+n), fmt.Sprintf("Cascade Webbing Co %d", n%300), fmt.Sprintf("%d.00 USD", 100+n%900)
	po := strconv.Itoa(500_000 + n)
	facts := map[string]string{state.FactNumber: number, state.FactParty: party, state.FactTotal: total, state.FactStage: "INVOICE", state.FactCin7Number: fmt.Sprintf("PO-%05d", n),
		state.FactVersion: "2026-11-06T10:11:12Z", state.FactVendor: strconv.Itoa(1000 + n%300), state.FactPO: po, state.FactAccounts: "1200,465", state.FactPosted: "212/1200=1200,219/4650=465",
		state.FactSettings: "3", "sent:" + po: "9f86d081884c7d659a2feaa0c55ad015", "source:" + po: "3b1f6a0c55ad0159f86d081884c7d659", state.FactSeen: "2026-11-06T10:11:12Z", state.FactDay: "2026-11-06"}
	at := time.Now()
	return facts, []queue.Step{{At: at, Name: "read", Text: "NetSuite: bill " + number + ", " + total + ", vendor " + party}, {At: at, Name: "planned", Text: "post_invoice, authorise_invoice"},
		{At: at, Name: "called", Text: "Cin7 post_invoice: done"}, {At: at, Name: "called", Text: "Cin7 authorise_invoice: done"}}
}

// memory measures what Redis keeps for a mark and for a record.
func (b *bench) memory(ctx context.Context) error {
	s, err := b.startRedis(ctx, 0, "--appendfsync", "no")
	if err != nil {
		return err
	}
	defer s.stop()
	q := queue.New(s.rdb, queue.Options{Lease: 10 * time.Minute})
	const n = 20_000
	var was float64
	per := func() (float64, error) {
		now, err := s.used(ctx)
		d := (now - was) / n
		was = now
		return d, err
	}
	if _, err := per(); err != nil {
		return err
	}
	if err := fill(ctx, q, "acme", n); err != nil {
		return err
	}
	fresh, err := per()
	if err != nil {
		return err
	}
	turn, err := q.Claim(ctx, "bench")
	if err != nil {
		return err
	}
	recs := state.New(s.rdb).Tenant("acme")
	for {
		got, err := turn.Take(ctx, 100)
		if err != nil {
			return err
		}
		if len(got) == 0 {
			break
		}
		out := settled(got)
		for i := range out {
			facts, steps := syncedBill(got[i].ID)
			out[i].Facts, out[i].Steps, out[i].Message = facts, steps, "purchase "+facts[state.FactCin7Number]+" matches"
			in := state.Intent{Slot: "invoice", Op: "post_invoice", Marker: "NS:vendorbill:" + got[i].ID + "@1234567", Hash: strings.Repeat("9f", 32), Fence: turn.Fence, SentAt: time.Now()}
			if err := recs.OpenIntent(ctx, turn.Fence, got[i].Ref, in); err != nil {
				return err
			}
			if err := recs.CloseIntent(ctx, turn.Fence, got[i].Ref); err != nil {
				return err
			}
		}
		if err := turn.Settle(ctx, out...); err != nil {
			return err
		}
	}
	if was, err = s.used(ctx); err != nil {
		return err
	}
	empty, err := func() (float64, error) { // what the server holds without any of it
		e, err := b.startRedis(ctx, 0, "--appendfsync", "no")
		if err != nil {
			return 0, err
		}
		defer e.stop()
		return e.used(ctx)
	}()
	if err != nil {
		return err
	}
	record := (was - empty) / n
	if err := fill(ctx, q, "acme", n); err != nil {
		return err
	}
	known, err := per()
	if err != nil {
		return err
	}
	b.goal("P9", "memory in Redis per waiting mark; per synced record with its timeline", "<= 250 B; <= 1.5 KB", fmt.Sprintf("%.0f B for a mark of a known record, %.0f B for one of a new record; %.0f B per synced record", known, fresh, record), known <= 250 && record <= 1536)
	b.table(table{Title: "Memory in Redis", Columns: []string{"", "bytes"}, Rows: [][]string{
		{"a waiting mark of a record that is known", fmt.Sprintf("%.0f", known)},
		{"a waiting mark of a new record, with the record's own hash and index", fmt.Sprintf("%.0f", fresh)},
		{"a synced bill with fifteen facts, six steps of timeline and its place in the search index", fmt.Sprintf("%.0f", record)}}})
	return nil
}
