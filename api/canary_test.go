package api_test

import "github.com/ml-connector/ml-connector/internal/canary"

// The canaries: secrets that must come out nowhere.
const (
	hookSecret    = "canary-hook-3f9d1c77a2e84b60-0001"
	otherSecret   = "canary-wrong-9b1e5d20c4f7a683-0002"
	cin7Key       = "canary-cin7-6c2f8e10-d4b9-0003"
	viewerToken   = "canary-viewer-token-0004"
	operatorToken = "canary-operator-token-0005"
	ownerToken    = "canary-owner-token-0006"
)

// sealed fails when a canary came out: in an answer, the log, the metrics or
// what Redis keeps.
func (h *house) sealed() {
	h.t.Helper()
	metrics := ""
	families, err := h.config.Registry.Gather()
	if err != nil {
		h.t.Error(err)
	}
	for _, f := range families {
		metrics += f.String()
	}
	places := map[string]string{"an answer": h.said.String(), "the log": h.log.String(), "the metrics": metrics, "Redis": h.redis.Dump()}
	secrets := canary.OfTenant(h.pem, cin7Key, hookSecret, otherSecret)
	for name, token := range map[string]string{"viewer's token": viewerToken, "operator's token": operatorToken, "owner's token": ownerToken} {
		secrets[name] = token
	}
	for place, text := range places {
		secrets.Search(h.t, place, text)
	}
}
