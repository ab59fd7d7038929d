package console

import (
	"net/http"
	"strings"
)

// section is one reason of docs/parked.md.
type section struct {
	ID   string
	Text []string
}

// sections reads the document: a heading of the second level and its
// paragraphs. What stands before the first heading is about the command line.
func sections(doc string) []section {
	var out []section
	for _, block := range strings.Split(doc, "\n## ")[1:] {
		head, body, _ := strings.Cut(block, "\n")
		s := section{ID: strings.TrimSpace(head)}
		for _, p := range strings.Split(body, "\n\n") {
			if p = strings.TrimSpace(p); p != "" {
				s.Text = append(s.Text, p)
			}
		}
		out = append(out, s)
	}
	return out
}

// help is docs/parked.md, which a build carries along.
func (a *console) help(w http.ResponseWriter, r *http.Request) error {
	v := view{Title: "Help", Data: sections(a.Reasons)}
	if id := r.URL.Query().Get("t"); id != "" { // so that its links lead to a tenant's pages
		t, err := a.Tenants.Get(r.Context(), id)
		if err != nil {
			return err
		}
		v.Tenant = t
	}
	a.render(w, r, http.StatusOK, "help", v)
	return nil
}
