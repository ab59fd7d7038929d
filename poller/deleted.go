package poller

import (
	"context"
	"errors"
	"time"

	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/state"
)

// typeDeletions stands for the deletions where a type is named.
const typeDeletions netsuite.RecordType = "deletions"

// goneSighting marks a record that NetSuite no longer has, as far as how says.
func goneSighting(t netsuite.RecordType, id netsuite.ID, how, note string) queue.Sighting {
	s := queue.Sighting{Marks: true, Gone: true, Facts: map[string]string{}}
	s.Ref = queue.Ref{Type: string(t), ID: id.String()}
	s.Source, s.Note = "poll", note
	if how != "" {
		s.Facts[state.FactDeleted] = how
	}
	return s
}

// markGone makes such marks durable, and those of what hangs on the records:
// the purchase order of a deleted bill or receipt, and the open documents of a
// vendor that was deleted or merged, because a merge changes them without a
// new stamp (contract 7).
func (r *round) markGone(ctx context.Context, gone []queue.Sighting) error {
	refs := make([]queue.Ref, len(gone))
	for i, s := range gone {
		refs[i] = s.Ref
	}
	known, err := r.Records.Get(ctx, refs...)
	if err != nil {
		return err
	}
	var also []queue.Mark
	for i, rec := range known {
		also = append(also, parentOf(rec, gone[i])...)
		if rec.Type != string(netsuite.TypeVendor) {
			continue
		}
		docs, err := r.Records.OfVendor(ctx, rec.ID)
		if err != nil {
			return err
		}
		for _, d := range docs {
			also = append(also, queue.Mark{Ref: d, Source: "poll", Note: "its vendor " + rec.ID + " was deleted or merged"})
		}
	}
	for len(also) > 0 {
		part := also[:min(scriptRows, len(also))]
		also = also[len(part):]
		if _, err := r.Queue.Mark(ctx, r.Tenant.ID, queue.Live, part...); err != nil {
			return err
		}
	}
	_, err = r.Queue.Sight(ctx, r.Tenant.ID, r.Fence, queue.Live, gone, nil)
	return err
}

// deletions marks what NetSuite says was deleted since the last look. A role
// that may not read deletions leaves them to the comparison.
func (r *round) deletions(ctx context.Context, wide bool) error {
	since := ""
	if w := r.wm[fieldDeletions]; w != "" {
		d := overlap
		if wide {
			d = sweepOverlap
		}
		since = before(w, d)
	}
	deleted, err := r.NetSuite.Deleted(netsuite.Background(ctx), since)
	if errors.Is(err, netsuite.ErrHidden) {
		r.note(fieldDeletionsHidden, err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	high := r.wm[fieldDeletions]
	var refs []queue.Ref
	at := map[queue.Ref]netsuite.Deletion{}
	for _, d := range deleted {
		if d.At > high && netsuite.IsStamp(d.At) {
			high = d.At
		}
		ref := queue.Ref{Type: string(d.Type), ID: d.ID.String()}
		if _, twice := at[ref]; !twice && r.Tenant.Syncs(ref.Type) {
			refs = append(refs, ref)
		}
		at[ref] = d
	}
	for len(refs) > 0 {
		part := refs[:min(scriptRows, len(refs))]
		refs = refs[len(part):]
		known, err := r.Records.Get(ctx, part...)
		if err != nil {
			return err
		}
		var gone []queue.Sighting
		for _, rec := range known {
			d := at[rec.Ref]
			// What we never heard of needs nothing; what was told, no more.
			if rec.State == "" || rec.Facts[state.FactDeleted] == d.At {
				continue
			}
			gone = append(gone, goneSighting(d.Type, d.ID, d.At, "deleted in NetSuite at "+d.At))
			r.res.Deleted++
		}
		if len(gone) > 0 {
			if err := r.markGone(ctx, gone); err != nil {
				return err
			}
		}
	}
	r.note(fieldDeletionsHidden, "")
	r.note(fieldError(typeDeletions), "")
	r.note(fieldDeletions, high)
	r.note(fieldDeletionsAt, r.Now.UTC().Format(time.RFC3339))
	return nil
}

// allDeletions are all that NetSuite tells of; unseen when the role may not
// read them.
func (r *round) allDeletions(ctx context.Context) (all []netsuite.Deletion, unseen bool, err error) {
	all, err = r.NetSuite.Deleted(netsuite.Background(ctx), "")
	if errors.Is(err, netsuite.ErrHidden) {
		return nil, true, nil
	}
	return all, false, err
}
