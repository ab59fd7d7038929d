package handlers

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// Parked records go on by themselves when their cause is gone:
//
//	changed in NetSuite        the webhook or the poll marks the record
//	tenant applied             takeUp, by the version of the settings
//	Cin7's lists changed       readList, whenever lists are read; takeUp looks for it
//	mended by hand in Cin7     takeUp, once an hour: a product made, a document undone, a supplier renamed
//	role given in NetSuite     takeUp, once an hour
//	vendor in step             vendor, for what waited for it
//	new version of ours        takeUp, for what killed the one before
//	time of a skip over        reopen, once an hour

// The fields of the watermarks that takeUp keeps.
const (
	fieldSettings = "settings" // version of the tenant that parked records have been tried with
	fieldLooked   = "looked"   // RFC 3339: when Cin7's lists were last read for the sake of parked records
	fieldChecked  = "checked"  // RFC 3339: when records parked for something mended by hand were last taken up
	fieldProgram  = "program"  // version of this program that records which kill workers have been tried with
)

const (
	// lookEvery is how often Cin7's lists are read only because records are
	// parked for want of a name: six calls.
	lookEvery = 15 * time.Minute
	// checkEvery is how often records are looked at again whose cause is mended
	// by hand, and checkMost how many: each costs a call or two.
	checkEvery = time.Hour
	checkMost  = 200
)

// takeUp takes up again what is parked for a cause that may be gone. It runs
// at the start of a turn.
func (t *turn) takeUp(ctx context.Context) error {
	version := strconv.FormatInt(t.t.Version, 10)
	if t.wm[fieldSettings] != version {
		if t.wm[fieldSettings] != "" {
			if _, err := t.recs.Release(ctx, t.w.queue, "the settings were changed", state.SettingReasons[:]...); err != nil {
				return err
			}
			if !t.t.PlanOnly() {
				if _, err := t.recs.Resume(ctx, t.w.queue, state.Filter{State: queue.Waiting, Reason: WaitPlanOnly}, "sync.mode is live now"); err != nil {
					return err
				}
			}
		}
		if err := t.note(ctx, fieldSettings, version); err != nil {
			return err
		}
		if t.wm[fieldNoGroup] != "" {
			if err := t.note(ctx, fieldNoGroup, ""); err != nil { // asked once more
				return err
			}
		}
	}
	if err := t.reopen(ctx); err != nil {
		return err
	}
	if v := t.w.o.Version; t.wm[fieldProgram] != v {
		if t.wm[fieldProgram] != "" {
			if _, err := t.recs.Release(ctx, t.w.queue, "this is version "+v, ParkPoison); err != nil {
				return err
			}
		}
		if err := t.note(ctx, fieldProgram, v); err != nil {
			return err
		}
	}
	look, check := t.due(fieldLooked, lookEvery), t.due(fieldChecked, checkEvery)
	if !look && !check {
		return nil
	}
	parked, err := t.recs.Reasons(ctx)
	if err != nil {
		return err
	}
	now := t.w.now().UTC().Format(time.RFC3339)
	if check {
		if err := t.note(ctx, fieldChecked, now); err != nil {
			return err
		}
		if _, err := t.recs.Recheck(ctx, t.w.queue, checkMost, state.HandReasons[:]...); err != nil {
			return err
		}
	}
	if !look {
		return nil
	}
	if err := t.note(ctx, fieldLooked, now); err != nil {
		return err
	}
	wanted := slices.ContainsFunc(lists(), func(l list) bool {
		return slices.ContainsFunc(l.reasons, func(reason string) bool { return parked[reason] > 0 })
	})
	if !wanted {
		return nil
	}
	t.s.refs = nil // read all of them, for the whole run
	_, err = t.references(ctx)
	return err
}

// due reports whether a time that was noted is long ago.
func (t *turn) due(field string, every time.Duration) bool {
	at, err := time.Parse(time.RFC3339, t.wm[field])
	return err != nil || t.w.now().Sub(at) >= every
}

// note keeps a field of the watermarks.
func (t *turn) note(ctx context.Context, field, value string) error {
	if err := t.recs.SetWatermarks(context.WithoutCancel(ctx), t.lane.Fence, map[string]string{field: value}); err != nil {
		return err
	}
	t.wm[field] = value
	return nil
}
