// Package state is what we know of each record of a tenant: what it is linked
// to in Cin7, the write that is in flight, what was applied, where it stands,
// and its timeline. It shares the record's hash with package queue, which owns
// the fields of its life; the ones here are
//
//	mlc:{t}:rec:<ref>   link:<slot>   Cin7 GUID
//	                    f:<name>      facts: number, hash, version, stage, ...
//	mlc:{t}:intents     hash          ref -> the open write
//	mlc:{t}:cin7        hash          lower-case GUID -> ref/slot, the reverse of the links
//	mlc:{t}:wm          hash          the poller's watermarks and times
//	mlc:{t}:hooks       stream        recent webhooks, capped
//
// Losing all of it costs calls, never duplicates: what Cin7 holds carries our
// markers and is found again.
package state

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/queue"
)

// Record is what we know of one record.
type Record struct {
	queue.Ref
	State                queue.State
	Reason, Message, Fix string
	UpdatedAt            time.Time
	Since                time.Time // since when it has stood still for this reason, parked or waiting; looking again changes nothing about it
	NextAt               time.Time // zero: no retry planned
	Want, Done           int64
	Attempts, Crashes    int
	Links                map[string]string // slot -> Cin7 GUID
	Intent               *Intent           // the open write, nil when none
	Facts                map[string]string // number, hash, version, stage, ... (the Fact constants)
}

// The facts kept beside the links.
const (
	FactNumber     = "number"      // PO number, bill number, vendor name: what people search for
	FactParty      = "party"       // vendor name of a document
	FactHash       = "hash"        // content hash of what was applied
	FactVersion    = "version"     // NetSuite modification time of what was applied
	FactStage      = "stage"       // ORDER, INVOICE, RECEIVE, DONE
	FactCin7Number = "cin7_number" // for example PO-00412
	FactAccounts   = "accounts"    // account codes used, comma separated
	FactPosted     = "posted"      // NetSuite accounts with those codes: <internal id>/<number>=<code>, comma separated
	FactProducts   = "products"    // of an order: NetSuite items and expense accounts with their Cin7 products (handlers.ProductElsewhere)
	FactSettings   = "settings"    // version of the settings that a document was posted under
	FactPO         = "po"          // purchase order that a bill or receipt belongs to
	FactTotal      = "total"       // amount and currency, for people
	FactFailing    = "failing"     // RFC 3339: since when it fails and is retried
	FactSeen       = "seen"        // modification time that a poll marked last; package poller
	FactSeenLine   = "seen_line"   // the same of its lines
	FactDay        = "day"         // day of creation, of records that polls have seen
	FactVendor     = "vendor"      // vendor id of a document, as a poll saw it
	FactDoubt      = "doubt"       // RFC 3339: when a create of it last had to be looked for; look-ups of it read Cin7 anew
	FactDeleted    = "deleted"     // how we know that NetSuite deleted it; "" while it is there
)

// Intent is a write to Cin7 that has been decided and whose outcome is not
// yet recorded.
type Intent struct {
	Slot   string    `json:"slot"`   // what it creates or changes: purchase, invoice:123, ...
	Op     string    `json:"op"`     // operation name, for example create_purchase
	Marker string    `json:"marker"` // what a look-up would find it by
	Hash   string    `json:"hash"`   // hash of the body
	Fence  int64     `json:"fence"`
	SentAt time.Time `json:"sent_at"`
	// Unknown is set once an answer left the outcome open: the write may have
	// taken effect, and a look-up may be believed after BelieveAt.
	Unknown   bool      `json:"unknown,omitempty"`
	BelieveAt time.Time `json:"believe_at,omitzero"`
	Misses    int       `json:"misses,omitempty"` // look-ups that found nothing since
	Said      string    `json:"said,omitempty"`   // Cin7's words, when it refused in a way that may have followed an effect
}

// ErrNotFound says that the tenant has no such record.
var ErrNotFound = errors.New("no such record")

// Store keeps the records of all tenants in Redis.
type Store struct{ rdb redis.UniversalClient }

// New returns the store kept in rdb.
func New(rdb redis.UniversalClient) *Store { return &Store{rdb} }

// Tenant returns the records of one tenant; every key it touches carries the id.
func (s *Store) Tenant(id string) *Records { return &Records{s.rdb, id} }

// Records is the handle on one tenant's records. Methods that take a fence
// write only while it is the lane's current one, else queue.ErrStale.
type Records struct {
	rdb    redis.UniversalClient
	tenant string
}

// Get reads records in the order asked for; one never marked has State "".
func (r *Records) Get(ctx context.Context, refs ...queue.Ref) ([]Record, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	p := r.rdb.Pipeline()
	cmds := make([]*redis.MapStringStringCmd, len(refs))
	names := make([]string, len(refs))
	for i, ref := range refs {
		cmds[i], names[i] = p.HGetAll(ctx, queue.KeyRecord(r.tenant, ref)), ref.String()
	}
	intents := p.HMGet(ctx, queue.KeyIntents(r.tenant), names...)
	if _, err := p.Exec(ctx); err != nil {
		return nil, fmt.Errorf("read %d records of %s: %w", len(refs), r.tenant, err)
	}
	out := make([]Record, len(refs))
	for i, ref := range refs {
		h := cmds[i].Val()
		if kept, _ := intents.Val()[i].(string); kept != "" {
			_, _, h["intent"] = cut3(kept)
		}
		rec, err := decode(ref, h)
		if err != nil {
			return nil, fmt.Errorf("read record %s of %s: %w", ref, r.tenant, err)
		}
		out[i] = rec
	}
	return out, nil
}

// cut3 cuts a text of three lines, of which the last may be of several.
func cut3(s string) (first, second, rest string) {
	first, rest, _ = strings.Cut(s, "\n")
	second, rest, _ = strings.Cut(rest, "\n")
	return first, second, rest
}

// decode reads the fields of a record's hash, and its open intent as the field
// intent.
func decode(ref queue.Ref, h map[string]string) (Record, error) {
	rec := Record{Ref: ref, State: queue.State(h["state"]), Reason: h["reason"], Message: h["message"], Fix: h["fix"],
		UpdatedAt: milli(h["updated"]), NextAt: milli(h["next_at"]), Want: number(h["want"]), Done: number(h["done"]),
		Since: since(h["since"]), Attempts: int(number(h["attempts"])), Crashes: int(number(h["crashes"])), Links: map[string]string{}, Facts: map[string]string{}}
	for k, v := range h {
		if slot, ok := strings.CutPrefix(k, "link:"); ok {
			rec.Links[slot] = v
		}
		if name, ok := strings.CutPrefix(k, "f:"); ok {
			rec.Facts[name] = v
		}
	}
	if rec.Since.IsZero() && (rec.State == queue.Parked || rec.State == queue.Waiting) {
		rec.Since = rec.UpdatedAt // settled by a version that did not keep it
	}
	if s := h["intent"]; s != "" {
		rec.Intent = &Intent{}
		if err := json.Unmarshal([]byte(s), rec.Intent); err != nil {
			return Record{}, fmt.Errorf("its open write: %w", err)
		}
	}
	return rec, nil
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// since reads "<state> <milliseconds>".
func since(s string) time.Time {
	_, at, _ := strings.Cut(s, " ")
	return milli(at)
}

func milli(s string) time.Time {
	if n := number(s); n > 0 {
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}

// fenced runs a script whose first key is the lane and first argument the fence.
func (r *Records) fenced(ctx context.Context, what string, s queue.Script, fence int64, keys []string, args ...any) error {
	v, err := s.Run(ctx, r.rdb, append([]string{queue.KeyLane(r.tenant)}, keys...), append([]any{strconv.FormatInt(fence, 10)}, args...)...).Text()
	switch {
	case err != nil:
		return fmt.Errorf("%s of %s: %w", what, r.tenant, err)
	case v == "stale":
		return fmt.Errorf("%s of %s: %w", what, r.tenant, queue.ErrStale)
	case v == "open":
		return fmt.Errorf("%s of %s: %w", what, r.tenant, ErrIntentOpen)
	}
	return nil
}

// Link records that a slot of the record is this Cin7 object, closes an open
// intent of the same slot, and keeps the reverse entry. Facts are set with it.
func (r *Records) Link(ctx context.Context, fence int64, ref queue.Ref, slot, guid string, facts map[string]string) error {
	args := []any{slot, guid, strings.ToLower(guid), ref.String() + "/" + slot, ref.String()}
	for k, v := range facts {
		args = append(args, k, v)
	}
	return r.fenced(ctx, "link "+ref.String(), linkScript, fence, []string{queue.KeyRecord(r.tenant, ref), queue.KeyCin7(r.tenant), queue.KeyIntents(r.tenant)}, args...)
}

// Unlink removes a slot and its reverse entry.
func (r *Records) Unlink(ctx context.Context, fence int64, ref queue.Ref, slot string) error {
	return r.fenced(ctx, "unlink "+ref.String(), unlinkScript, fence, []string{queue.KeyRecord(r.tenant, ref), queue.KeyCin7(r.tenant)}, slot)
}

// Owner is the record and slot that a Cin7 object is linked to.
type Owner struct {
	queue.Ref
	Slot string
}

// Owners looks up whom Cin7 objects belong to; GUIDs without an owner are absent.
// Keys of the answer are lower-case GUIDs.
func (r *Records) Owners(ctx context.Context, guids ...string) (map[string]Owner, error) {
	out := map[string]Owner{}
	if len(guids) == 0 {
		return out, nil
	}
	fields := make([]string, len(guids))
	for i, g := range guids {
		fields[i] = strings.ToLower(g)
	}
	got, err := r.rdb.HMGet(ctx, queue.KeyCin7(r.tenant), fields...).Result()
	if err != nil {
		return nil, fmt.Errorf("look up owners of %s: %w", r.tenant, err)
	}
	for i, v := range got {
		s, _ := v.(string)
		name, slot, _ := strings.Cut(s, "/")
		if ref, ok := queue.ParseRef(name); ok {
			out[fields[i]] = Owner{ref, slot}
		}
	}
	return out, nil
}

// OpenIntent makes an intent durable before its call is sent. It refuses with
// ErrIntentOpen when the record has another open intent.
func (r *Records) OpenIntent(ctx context.Context, fence int64, ref queue.Ref, in Intent) error {
	return r.intent(ctx, fence, ref, "open", in)
}

// ErrIntentOpen says that an earlier write of this record is not settled yet.
var ErrIntentOpen = errors.New("an earlier write is not settled")

// UpdateIntent replaces the open intent of the same slot and op.
func (r *Records) UpdateIntent(ctx context.Context, fence int64, ref queue.Ref, in Intent) error {
	return r.intent(ctx, fence, ref, "update", in)
}

// CloseIntent removes the open intent; a no-op when there is none.
func (r *Records) CloseIntent(ctx context.Context, fence int64, ref queue.Ref) error {
	return r.intent(ctx, fence, ref, "close", Intent{})
}

func (r *Records) intent(ctx context.Context, fence int64, ref queue.Ref, mode string, in Intent) error {
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode intent of %s: %w", ref, err)
	}
	return r.fenced(ctx, mode+" intent of "+ref.String(), intentScript, fence, []string{queue.KeyRecord(r.tenant, ref), queue.KeyIntents(r.tenant)}, mode, ref.String(), b, in.Slot, in.Op)
}

// SetFacts sets facts; "" deletes one.
func (r *Records) SetFacts(ctx context.Context, fence int64, ref queue.Ref, facts map[string]string) error {
	return r.set(ctx, "set facts of "+ref.String(), fence, queue.KeyRecord(r.tenant, ref), "f:", facts)
}

func (r *Records) set(ctx context.Context, what string, fence int64, hash, prefix string, fields map[string]string) error {
	args := []any{prefix}
	for k, v := range fields {
		args = append(args, k, v)
	}
	return r.fenced(ctx, what, setScript, fence, []string{hash}, args...)
}

// Watermarks reads the poller's hash of the tenant.
func (r *Records) Watermarks(ctx context.Context) (map[string]string, error) {
	h, err := r.rdb.HGetAll(ctx, queue.KeyWatermarks(r.tenant)).Result()
	if err != nil {
		return nil, fmt.Errorf("read the watermarks of %s: %w", r.tenant, err)
	}
	return h, nil
}

// SetWatermarks sets fields of it; "" deletes one.
func (r *Records) SetWatermarks(ctx context.Context, fence int64, fields map[string]string) error {
	return r.set(ctx, "set watermarks", fence, queue.KeyWatermarks(r.tenant), "", fields)
}

// RequestPoll asks the next turn of the lane to poll, whatever the schedule
// says; wake the lane afterwards.
func (r *Records) RequestPoll(ctx context.Context) error {
	if err := r.rdb.HSet(ctx, queue.KeyWatermarks(r.tenant), PollNow, NewRequest()).Err(); err != nil {
		return fmt.Errorf("ask for a poll of %s: %w", r.tenant, err)
	}
	return nil
}

// Held is the field of the watermarks that says why the lane was last held
// back as a whole: an upstream is down or refuses, the budget is spent.
const Held = "held"

// Flagged is the field of the watermarks that says when it was last seen that
// no other deployment writes to the Cin7 company, and to which.
const Flagged = "flagged"

// WatermarkPrefix begins the fields of the watermarks that say up to where
// NetSuite has been read; without them it is read from the beginning.
const WatermarkPrefix = "wm:"

// PollNow is the field of the watermarks that asks for a poll, and PollDone the
// request that the last poll has answered. Each request is a text of its own
// (NewRequest): one that comes while a poll is under way is not answered by it,
// which may have read on before.
const (
	PollNow  = "poll_now"
	PollDone = "poll_done"
)

// NewRequest is a text for PollNow.
func NewRequest() string { return rand.Text() }

// PollAsked is the request for a poll that is open, "" when there is none.
func PollAsked(watermarks map[string]string) string {
	if asked := watermarks[PollNow]; asked != watermarks[PollDone] {
		return asked
	}
	return ""
}

// TurnNow is the field of the watermarks that asks for a turn of the lane.
const TurnNow = "turn_now"

// RequestTurn asks for a turn of the lane; wake the lane afterwards. A wake
// alone is lost on a lane that is held: its holder knows only of marks when it
// says when the lane is due again.
func (r *Records) RequestTurn(ctx context.Context) error {
	if err := r.rdb.HSet(ctx, queue.KeyWatermarks(r.tenant), TurnNow, "1").Err(); err != nil {
		return fmt.Errorf("ask for a turn of %s: %w", r.tenant, err)
	}
	return nil
}

// Requested is the request for a poll that is open, "" when there is none, and
// whether a turn is asked for.
func (r *Records) Requested(ctx context.Context) (poll string, turn bool, err error) {
	v, err := r.rdb.HMGet(ctx, queue.KeyWatermarks(r.tenant), PollNow, PollDone, TurnNow).Result()
	if err != nil || len(v) != 3 {
		return "", false, fmt.Errorf("look what is asked of the lane of %s: %w", r.tenant, err)
	}
	if v[0] != v[1] {
		poll, _ = v[0].(string)
	}
	return poll, v[2] != nil, nil
}
