package console

import (
	"html/template"
	"regexp"
	"strings"

	"github.com/ml-connector/ml-connector/tenant"
)

// Messages, remedies and the help are written for whoever holds the tenant
// file and the command line as well. Here they are put into the words of
// people who have neither, with links to the page on which it is done.

// term is a word of the tenant file as a bookkeeper says it, and the page of
// the tenant where it stands.
type term struct{ of, words, page string }

// terms are looked for in this order: the longer before its beginning.
var terms = []term{
	{"sync.mapping.accounts", "the accounts table", "accounts"},
	{"sync.mapping.tax", "the tax table", "accounts#tax"},
	{"sync.mapping.terms", "the payment terms table", "accounts#terms"},
	{"sync.mapping.locations", "the locations table", "accounts#locations"},
	{"sync.mapping.charges", "the charges table", "accounts#charges"},
	{"sync.mapping.items", "the items table", "accounts#items"},
	{"sync.mapping.units", "the units table", "accounts#units"},
	{"sync.mapping.currencies", "the currencies of the settings", "settings"},
	{"sync.mapping", "the mapping", "accounts"},
	{"sync.closed_period: next_open_day", "have your administrator post into the next open day", "settings"},
	{"sync.closed_period", "the rule for closed periods", "settings"},
	{"sync.tax_rule", "the tax rule of the settings", "settings"},
	{"sync.payment_term", "the payment term of the settings", "settings"},
	{"sync.location", "the location of the settings", "settings"},
	{"sync.approve_above", "the approval limit of the settings", "settings"},
	{"sync.standalone_bills", "the rule for bills without an order", "settings"},
	{"sync.after_post_change", "the rule for changes of what was posted", "settings"},
	{"sync.receive_on", "the rule for receiving", "settings"},
	{"sync.approach", "the approach of the settings", "settings"},
	{"sync.start", "the first day of the settings", "settings"},
	{"sync.types", "the record types of the settings", "settings"},
	{"sync.mode", "the mode of the settings", "settings"},
}

// phrases are what people of the command line say.
var phrases = strings.NewReplacer(
	"set sync.closed_period: next_open_day", "sync.closed_period: next_open_day",
	"retry or skip this record", "try it again, or leave it out on purpose",
	"retry this record", "try it again",
	"skip this record", "leave it out on purpose",
	"skip the record", "leave it out on purpose",
	"skip the bill", "leave the bill out on purpose",
	"and skip it", "and leave it out on purpose",
	"and apply the tenant", "(your administrator does)",
	"the integration role", "the connector's role in NetSuite",
	"Redis is new or has lost data of this tenant", "the connector's memory is new",
	"look at the log around these times, report it, then", "ask your administrator to look at the log around these times and to report it, then",
	"see whether a worker runs, and whether the tenant is paused or held back", "see in the settings whether this company is paused; if it is not, your administrator sees whether the service runs",
	"look for records of that day: ml-connector records ls", "look for the records of that day on the records page",
	"correct what the error names; polls go on by themselves", "correct what the error names; reading goes on by itself",
	"the first poll begins by itself; if it does not, look at the log", "reading begins by itself; if it does not, your administrator looks at the log",
	"that webhooks told of or that were there before", "that it told of or that were there before",
	"polls have failed", "reading has failed", "the last poll was at", "it was last read at", "the next was due at", "and the next time was due at",
	"the tenant's default", "the default of the settings",
	"what the tenant allows", "what the settings allow",
	"two nightly sweeps", "two nightly comparisons",
	"with our marker", "made by the connector",
)

var (
	pointer  = regexp.MustCompile(` ?\(docs/parked\.md#\w+\)`)
	emphasis = regexp.MustCompile(`\*([^*\n]+)\*`)
	mark     = regexp.MustCompile("\x01(\\d+)\x02")
)

// clerk is a text in a clerk's words, with a link to each page of the tenant
// that it names; without a tenant there is none to lead to.
func clerk(t *tenant.Tenant, text string) template.HTML {
	s := strings.NewReplacer("\x01", "", "\x02", "", "`id:123`", "id:123 (an internal id)", "`", "").Replace(text)
	s = phrases.Replace(pointer.ReplaceAllString(s, ""))
	for i, x := range terms {
		s = strings.ReplaceAll(s, x.of, "\x01"+string(rune('0'+i/10))+string(rune('0'+i%10))+"\x02")
	}
	s = template.HTMLEscapeString(s)
	s = mark.ReplaceAllStringFunc(s, func(m string) string {
		x := terms[int(m[1]-'0')*10+int(m[2]-'0')]
		if t == nil {
			return x.words
		}
		return `<a href="` + Base + "/t/" + t.ID + "/" + x.page + `">` + x.words + "</a>"
	})
	return template.HTML(s) //nolint:gosec // escaped above; the links are made of our words and a checked id
}

// advice is a remedy as a sentence.
func advice(t *tenant.Tenant, text string) template.HTML {
	s := string(clerk(t, text))
	if s == "" || s[0] == '<' {
		return template.HTML(s) //nolint:gosec // clerk escaped it
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return template.HTML(s) //nolint:gosec // clerk escaped it
}

// paragraph is a paragraph of the help.
func paragraph(t *tenant.Tenant, text string) template.HTML {
	s := string(clerk(t, text))
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return template.HTML(emphasis.ReplaceAllString(s, "<em>$1</em>")) //nolint:gosec // clerk escaped it
}

// stepName is what a line of a record's story is about.
func stepName(name string) string {
	if n, ok := map[string]string{"marked": "To do", "read": "Read", "planned": "Decided", "called": "Asked of Cin7", "done": "Done in Cin7", "settled": "Result"}[name]; ok {
		return n
	}
	return words(name)
}

// sources say why a record is to do, by the source of the mark.
var sources = map[string]string{
	"webhook": "NetSuite sent word", "poll": "found when NetSuite was read", "backfill": "found by a backfill", "operator": "", "retry": "its time to be tried again came",
	"recheck": "looked at again", "release": "", "sweep": "found when NetSuite was compared",
}

var outcome = regexp.MustCompile(`^(completed|waiting|parked|skipped)(?:, (\w+))?(?:: |$)`)

// stepText is a line of a record's story in plain words.
func stepText(name, text string) string {
	switch name {
	case "marked":
		source, note, _ := strings.Cut(text, ": ")
		said, ok := sources[source]
		switch {
		case !ok:
			return text
		case said == "":
			return note
		case note == "":
			return said
		}
		return said + ": " + note
	case "called":
		op, said, _ := strings.Cut(strings.TrimPrefix(text, "Cin7 "), ": ")
		return words(op) + ": " + said
	case "settled":
		m := outcome.FindStringSubmatch(text)
		if m == nil {
			return text
		}
		out := stateName(m[1])
		if m[2] != "" {
			out += ". " + reasonName(m[2])
		}
		if rest := text[len(m[0]):]; rest != "" {
			out += ": " + rest
		}
		return out
	}
	return text
}
