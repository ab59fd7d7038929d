package netsuitetest

import (
	"context"
	"crypto"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the account and its awkward sides. The zero value is a OneWorld
// account with account numbers on.
type Options struct {
	Account string           // default "1234567_SB1"
	Now     func() time.Time // default time.Now
	Zone    *time.Location   // session zone of TO_CHAR and TO_DATE, default America/Los_Angeles

	ExpiresInText    bool     // expires_in as "3600" instead of 3600 (1.3)
	InvalidClient    bool     // a bad assertion is 401 invalid_client instead of 400 invalid_grant (1.4)
	Concurrency      int      // requests in flight before 429, default 5 (2.6)
	NotOneWorld      bool     // no subsidiaries: their tables and columns are refused
	NoAccountNumbers bool     // account.acctnumber is null (3.4)
	UpperCaseKeys    bool     // result keys in upper case (2.2)
	OracleNumbers    bool     // .5 and -.5 for 0.5 and -0.5 (2.2)
	DayFirst         bool     // unwrapped dates as D/M/YYYY (4.1)
	MultiBook        bool     // a second accounting book doubles the ledger rows (3.4)
	SuiteTax         bool     // no tax rows, taxline null (7)
	NoApprovals      bool     // approvalstatus null (3.7)
	LongStatus       bool     // status as "PurchOrd:B" (3.7)
	VoidKeepsAmounts bool     // a voided document keeps its amounts instead of zeros (7)
	BumpOrders       bool     // receipts and bills bump lastmodifieddate of their POs (4.3)
	LinksOnOffsetRow bool     // receipt links name the offset row instead of the stock row (3.9 f)
	HideTables       []string // "deletedrecord": Record 'x' was not found (2.4)
	HideColumns      []string // "transaction.voided": Field 'x' ... was not found (2.4)
	HideFunctions    []string // "sys_extract_utc": Invalid or unsupported search (2.4)
}

// Sim is one NetSuite account. It is an http.Handler and safe for concurrent
// use. Close it to free the database.
type Sim struct {
	o       Options
	catalog *catalog
	hideFns map[string]bool
	db      *sql.DB
	slots   chan struct{}                 // requests in flight
	zone    atomic.Pointer[time.Location] // of the session, now

	mu    sync.Mutex // guards the model and the order of its writes
	model model
	bulk  *bulk // saves under way as one, see InBulk

	door  door
	watch watch
	posts posts
}

var accountPattern = regexp.MustCompile(`^[A-Za-z0-9]+([_-][A-Za-z0-9]+)?$`)

// New makes an account with a base currency (USD, id 1), one subsidiary (id 1)
// and nothing else.
func New(o Options) (*Sim, error) {
	if o.Account == "" {
		o.Account = "1234567_SB1"
	}
	if !accountPattern.MatchString(o.Account) {
		return nil, fmt.Errorf("account %q: want digits or letters, with at most one _ or - inside", o.Account)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		zone, err := time.LoadLocation("America/Los_Angeles")
		if err != nil {
			return nil, fmt.Errorf("session zone: %w", err)
		}
		o.Zone = zone
	}
	if o.Concurrency == 0 {
		o.Concurrency = 5
	}
	c, err := newCatalog(o)
	if err != nil {
		return nil, err
	}
	s := &Sim{o: o, catalog: c, hideFns: map[string]bool{}, slots: make(chan struct{}, o.Concurrency), model: newModel()}
	s.zone.Store(o.Zone)
	if s.db, err = openDatabase(c, &s.zone); err != nil {
		return nil, err
	}
	for _, f := range o.HideFunctions {
		s.hideFns[strings.ToLower(f)] = true
	}
	s.door.keys, s.door.tokens = map[string]certificate{}, map[string]accessToken{}
	s.posts.init()
	if err := s.seed(); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

// SetZone changes the session's time zone, as somebody does who edits the
// preferences of the integration user (contract 4.1, 4.2). Times are shown in
// it from now on. Dates of documents that were put before keep their instant,
// so use it in worlds of vendors.
func (s *Sim) SetZone(z *time.Location) { s.zone.Store(z) }

// Close ends the webhooks under way and frees the database.
func (s *Sim) Close() error {
	s.posts.close()
	return s.db.Close()
}

// ServeHTTP serves the paths of contract 1.2 and 2.1.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case tokenPath:
		s.serve(w, r, s.token)
	case suiteqlPath:
		s.serve(w, r, s.suiteql)
	default:
		s.serve(w, r, func(*http.Request, *Call) answer { return notFound() })
	}
}

// The paths that one account host serves (contract 1.1).
const (
	tokenPath   = "/services/rest/auth/oauth2/v1/token"
	suiteqlPath = "/services/rest/query/v1/suiteql"
)

// Exec runs a statement on the tables for a world that Put cannot make. It is
// written in SQLite's words with SuiteQL's functions; times go in as
// time.Time. Put of the same record writes its rows anew.
func (s *Sim) Exec(query string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range args {
		args[i] = value(a)
	}
	if _, err := s.db.ExecContext(context.Background(), execWords(query), args...); err != nil {
		return fmt.Errorf("exec %q: %w", query, err)
	}
	return nil
}

// execWords quotes the names that are keywords of SQLite and renames the
// functions, so that raw statements can be written as one would say them.
func execWords(q string) string {
	toks, ok := lex(q)
	if !ok {
		return q
	}
	var b strings.Builder
	for i, t := range toks {
		f, known := allowed(t.text)
		switch {
		case t.kind == word && known && i+1 < len(toks) && toks[i+1].is("("):
			b.WriteString(f.sqlite)
		case t.kind == quoted, t.is("transaction"):
			b.WriteString(`"` + t.text + `"`)
		default:
			b.WriteString(t.text)
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// RegisterCertificate maps a certificate to an integration record, as an
// administrator does on the M2M page (contract 1.5). Keys of the wrong size
// are taken here and refused at the token endpoint.
func (s *Sim) RegisterCertificate(clientID, certificateID string, pub crypto.PublicKey) {
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	s.door.keys[certificateID] = certificate{clientID, pub}
}

// RevokeCertificate ends a mapping; its tokens live on until they expire.
func (s *Sim) RevokeCertificate(certificateID string) {
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	delete(s.door.keys, certificateID)
}

// ExpireTokens ends every token at once.
func (s *Sim) ExpireTokens() {
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	clear(s.door.tokens)
}
