package netsuitetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	maxPage = 1000    // rows of one page (contract 2.1)
	maxRows = 100_000 // rows that offset can reach (contract 2.1)
	maxBody = 4 << 20 // of a request
)

func readBody(r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	return b, nil
}

// readQuery notes the statement for the log and for faults, and puts the body back.
func readQuery(r *http.Request, call *Call) {
	b, err := readBody(r)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	var body struct{ Q string }
	if json.Unmarshal(b, &body) == nil {
		call.Query = body.Q
	}
}

// suiteql is the query endpoint (contract 2).
func (s *Sim) suiteql(r *http.Request, _ *Call) answer {
	if a, ok := s.admit(r); !ok {
		return a
	}
	if r.Method != http.MethodPost {
		return problem(http.StatusMethodNotAllowed, "Method Not Allowed", detail{Detail: "Method " + r.Method + " is not allowed.", Code: "METHOD_NOT_ALLOWED"})
	}
	if p := r.Header.Values("Prefer"); len(p) != 1 || p[0] != "transient" {
		return badRequest(detail{Detail: "Invalid value for the header Prefer. The header must be set to 'transient'.", Header: "Prefer", Code: "INVALID_HEADER"})
	}
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/json" {
		return problem(http.StatusUnsupportedMediaType, "Unsupported Media Type", detail{Detail: "Content-Type must be application/json.", Header: "Content-Type", Code: "INVALID_HEADER"})
	}
	limit, offset, bad := pageOf(r.URL.Query())
	if bad != nil {
		return badRequest(*bad)
	}
	b, err := readBody(r)
	if err != nil {
		return answer{drop: true}
	}
	var body struct {
		Q *string `json:"q"`
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil || body.Q == nil || strings.TrimSpace(*body.Q) == "" {
		return badRequest(detail{Detail: "Invalid content in the request body: want an object with the property q.", Path: "q", Code: "INVALID_CONTENT"})
	}
	stmt, err := rewrite(s.catalog, s.hideFns, s.o.Now(), *body.Q)
	if err != nil {
		return badQuery(err)
	}
	items, total, err := s.page(stmt, limit, offset)
	if err != nil {
		return badQuery(unsupported)
	}
	return s.envelope(r, items, limit, offset, total)
}

// pageOf applies the rules of limit and offset (contract 2.1).
func pageOf(q url.Values) (limit, offset int, bad *detail) {
	limit = maxPage
	var err error
	if v := q.Get("limit"); q.Has("limit") {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > maxPage {
			return 0, 0, &detail{Detail: "Invalid value of the limit parameter: it must be a number from 1 to 1000.", QueryParam: "limit"}
		}
	}
	if v := q.Get("offset"); q.Has("offset") {
		if offset, err = strconv.Atoi(v); err != nil || offset < 0 || offset >= maxRows || offset%limit != 0 {
			return 0, 0, &detail{Detail: "Invalid value of the offset parameter: it must be divisible by limit and below 100000.", QueryParam: "offset"}
		}
	}
	return limit, offset, nil
}

// page runs a statement for one page and counts all its rows.
func (s *Sim) page(stmt string, limit, offset int) (items []json.RawMessage, total int, err error) {
	ctx := context.Background() // a cancelled statement could cost the connection, and the tables with it
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT * FROM (%s) LIMIT %d OFFSET %d", stmt, limit, offset))
	if err != nil {
		return nil, 0, fmt.Errorf("query: %w", err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return nil, 0, fmt.Errorf("columns: %w", err)
	}
	s.keys(names)
	vals, ptrs := make([]any, len(names)), make([]any, len(names))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return nil, 0, fmt.Errorf("scan: %w", err)
		}
		items = append(items, s.item(names, vals))
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("rows: %w", err)
	}
	if offset == 0 && len(items) < limit {
		return items, len(items), nil
	}
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM ("+stmt+")").Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count: %w", err)
	}
	return items, total, nil
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$#]*$`)

// keys turns column names into result keys: lower case, expr1 for an
// expression without alias (contract 2.2).
func (s *Sim) keys(names []string) {
	n := 0
	for i, name := range names {
		name, _, _ = strings.Cut(name, ":") // id and id:1
		if !identifier.MatchString(name) {
			n++
			name = "expr" + strconv.Itoa(n)
		}
		names[i] = strings.ToLower(name)
		if s.o.UpperCaseKeys {
			names[i] = strings.ToUpper(name)
		}
	}
}

// item is one row: every value a string, nulls left out (contract 2.2).
func (s *Sim) item(names []string, vals []any) json.RawMessage {
	var b bytes.Buffer
	b.WriteString(`{"links":[]`)
	seen := map[string]bool{}
	for i, v := range vals {
		if v == nil || v == "" || seen[names[i]] { // '' is null in Oracle
			continue
		}
		seen[names[i]] = true
		enc, _ := json.Marshal(s.leave(v)) // a string
		fmt.Fprintf(&b, ",%q:%s", names[i], enc)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// leave is the text of a value as this account shows it.
func (s *Sim) leave(v any) string {
	if str, ok := v.(string); ok {
		if t, isDate := dateOf(str, s.o.Zone); isDate && s.o.DayFirst {
			return t.Format("2/1/2006")
		}
		return show(v, s.o.Zone)
	}
	if t, ok := v.(time.Time); ok { // never stored, but the driver may guess one
		return t.Format("1/2/2006")
	}
	out := show(v, s.o.Zone)
	if s.o.OracleNumbers {
		if rest, ok := strings.CutPrefix(out, "0."); ok {
			return "." + rest
		}
		if rest, ok := strings.CutPrefix(out, "-0."); ok {
			return "-." + rest
		}
	}
	return out
}

type link struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

// envelope is the response of contract 2.2.
func (s *Sim) envelope(r *http.Request, items []json.RawMessage, limit, offset, total int) answer {
	base := strings.TrimSuffix(endpoint(r), tokenPath) + suiteqlPath
	href := func(rel string, at int) link {
		return link{rel, fmt.Sprintf("%s?limit=%d&offset=%d", base, limit, at)}
	}
	var links []link
	reachable := min(total, maxRows)
	more := offset+len(items) < reachable
	if more {
		links = append(links, href("next", offset+limit), href("last", (reachable-1)/limit*limit))
	}
	if offset > 0 {
		links = append(links, href("previous", max(offset-limit, 0)), href("first", 0))
	}
	links = append(links, href("self", offset))
	if items == nil {
		items = []json.RawMessage{}
	}
	a := reply(http.StatusOK, struct {
		Links        []link            `json:"links"`
		Count        int               `json:"count"`
		HasMore      bool              `json:"hasMore"`
		Items        []json.RawMessage `json:"items"`
		Offset       int               `json:"offset"`
		TotalResults int               `json:"totalResults"`
	}{links, len(items), more, items, offset, total})
	a.contentType = "application/vnd.oracle.resource+json; type=collection"
	return a
}
