package cin7

import (
	"context"
	"net/http"
	"net/url"
)

// StatusCompleted is a journal that is in the ledger.
const StatusCompleted = "COMPLETED"

// Journals reads the journals with a text in number, status, narration or
// notes, whole (contract 10).
func (c *Client) Journals(ctx context.Context, search string) ([]Journal, error) {
	return list[Journal](ctx, c, opListJournals, "journal", "Journals", url.Values{"Search": {search}})
}

// CreateJournal posts a journal. Repeating it makes a second one.
func (c *Client) CreateJournal(ctx context.Context, j Journal) (Journal, error) {
	return c.journal(ctx, opPostJournal, http.MethodPost, j)
}

// UpdateJournal replaces a journal while it is DRAFT; with StatusCompleted it
// is posted.
func (c *Client) UpdateJournal(ctx context.Context, j Journal) (Journal, error) {
	return c.journal(ctx, opPutJournal, http.MethodPut, j)
}

func (c *Client) journal(ctx context.Context, op, method string, j Journal) (Journal, error) {
	j.JournalNumber = "" // read-only
	var got struct{ Journals []Journal }
	err := c.do(ctx, request{op: op, method: method, path: "journal", body: j}, &got, func() bool { return len(got.Journals) == 1 && got.Journals[0].TaskID != "" })
	if err != nil {
		return Journal{}, err
	}
	return got.Journals[0], nil
}

// DeleteJournal undoes a journal to DRAFT, or voids it. Read it back.
func (c *Client) DeleteJournal(ctx context.Context, taskID string, void bool) error {
	return c.remove(ctx, opDeleteJournal, "journal", "ID", taskID, void)
}
