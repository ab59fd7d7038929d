package poller

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
)

// zone notices when the session's time zone changes: the creation time of one
// record is an instant that never changes, so its text does only with the
// zone. Labels before and after such a change cannot be compared, so the
// watermarks are given up and everything is compared at once: what is known
// and unchanged costs a read and no call to Cin7.
func (r *round) zone(ctx context.Context) error {
	ctx = netsuite.Background(ctx)
	id, err := strconv.ParseInt(r.wm[fieldAnchor], 10, 64)
	if err != nil {
		id = 0
	}
	a, ok, err := r.NetSuite.Anchor(ctx, netsuite.ID(id))
	if err == nil && !ok && id != 0 {
		// It is gone: another one serves from here on.
		r.note(fieldAnchor, "")
		r.note(fieldZone, "")
		a, ok, err = r.NetSuite.Anchor(ctx, 0)
	}
	if errors.Is(err, netsuite.ErrHidden) || err == nil && !ok {
		return nil // no vendor to tell by
	}
	if err != nil {
		return err
	}
	was := r.wm[fieldZone]
	if was == a.Text {
		return nil
	}
	// What the account does not allow is not asked again.
	off, err := r.NetSuite.Offset(ctx, a)
	if err != nil && !errors.Is(err, netsuite.ErrQuery) && !errors.Is(err, netsuite.ErrHidden) {
		return err
	}
	r.note(fieldAnchor, a.ID.String())
	r.note(fieldZone, a.Text)
	r.note(fieldOffset, off)
	if was == "" {
		return nil
	}
	r.note(fieldZoneAt, r.Now.UTC().Format(time.RFC3339)+" "+was+" is now shown as "+a.Text)
	for _, family := range families {
		for _, t := range r.types(family) {
			r.note(fieldWatermark(t), "")
		}
	}
	r.note(fieldDeletions, "")
	return nil
}
