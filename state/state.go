// Package state is what we know of each record of a tenant: what it is linked
// to in Cin7, the write that is in flight, what was applied, where it stands,
// and its timeline.
package state

import (
	"context"
	"errors"
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
	FactPO         = "po"          // purchase order that a bill or receipt belongs to
	FactTotal      = "total"       // amount and currency, for people
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
}

// ErrNotFound: the tenant has no such record.
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
func (r *Records) Get(ctx context.Context, refs ...queue.Ref) ([]Record, error) { panic("wip") }

// Filter selects records; empty fields select all.
type Filter struct {
	State  queue.State
	Type   string
	Reason string
	Query  string // in id, number, party, Cin7 number or GUID; case folded
	Cursor string // from the previous Page
	Limit  int    // default 100, at most 1000
}

// Page is a part of a list, newest change first.
type Page struct {
	Records []Record
	Next    string // cursor of the next page, "" at the end
}

// List reads a page of records.
func (r *Records) List(ctx context.Context, f Filter) (Page, error) { panic("wip") }

// Counts returns how many records are in each state; every state has a key.
func (r *Records) Counts(ctx context.Context) (map[queue.State]int64, error) { panic("wip") }

// Reasons returns how many parked records each reason has.
func (r *Records) Reasons(ctx context.Context) (map[string]int64, error) { panic("wip") }

// Timeline returns the steps of a record, oldest first.
func (r *Records) Timeline(ctx context.Context, ref queue.Ref) ([]queue.Step, error) { panic("wip") }

// Note appends steps to a record's timeline.
func (r *Records) Note(ctx context.Context, ref queue.Ref, steps ...queue.Step) error { panic("wip") }

// Link records that a slot of the record is this Cin7 object, closes an open
// intent of the same slot, and keeps the reverse entry. Facts are set with it.
func (r *Records) Link(ctx context.Context, fence int64, ref queue.Ref, slot, guid string, facts map[string]string) error {
	panic("wip")
}

// Unlink removes a slot and its reverse entry.
func (r *Records) Unlink(ctx context.Context, fence int64, ref queue.Ref, slot string) error {
	panic("wip")
}

// Owner is the record and slot that a Cin7 object is linked to.
type Owner struct {
	queue.Ref
	Slot string
}

// Owners looks up whom Cin7 objects belong to; GUIDs without an owner are absent.
// Keys of the answer are lower-case GUIDs.
func (r *Records) Owners(ctx context.Context, guids ...string) (map[string]Owner, error) {
	panic("wip")
}

// OpenIntent makes an intent durable before its call is sent. It refuses with
// ErrIntentOpen when the record has another open intent.
func (r *Records) OpenIntent(ctx context.Context, fence int64, ref queue.Ref, in Intent) error {
	panic("wip")
}

// ErrIntentOpen: an earlier write of this record is not settled yet.
var ErrIntentOpen = errors.New("an earlier write is not settled")

// UpdateIntent replaces the open intent of the same slot and op.
func (r *Records) UpdateIntent(ctx context.Context, fence int64, ref queue.Ref, in Intent) error {
	panic("wip")
}

// CloseIntent removes the open intent; a no-op when there is none.
func (r *Records) CloseIntent(ctx context.Context, fence int64, ref queue.Ref) error { panic("wip") }

// SetFacts sets facts; "" deletes one.
func (r *Records) SetFacts(ctx context.Context, fence int64, ref queue.Ref, facts map[string]string) error {
	panic("wip")
}

// Watermarks reads the poller's hash of the tenant.
func (r *Records) Watermarks(ctx context.Context) (map[string]string, error) { panic("wip") }

// SetWatermarks sets fields of it.
func (r *Records) SetWatermarks(ctx context.Context, fence int64, fields map[string]string) error {
	panic("wip")
}

// Hook is a recent webhook with its verdict.
type Hook struct {
	At       time.Time
	Address  string // client address
	Verdict  string // accepted, ignored, unreadable, refused
	Detail   string // plain words; never the secret, never the body
	Accepted int
	Ignored  int
}

// AddHook keeps a webhook, at most 200 per tenant.
func (r *Records) AddHook(ctx context.Context, h Hook) error { panic("wip") }

// Hooks returns the recent webhooks, newest first.
func (r *Records) Hooks(ctx context.Context, limit int) ([]Hook, error) { panic("wip") }
