package handlers

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
)

// death is a process that dies once a command that names all of some texts has
// taken effect: Redis hears nothing more of it.
type death struct {
	texts []string
	happened,
	over bool
}

func (d *death) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (d *death) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return d.run([]redis.Cmder{cmd}, func() error { return next(ctx, cmd) })
	}
}

func (d *death) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return d.run(cmds, func() error { return next(ctx, cmds) })
	}
}

func (d *death) run(cmds []redis.Cmder, do func() error) error {
	if d.happened && !d.over {
		for _, c := range cmds {
			c.SetErr(context.Canceled)
		}
		return context.Canceled
	}
	err := do()
	for _, c := range cmds {
		text, all := fmt.Sprint(c.Args()...), true
		for _, t := range d.texts {
			all = all && strings.Contains(text, t)
		}
		d.happened = d.happened || all && err == nil
	}
	return err
}

// The vendors and orders of TestWhatWaitedForAVendor.
var (
	otherVendor = shopRef(netsuite.TypeVendor, 302)
	otherOrder  = shopRef(netsuite.TypePurchaseOrder, 4102)
	bulkOrder   = shopRef(netsuite.TypePurchaseOrder, 4103)
)

// twoVendorsWait is a shop in which two vendors cannot go, being ambiguous in
// Cin7, and their orders wait for them; one order came with a backfill.
func twoVendorsWait(t *testing.T) *shop {
	t.Helper()
	s := newShop(t, distributor.Options{}, nil)
	for _, name := range []string{"Cascade Webbing Co", "Summit Mills"} {
		for range 2 {
			s.world.Cin7.AddSupplier(typed(name))
		}
	}
	s.vendor()
	s.world.NetSuite.PutVendor(netsuitetest.Vendor{ID: 302, EntityID: "V-1002", CompanyName: "Summit Mills", Currency: "USD", Terms: "Net 30"})
	s.order()
	s.order(func(o *netsuitetest.PurchaseOrder) { o.ID, o.Number, o.Vendor = 4102, "PO1042", 302 })
	s.order(func(o *netsuitetest.PurchaseOrder) { o.ID, o.Number = 4103, "PO1043" })
	if _, err := s.queue.Mark(t.Context(), shopID, queue.Bulk, queue.Mark{Ref: bulkOrder, Source: "backfill"}); err != nil {
		t.Fatal(err)
	}
	s.tell(theVendor, otherVendor, theOrder, otherOrder)
	for _, r := range []queue.Ref{theOrder, otherOrder, bulkOrder} {
		if rec := s.record(r); rec.State != queue.Waiting || rec.Reason != WaitVendor {
			t.Fatalf("%s is %s, %s: %s", r, rec.State, rec.Reason, rec.Message)
		}
	}
	return s
}

func renamed(v *netsuitetest.Vendor) { v.CompanyName = "Cascade Mills" }

// A vendor that can go takes along what waited for it and nothing else, each in
// the class that it came in, and the timeline says who did.
func TestWhatWaitedForAVendor(t *testing.T) {
	s := twoVendorsWait(t)
	class := map[string]string{}
	s.rdb.AddHook(added{class})
	s.setClock(s.now().Add(time.Minute))
	s.vendor(renamed)
	s.tell(theVendor)
	for _, r := range []queue.Ref{theVendor, theOrder, bulkOrder} {
		if rec := s.record(r); rec.State != queue.Completed {
			t.Errorf("%s is %s, %s: %s", r, rec.State, rec.Reason, rec.Message)
		}
	}
	if rec := s.record(otherOrder); rec.Want != 1 || rec.State != queue.Waiting {
		t.Errorf("%s waits for another vendor and was marked %d times, want once (%s)", otherOrder, rec.Want, rec.State)
	}
	if got := s.timeline(theOrder); !strings.Contains(got, "marked: release: vendor Cascade Mills is in step") {
		t.Errorf("the timeline does not say why it goes on:\n%s", got)
	}
	if class[theOrder.String()] != string(queue.Live) || class[bulkOrder.String()] != string(queue.Bulk) {
		t.Errorf("taken up as %v, want the live one live and the one of the backfill as bulk", class)
	}
}

// added notes in which stream a taken record was.
type added struct{ class map[string]string }

func (a added) DialHook(next redis.DialHook) redis.DialHook { return next }

func (a added) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		a.note(cmd)
		return next(ctx, cmd)
	}
}

func (a added) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, c := range cmds {
			a.note(c)
		}
		return next(ctx, cmds)
	}
}

// note reads the class from the call of the script that puts records to work:
// its keys are the lane, the stream, six indexes, and of each record two.
func (a added) note(c redis.Cmder) {
	args := c.Args()
	if len(args) < 12 || fmt.Sprint(args[3]) != queue.KeyLane(shopID) || fmt.Sprint(args[5]) != queue.KeyByState(shopID, queue.Pending) {
		return
	}
	keys, _ := args[2].(int)
	for _, class := range []queue.Class{queue.Live, queue.Bulk} {
		for i := 8; i < keys && fmt.Sprint(args[4]) == queue.KeyStream(shopID, class); i += 2 {
			_, r, _ := strings.Cut(fmt.Sprint(args[3+i]), "rec:")
			a.class[r] = string(class)
		}
	}
}

// A process that dies right after it settled the vendor has woken before what
// waited for it: nothing else would.
func TestDeathDoesNotLoseWhatWaitedForAVendor(t *testing.T) {
	s := twoVendorsWait(t)
	d := &death{texts: []string{"rec:" + theVendor.String(), "supplier Cascade Mills matches"}}
	s.rdb.AddHook(d)
	s.setClock(s.now().Add(time.Minute))
	s.vendor(renamed)
	if _, err := s.queue.Mark(t.Context(), shopID, queue.Live, queue.Mark{Ref: theVendor, Source: "webhook"}); err != nil {
		t.Fatal(err)
	}
	lane, err := s.queue.Claim(t.Context(), "test")
	if err != nil || lane == nil {
		t.Fatalf("claim: %v, %v", lane, err)
	}
	s.worker.turn(t.Context(), lane)
	if !d.happened {
		t.Fatal("the vendor was not settled, so nobody died")
	}
	d.over = true
	s.pass(10 * time.Minute)
	for _, r := range []queue.Ref{theVendor, theOrder, bulkOrder} {
		if rec := s.record(r); rec.State != queue.Completed {
			t.Errorf("%s is %s, %s: %s\n%s", r, rec.State, rec.Reason, rec.Message, s.timeline(r))
		}
	}
}

// A person who retries a record while the turn that Cin7 refused it in still
// runs gets it asked again.
func TestRetryInTheTurnOfTheRefusal(t *testing.T) {
	s := newShop(t, distributor.Options{}, nil)
	s.vendor()
	s.tell(theVendor)
	s.order()
	s.world.Cin7.FailNext(cin7test.Fault{Method: http.MethodPost, Path: "=purchase/order", Shape: "error_200", When: "before"})
	retried := 0
	s.worker.o.At = func(op, step string) {
		if op == opPostOrder && step == string(stepSettled) {
			retried++
			if _, err := s.queue.Mark(t.Context(), shopID, queue.Live, queue.Mark{Ref: theOrder, Source: "operator"}); err != nil {
				t.Error(err)
			}
		}
	}
	s.tell(theOrder)
	s.pass(10 * time.Minute)
	if retried != 1 {
		t.Fatalf("settled %d times, want once", retried)
	}
	s.completed()
	if got := s.timeline(theOrder); !strings.Contains(got, "parked, "+ParkCin7Refused) {
		t.Errorf("Cin7's refusal did not count at first:\n%s", got)
	}
}
