package crash_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// ownFrom is the first id of records that NetSuite does not have: nothing but
// their one webhook can make the service know them, no poll and no other post.
const ownFrom = 9_000_000

// acknowledged counts the posts that were answered 202, and knows of each record
// when the last of them was sent.
type acknowledged struct {
	mu   sync.Mutex
	all  int
	sent map[queue.Ref]time.Time
}

func (a *acknowledged) add(r queue.Ref, sent time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all++
	if sent.After(a.sent[r]) {
		a.sent[r] = sent
	}
}

// Webhooks come from several scripts at once while receiver, worker and Redis
// are killed in turn. The record of every post that was answered 202 must have
// been settled after the post was sent; Cin7 must hold nothing twice. A third of
// the posts are of a record of their own, which nothing else makes known: for
// those that is the whole proof. A record that several posts name may have been
// at work when one came, and be settled by the work before it; that such a post
// adds an entry is proved by TestMarkedAgainWhileRunning.
func TestKills(t *testing.T) {
	posts, kills := soak.N(300, 100_000), soak.N(2, 50)
	const posters = 4
	d := deploy(t, "every: 30s", "every: 1h")
	var known []queue.Ref
	for _, e := range d.world.Events() {
		known = append(known, queue.Ref{Type: e.Type, ID: strconv.FormatInt(e.ID, 10)})
	}
	d.world.TellPast()
	d.world.TellLive()
	d.receiver.start()
	d.worker.start()
	d.receiver.listening()

	acks := &acknowledged{sent: map[queue.Ref]time.Time{}}
	var sent, refused atomic.Int64
	// Every post waits for leave, so that the kills lie between them however
	// fast the machine is.
	leave := make(chan int)
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(p), 20))
			client := &http.Client{Timeout: 30 * time.Second}
			for i := range leave {
				ref := known[rnd.IntN(len(known))]
				if i%3 == 0 {
					ref = queue.Ref{Type: "vendorbill", ID: strconv.Itoa(ownFrom + i)}
				}
				began := time.Now()
				status, err := d.post(t.Context(), client, ref.Type, ref.ID)
				sent.Add(1)
				if err != nil || status != http.StatusAccepted {
					refused.Add(1)
					continue
				}
				acks.add(ref, began)
			}
		})
	}
	killed := 0
	for i := range posts {
		leave <- i
		// The last kill comes when the last post has gone out.
		if killed < 3*kills && (i+1)*3*kills/posts > killed {
			d.strike(killed)
			killed++
		}
	}
	close(leave)
	wg.Wait()
	if int(sent.Load()) != posts || killed != 3*kills {
		t.Fatalf("%d posts and %d kills, want %d and %d", sent.Load(), killed, posts, 3*kills)
	}
	if refused.Load() > int64(posts/2) {
		t.Errorf("%d of %d posts were refused: this proves little", refused.Load(), posts)
	}

	own := 0
	for r := range acks.sent {
		if id, err := strconv.Atoi(r.ID); err == nil && id >= ownFrom {
			own++
		}
	}
	await(t, time.Duration(soak.N(4, 5))*time.Minute, func() string { return d.unsettled(acks.sent) })
	await(t, time.Minute, func() string {
		if wrong := distributor.Check(d.outcomes()); len(wrong) > 0 {
			return fmt.Sprint(wrong)
		}
		return ""
	})
	if doubles := d.world.Doubles(); len(doubles) > 0 {
		t.Errorf("doubled: %v", doubles)
	}
	if d.world.Cin7.Writes() == 0 {
		t.Error("nothing was written: this proves nothing")
	}
	soak.Figure(t, "acknowledged webhooks lost", "%s, of them %d of a record of their own; %d posts, %d refused or cut off, %d SIGKILLs each of receiver, worker and redis-server", soak.NoneOf(acks.all), own, posts, refused.Load(), kills)
	soak.Figure(t, "objects doubled in Cin7", "0 of %d records", len(known))
}

// kill ends it as SIGKILL does.
func (p *program) kill() { end(p.cmd) }

// strike kills one of the three and starts it again at once.
func (d *deployment) strike(n int) {
	d.t.Helper()
	switch n % 3 {
	case 0:
		d.receiver.kill()
		d.receiver.start()
		d.receiver.listening()
	case 1:
		// Mid-work: somebody holds the lane.
		await(d.t, time.Minute, func() string {
			if d.rdb.HGet(d.t.Context(), queue.KeyLane(tenantID), "owner").Val() == "" {
				return "nobody holds the lane\n" + d.worker.tail(5)
			}
			return ""
		})
		d.worker.kill()
		d.worker.start()
	case 2:
		d.redis.Kill()
		d.redis.Run(d.t)
	}
}

// unsettled names a record that is not settled. One that was settled before its
// last acknowledged post was sent is lost.
func (d *deployment) unsettled(sent map[queue.Ref]time.Time) string {
	ctx := d.t.Context()
	refs := make([]queue.Ref, 0, len(sent))
	for r := range sent {
		refs = append(refs, r)
	}
	for part := range slices.Chunk(refs, 500) {
		p := d.rdb.Pipeline()
		for _, r := range part {
			p.HMGet(ctx, queue.KeyRecord(tenantID, r), "state", "updated")
		}
		got, err := p.Exec(ctx)
		if err != nil {
			return err.Error()
		}
		for i, r := range part {
			v := got[i].(interface{ Val() []any }).Val()
			state, _ := v[0].(string)
			text, _ := v[1].(string)
			updated, _ := strconv.ParseInt(text, 10, 64)
			if state == "" {
				d.t.Fatalf("%s was acknowledged and is not known", r)
			}
			settled := []queue.State{queue.Completed, queue.Parked, queue.Skipped}
			if id, err := strconv.Atoi(r.ID); err == nil && id < ownFrom {
				// An order that is not approved waits for ever: the month's
				// outcomes are compared one by one.
				settled = append(settled, queue.Waiting)
			}
			if !slices.Contains(settled, queue.State(state)) {
				return fmt.Sprintf("%s is %s\n%s", r, state, d.worker.tail(5))
			}
			if updated < sent[r].UnixMilli() {
				d.t.Fatalf("%s is %s since %s; a post sent at %s was acknowledged after that", r, state, time.UnixMilli(updated).Format(time.TimeOnly), sent[r].Format(time.TimeOnly))
			}
		}
	}
	return ""
}

// outcomes are the records that NetSuite has, as the service has them.
func (d *deployment) outcomes() []distributor.Outcome {
	d.t.Helper()
	var out []distributor.Outcome
	for filter := (state.Filter{Limit: 1000}); ; {
		page, err := state.New(d.rdb).Tenant(tenantID).List(d.t.Context(), filter)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, r := range page.Records {
			if id, err := strconv.Atoi(r.ID); err == nil && id >= ownFrom {
				continue
			}
			out = append(out, distributor.Outcome{Type: r.Type, ID: r.ID, State: string(r.State), Reason: r.Reason, Stage: r.Facts[state.FactStage], Accounts: r.Facts[state.FactAccounts]})
		}
		if filter.Cursor = page.Next; filter.Cursor == "" {
			return out
		}
	}
}
