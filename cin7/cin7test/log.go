package cin7test

import (
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Call is one request that arrived.
type Call struct {
	At          time.Time
	Method      string
	Path        string // below the base, as the contract spells it; as sent when unknown
	Query       map[string][]string
	Body        string
	Status      int // 0: no answer was sent, or not yet
	Application string
	// Ignored are the query and body names that Cin7 does not know and passes
	// over without an error (2).
	Ignored []string
	Fault   string // the shape of the fault that struck, if any
}

// Calls returns all requests so far, oldest first.
func (s *Sim) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Writes counts the calls so far that are not GET.
func (s *Sim) Writes() int {
	n := 0
	for _, c := range s.Calls() {
		if c.Method != http.MethodGet {
			n++
		}
	}
	return n
}

// Effect is something that took effect, told once and never changed.
type Effect struct {
	At          time.Time
	Kind        string // for example purchase_created, invoice_authorised
	ID          string // of the supplier, product, purchase or journal
	TaskID      string // of the group or credit note, if any
	Number      string // PO, invoice, credit note or journal number, or supplier name
	Marker      string // NS:<type>:<id>... found in the object, if any
	Total       decimal.Decimal
	Lines       []EffectLine
	Application string // key of the caller; "" for what a test did by hand
}

// EffectLine is a line or charge of an effect; Total as stored, tax apart.
type EffectLine struct {
	Product  string // SKU, or description of a charge
	Account  string // code; for journals "debit/credit"
	Quantity decimal.Decimal
	Total    decimal.Decimal
	Tax      decimal.Decimal
}

// Journal returns everything that took effect, oldest first.
func (s *Sim) Journal() []Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.effects)
}

var markerForm = regexp.MustCompile(`NS[:-][A-Za-z0-9@:_-]+`)

// marker finds the reference to NetSuite in any of the texts.
func marker(texts ...string) string {
	for _, t := range texts {
		if m := markerForm.FindString(t); m != "" {
			return m
		}
	}
	return ""
}
