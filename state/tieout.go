package state

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// The fields of the watermarks hash that tell the last reconciliation.
const (
	fieldTieOut   = "tieout"    // hundredths of the base currency
	fieldTieOutAt = "tieout_at" // RFC 3339
	fieldParked   = "tieout_parked"
	fieldWorth    = "tieout_worth" // hundredths of the base currency
	fieldCurrency = "tieout_currency"
)

// TieOutNext is the field of the watermarks that says when the books are tied
// out next, RFC 3339.
const TieOutNext = "tieout_next"

// maxTieOut bounds the kept report, packed: some hundred thousand documents.
const maxTieOut = 32 << 20

// TieOutFigures is a reconciliation in a few figures. Amounts are in
// hundredths of the base currency.
type TieOutFigures struct {
	Unexplained int64  // absolute differences that need a person, for the metric mlc_tieout_unexplained_minor_units
	Parked      int64  // documents that wait for a decision
	Worth       int64  // of those documents
	Currency    string // the base currency, ISO 4217; "" in figures that a version kept which did not note it
}

// SetTieOut keeps what a reconciliation found: its figures, and the report
// itself, JSON. It needs no fence: the latest one counts.
func (r *Records) SetTieOut(ctx context.Context, f TieOutFigures, at time.Time, report []byte) error {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(report); err != nil {
		return fmt.Errorf("pack the tie-out of %s: %w", r.tenant, err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("pack the tie-out of %s: %w", r.tenant, err)
	}
	if packed.Len() > maxTieOut {
		return fmt.Errorf("keep the tie-out of %s: the report has %d bytes, at most %d are kept: reconcile shorter periods", r.tenant, packed.Len(), maxTieOut)
	}
	p := r.rdb.TxPipeline()
	p.HSet(ctx, queue.KeyWatermarks(r.tenant), fieldTieOut, strconv.FormatInt(f.Unexplained, 10), fieldTieOutAt, at.UTC().Format(time.RFC3339),
		fieldParked, strconv.FormatInt(f.Parked, 10), fieldWorth, strconv.FormatInt(f.Worth, 10), fieldCurrency, f.Currency)
	p.Set(ctx, queue.KeyTieOut(r.tenant), packed.Bytes(), 0)
	if _, err := p.Exec(ctx); err != nil {
		return fmt.Errorf("keep the tie-out of %s: %w", r.tenant, err)
	}
	return nil
}

// LastTieOut reads the report that SetTieOut kept; ErrNotFound when the books
// were never tied out.
func (r *Records) LastTieOut(ctx context.Context) ([]byte, error) {
	packed, err := r.rdb.Get(ctx, queue.KeyTieOut(r.tenant)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("the tie-out of %s: %w", r.tenant, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read the tie-out of %s: %w", r.tenant, err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack the tie-out of %s: %w", r.tenant, err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("unpack the tie-out of %s: %w", r.tenant, err)
	}
	return out, nil
}

// TieOut reads the figures that SetTieOut kept from a tenant's watermarks; ok
// is false when it was never reconciled.
func TieOut(wm map[string]string) (f TieOutFigures, ok bool) {
	if _, ok := wm[fieldTieOut]; !ok {
		return f, false
	}
	return TieOutFigures{Unexplained: number(wm[fieldTieOut]), Parked: number(wm[fieldParked]), Worth: number(wm[fieldWorth]), Currency: wm[fieldCurrency]}, true
}

// TieOutAt is when the books were last tied out; zero when never.
func TieOutAt(wm map[string]string) time.Time {
	at, err := time.Parse(time.RFC3339, wm[fieldTieOutAt])
	if err != nil {
		return time.Time{}
	}
	return at
}

// settlingMost bounds what Settling reads.
const settlingMost = 2000

// Settling counts the records that have a retry time and wait for the given
// reason. At most 2,000 retry times are looked at, the earliest first.
func (r *Records) Settling(ctx context.Context, reason string) (int, error) {
	due, err := r.rdb.ZRange(ctx, queue.KeyDue(r.tenant), 0, settlingMost-1).Result()
	if err != nil {
		return 0, fmt.Errorf("read the retries of %s: %w", r.tenant, err)
	}
	p := r.rdb.Pipeline()
	var cmds []*redis.SliceCmd
	for _, member := range due {
		if ref, ok := queue.ParseRef(member); ok {
			cmds = append(cmds, p.HMGet(ctx, queue.KeyRecord(r.tenant, ref), "state", "reason"))
		}
	}
	if len(cmds) == 0 {
		return 0, nil
	}
	if _, err := p.Exec(ctx); err != nil {
		return 0, fmt.Errorf("read %d waiting records of %s: %w", len(cmds), r.tenant, err)
	}
	n := 0
	for _, c := range cmds {
		if v := c.Val(); len(v) == 2 && v[0] == string(queue.Waiting) && v[1] == reason {
			n++
		}
	}
	return n, nil
}
