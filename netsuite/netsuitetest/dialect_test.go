package netsuitetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDialect(t *testing.T) {
	a := open(t, Options{})
	shop(a)
	a.PutVendor(Vendor{ID: 302, EntityID: "V-1002", Person: true, FirstName: "Maria", LastName: "O'Neil"})
	for _, c := range []struct {
		name, query, columns string
		want                 []string
	}{
		{"dates without TO_CHAR are M/D/Y", "SELECT trandate, lastmodifieddate FROM transaction WHERE id = 4001", "trandate lastmodifieddate", []string{"11/2/2026 | 11/10/2026"}},
		{"keys are lower case", "SELECT ID, TranID AS OrderNumber FROM Transaction WHERE ID = 4001", "id ordernumber", []string{"4001 | PO1041"}},
		{"quoted alias", `SELECT id "theId" FROM vendor WHERE id = 301`, "theid", []string{"301"}},
		{"alias without AS", "SELECT id vendorid FROM vendor WHERE id = 301", "vendorid", []string{"301"}},
		{"expression without alias", "SELECT id + 1, UPPER(companyname) FROM vendor WHERE id = 301", "expr1 expr2", []string{"302 | CASCADE"}},
		{"null is absent", "SELECT id, firstname FROM vendor WHERE id = 301", "id firstname", []string{"301 | -"}},
		{"empty text is null", "SELECT id FROM vendor WHERE NVL(firstname, 'x') = 'x'", "id", []string{"301"}},
		{"doubled quote", "SELECT lastname FROM vendor WHERE lastname = 'O''Neil'", "lastname", []string{"O'Neil"}},
		{"date compared with TO_DATE", "SELECT id FROM transaction WHERE trandate = TO_DATE('2026-11-06', 'YYYY-MM-DD')", "id", []string{"6001"}},
		{"time zone of TO_DATE", "SELECT id FROM transaction WHERE id = 4001 AND lastmodifieddate < TO_DATE('2026-11-10 12:00:01', 'YYYY-MM-DD HH24:MI:SS')", "id", []string{"4001"}},
		{"TO_TIMESTAMP", "SELECT id FROM transaction WHERE id = 4001 AND lastmodifieddate >= TO_TIMESTAMP('2026-11-10 12:00:00', 'YYYY-MM-DD HH24:MI:SS')", "id", []string{"4001"}},
		{"other formats", "SELECT TO_CHAR(trandate, 'DD-MON-YY') AS a, TO_CHAR(lastmodifieddate, 'MM/DD/YYYY HH12:MI AM') AS b FROM transaction WHERE id = 4001", "a b", []string{"02-NOV-26 | 11/10/2026 12:00 PM"}},
		{"TO_CHAR of a number", "SELECT TO_CHAR(foreigntotal) AS n FROM transaction WHERE id = 6001", "n", []string{"-315.01"}},
		{"display text", "SELECT BUILTIN.DF(entity) AS e, BUILTIN.DF(t.currency) AS c, BUILTIN.DF(voided) AS v FROM transaction t WHERE id = 4001", "e c v", []string{"V-1001 Cascade | Euro | No"}},
		{"FETCH FIRST", "SELECT id FROM vendor ORDER BY id DESC FETCH FIRST 1 ROWS ONLY", "id", []string{"302"}},
		{"ROWNUM", "SELECT COUNT(*) AS n FROM (SELECT id FROM vendor WHERE ROWNUM <= 1) v", "n", []string{"1"}},
		{"ROWNUM counts before the sort", "SELECT id FROM vendor WHERE id > 0 AND ROWNUM < 2 ORDER BY id", "id", []string{"302"}},
		{"COUNT under ROWNUM", "SELECT COUNT(*) AS n FROM vendor WHERE ROWNUM = 1", "n", []string{"1"}},
		{"no order without ORDER BY", "SELECT id FROM vendor", "id", []string{"302", "301"}},
		{"LISTAGG", "SELECT LISTAGG(id, ', ') WITHIN GROUP (ORDER BY id DESC) AS ids FROM vendor", "ids", []string{"302, 301"}},
		{"exact sum", "SELECT SUM(foreignamount) AS s FROM transactionline WHERE transaction = 6001 AND mainline = 'F'", "s", []string{"315.01"}},
		{"division is never of integers", "SELECT 1 / 4 AS q FROM dual", "q", []string{"0.25"}},
		{"CASE, DECODE, NVL2", "SELECT CASE isperson WHEN 'T' THEN 'p' ELSE 'c' END AS k, DECODE(isperson, 'T', 1, 0) AS d, NVL2(firstname, 'y', 'n') AS n FROM vendor ORDER BY id", "k d n", []string{"c | 0 | n", "p | 1 | y"}},
		{"subqueries see the row around", "SELECT v.id FROM vendor v WHERE EXISTS (SELECT 1 FROM transaction t WHERE t.entity = v.id) AND v.id IN (SELECT entity FROM transactionline)", "id", []string{"301"}},
		{"UNION", "SELECT id FROM vendor UNION ALL SELECT id FROM transaction WHERE id = 4001 ORDER BY id", "id", []string{"301", "302", "4001"}},
		{"MINUS", "SELECT id FROM vendor MINUS SELECT entity FROM transaction", "id", []string{"302"}},
		{"comma join", "SELECT t.id FROM transaction t, vendor v WHERE v.id = t.entity AND t.id = 4001", "id", []string{"4001"}},
		{"comment and odd blanks", "SELECT/* all */id\nFROM\tvendor -- of them\nWHERE id=301", "id", []string{"301"}},
		{"generic address tables", "SELECT ea.city FROM entityaddressbook ab JOIN entityaddress ea ON ea.nkey = ab.addressbookaddress", "city", []string{"Bend"}},
		{"text and number compare", "SELECT id FROM transaction WHERE id = '4001'", "id", []string{"4001"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &account{Sim: a.Sim, t: t, url: a.url, clock: a.clock, bearer: a.bearer}
			if diff := cmp.Diff(c.want, lines(a.rows(c.query), c.columns)); diff != "" {
				t.Errorf("%s\n(-want +got)\n%s", c.query, diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	const unsupportedText = "Search error occurred: Invalid or unsupported search."
	ids := strings.TrimSuffix(strings.Repeat("1,", 1001), ",")
	for _, c := range []struct {
		name, query, want string
		options           Options
	}{
		{"unknown column", "SELECT subsidiary FROM transaction", "Search error occurred: Unknown identifier 'subsidiary'. Available identifiers are: {transaction=transaction}", Options{}},
		{"unknown column of an alias", "SELECT t.id, t.nope FROM transaction t JOIN vendor v ON v.id = t.entity", "Search error occurred: Unknown identifier 'nope'. Available identifiers are: {t=transaction, v=vendor}", Options{}},
		{"unknown alias", "SELECT x.id FROM vendor v", "Search error occurred: Unknown identifier 'x.id'. Available identifiers are: {v=vendor}", Options{}},
		{"unknown column in WHERE", "SELECT id FROM vendor WHERE nope = 1", "Search error occurred: Unknown identifier 'nope'. Available identifiers are: {vendor=vendor}", Options{}},
		{"unknown table", "SELECT id FROM xyz", "Invalid search type: xyz.", Options{}},
		{"hidden table", "SELECT d.recordid FROM deletedrecord d", "Search error occurred: Record 'deletedrecord' was not found.", Options{HideTables: []string{"deletedrecord"}}},
		{"hidden column", "SELECT t.voided FROM transaction t", "Search error occurred: Field 'voided' for record 'transaction' was not found. Reason: NOT_EXPOSED - Field is not exposed for this channel.", Options{HideColumns: []string{"transaction.voided"}}},
		{"createdfrom of the header", "SELECT createdfrom FROM transaction", "Search error occurred: Field 'createdfrom' for record 'transaction' was not found. Reason: NOT_EXPOSED - Field is not exposed for this channel.", Options{}},
		{"not OneWorld: table", "SELECT id FROM subsidiary", "Search error occurred: Record 'subsidiary' was not found.", Options{NotOneWorld: true}},
		{"not OneWorld: column", "SELECT ml.subsidiary FROM transactionline ml", "Search error occurred: Unknown identifier 'subsidiary'. Available identifiers are: {ml=transactionline}", Options{NotOneWorld: true}},
		{"LIMIT", "SELECT id FROM vendor LIMIT 5", unsupportedText, Options{}},
		{"LIMIT behind an alias", "SELECT v.id FROM vendor v ORDER BY v.id LIMIT 5", unsupportedText, Options{}},
		{"OFFSET", "SELECT id FROM vendor OFFSET 5 ROWS", unsupportedText, Options{}},
		{"WITH", "WITH v AS (SELECT id FROM vendor) SELECT id FROM v", unsupportedText, Options{}},
		{"square brackets", "SELECT [id] FROM vendor", unsupportedText, Options{}},
		{"date literal", "SELECT id FROM transaction WHERE trandate >= DATE '2026-11-01'", unsupportedText, Options{}},
		{"ISO text as a date", "SELECT id FROM transaction WHERE trandate >= '2026-11-01'", unsupportedText, Options{}},
		{"CURRENT_DATE", "SELECT id FROM transaction WHERE trandate <= CURRENT_DATE", unsupportedText, Options{}},
		{"text that does not fit its format", "SELECT id FROM transaction WHERE lastmodifieddate >= TO_DATE('11/10/2026', 'YYYY-MM-DD')", unsupportedText, Options{}},
		{"1001 values", "SELECT id FROM vendor WHERE id IN (" + ids + ")", unsupportedText, Options{}},
		{"unknown function", "SELECT STRFTIME('%Y', id) FROM vendor", unsupportedText, Options{}},
		{"hidden function", "SELECT TO_CHAR(SYS_EXTRACT_UTC(lastmodifieddate), 'YYYY') FROM vendor", unsupportedText, Options{HideFunctions: []string{"SYS_EXTRACT_UTC"}}},
		{"outer join by (+)", "SELECT v.id FROM vendor v, currency c WHERE c.id (+) = v.currency", unsupportedText, Options{}},
		{"no statement but SELECT", "DELETE FROM vendor", unsupportedText, Options{}},
		{"two statements", "SELECT id FROM vendor; SELECT 1 FROM dual", unsupportedText, Options{}},
		{"SQLite's own tables", "SELECT name FROM sqlite_master", "Invalid search type: sqlite_master.", Options{}},
		{"bind parameter", "SELECT id FROM vendor WHERE id = ?", unsupportedText, Options{}},
		{"open quote", "SELECT 'x FROM vendor", unsupportedText, Options{}},
		{"no FROM", "SELECT 1", unsupportedText, Options{}},
		{"aggregate in WHERE", "SELECT id FROM vendor WHERE COUNT(*) > 1", unsupportedText, Options{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, c.options)
			shop(a)
			g := a.ask(c.query)
			want := `{"type":"https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.1","title":"Bad Request","status":400,"o:errorDetails":[{"detail":` +
				fmt.Sprintf("%q", "Invalid search query. Detailed unprocessed description follows. "+c.want) + `,"o:errorQueryParam":"q","o:errorCode":"INVALID_PARAMETER"}]}`
			if diff := cmp.Diff(want, g.body); g.status != 400 || diff != "" {
				t.Errorf("status %d (-want +got)\n%s", g.status, diff)
			}
		})
	}
}

func TestRepresentations(t *testing.T) {
	const q = "SELECT id, trandate, foreigntotal FROM transaction WHERE id = 6100"
	for _, c := range []struct {
		name    string
		options Options
		want    string
	}{
		{"usual", Options{}, `{"links":[],"id":"6100","trandate":"11/6/2026","foreigntotal":"-0.5"}`},
		{"upper-case keys", Options{UpperCaseKeys: true}, `{"links":[],"ID":"6100","TRANDATE":"11/6/2026","FOREIGNTOTAL":"-0.5"}`},
		{"day first", Options{DayFirst: true}, `{"links":[],"id":"6100","trandate":"6/11/2026","foreigntotal":"-0.5"}`},
		{"numbers as Oracle prints them", Options{OracleNumbers: true}, `{"links":[],"id":"6100","trandate":"11/6/2026","foreigntotal":"-.5"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, c.options)
			shop(a)
			a.PutBill(Bill{ID: 6100, Vendor: 301, Date: "2026-11-06", Lines: []BillLine{{Account: 151, Amount: "0.50"}}})
			if g := a.ask(q); !strings.Contains(g.body, `"items":[`+c.want+`]`) {
				t.Errorf("got %s, want item %s", g.body, c.want)
			}
		})
	}
}

func TestAccountSwitches(t *testing.T) {
	for _, c := range []struct {
		name           string
		options        Options
		query, columns string
		want           []string
	}{
		{"no account numbers", Options{NoAccountNumbers: true}, "SELECT acctnumber, accountsearchdisplayname AS name FROM account WHERE id = 111", "acctnumber name", []string{"- | Inventory Asset"}},
		{"two books", Options{MultiBook: true}, "SELECT accountingbook, COUNT(*) AS n FROM transactionaccountingline WHERE transaction = 6001 GROUP BY accountingbook ORDER BY 1", "accountingbook n", []string{"1 | 5", "2 | 5"}},
		{"SuiteTax", Options{SuiteTax: true}, "SELECT id, taxline FROM transactionline WHERE transaction = 6001 AND mainline = 'F' ORDER BY id", "id taxline", []string{"2 | -", "3 | -", "4 | -"}},
		{"links on the offset row", Options{LinksOnOffsetRow: true}, "SELECT nextline FROM previoustransactionlinelink WHERE nextdoc = 5001 AND previousline = 1", "nextline", []string{"1"}},
		{"not OneWorld", Options{NotOneWorld: true}, "SELECT id FROM vendor", "id", []string{"301"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, c.options)
			shop(a)
			if diff := cmp.Diff(c.want, lines(a.rows(c.query), c.columns)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Whatever a client sends, the rewriter answers with a statement or a refusal.
func FuzzRewrite(f *testing.F) {
	for name := range statements {
		f.Add(statement(name))
	}
	for _, q := range []string{"SELECT (", "SELECT a.b.c FROM vendor", "SELECT BUILTIN.DF( FROM vendor", "SELECT LISTAGG(id) WITHIN FROM vendor", "SELECT * FROM vendor WHERE ROWNUM <=", "SELECT 1e FROM dual UNION", "SELECT \"\" FROM dual"} {
		f.Add(q)
	}
	c, err := newCatalog(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, q string) {
		s, err := rewrite(c, nil, noon(), q)
		if err == nil && !strings.HasPrefix(s, "SELECT ") {
			t.Errorf("%q became %q", q, s)
		}
		if r := refusal(""); err != nil && !errors.As(err, &r) {
			t.Errorf("%q: error %T, want a refusal", q, err)
		}
	})
}

// What TO_CHAR writes, TO_DATE reads.
func FuzzDate(f *testing.F) {
	f.Add("2026-11-10 12:00:00", "YYYY-MM-DD HH24:MI:SS")
	f.Add("20261110", "YYYYMMDD")
	f.Add(`2026-11-10T20:00:00Z`, `YYYY-MM-DD"T"HH24:MI:SS"Z"`)
	f.Add("2026-02-30", "YYYY-MM-DD")
	f.Fuzz(func(t *testing.T, s, format string) {
		d, err := parseDate(s, format, noon().Location())
		if err != nil || d.Year() < 1000 {
			return
		}
		text, err := formatDate(d, format)
		if err != nil {
			t.Fatalf("%q by %q: read but not written: %v", s, format, err)
		}
		if again, err := parseDate(text, format, noon().Location()); err == nil && !again.Equal(d) {
			t.Errorf("%q by %q is %v, written as %q is %v", s, format, d, text, again)
		}
	})
}
