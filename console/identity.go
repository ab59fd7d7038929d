package console

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/console/idp"
	"github.com/ml-connector/ml-connector/secret"
)

const (
	flowCookie = "mlc_console_flow"
	flowPath   = Base + "/idp"
	// identityLife is how long a session of the identity provider lasts. Then
	// the provider is asked again, which most people do not notice, and somebody
	// who has left is no longer let in.
	identityLife = time.Hour
)

// flowBinding ties the cookie of a sign-in under way to its purpose.
func flowBinding() secret.Binding { return secret.Binding{Field: "console sign-in"} }

// begin leads to the identity provider.
func (a *console) begin(w http.ResponseWriter, r *http.Request) {
	at, flow, err := a.Identity.Begin(r.Context(), target(r.URL.Query().Get("to")))
	if err != nil {
		a.Log.Error("sign-in at the identity provider", zap.Error(err))
		a.fail(w, r, http.StatusBadGateway, sentence(err)+" Try again in a while, or sign in with a token.")
		return
	}
	b, err := json.Marshal(flow)
	if err == nil {
		b, err = a.Seal.Seal(b, flowBinding())
	}
	if err != nil {
		a.fail(w, r, http.StatusInternalServerError, "The sign-in could not be sealed.")
		return
	}
	a.setFlow(w, r, base64.RawURLEncoding.EncodeToString(b), flow.Expires)
	http.Redirect(w, r, at, http.StatusSeeOther) //nolint:gosec // the provider of the configuration, as it describes itself
}

// setFlow keeps a sign-in under way in the browser. Strict would keep the
// cookie back when the provider leads here; Lax sends it with nothing but that.
func (a *console) setFlow(w http.ResponseWriter, r *http.Request, value string, until time.Time) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure would lock people out who reach the ops listener by port-forward
		Name: flowCookie, Value: value, Path: flowPath, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(r), MaxAge: a.age(until),
	})
}

// flow reads the sign-in that is under way; an empty one when there is none.
func (a *console) flow(r *http.Request) idp.Flow {
	var f idp.Flow
	c, err := r.Cookie(flowCookie)
	if err != nil {
		return f
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return f
	}
	b, err := a.Seal.Open(sealed, flowBinding())
	if err != nil || json.Unmarshal(b, &f) != nil {
		return idp.Flow{}
	}
	return f
}

// callback takes whom the identity provider sends back.
func (a *console) callback(w http.ResponseWriter, r *http.Request) {
	if a.Guesses.Barred(r) { // each answer makes us ask the provider
		w.Header().Set("Retry-After", strconv.Itoa(int(api.GuessPenalty().Seconds())))
		a.fail(w, r, http.StatusTooManyRequests, "Too many sign-ins from here have failed. Wait half a minute, then try again.")
		return
	}
	flow := a.flow(r)
	a.setFlow(w, r, "", time.Unix(1, 0)) // it serves once
	who, err := a.Identity.Finish(r.Context(), flow, r.URL.Query())
	if err != nil {
		status, text := http.StatusUnauthorized, "You are not signed in: "+plain(err)+". Begin again."
		a.Guesses.Wrong(r)
		if errors.Is(err, idp.ErrNoRole) {
			status, text = http.StatusForbidden, "You are "+who.Name+", and "+plain(err)+". Ask your administrator for one."
		}
		a.Log.Warn("sign-in at the identity provider", zap.String("subject", who.Subject), zap.Error(err))
		a.fail(w, r, status, text)
		return
	}
	s := session{Subject: who.Subject, Name: who.Name, Value: who.Value, Expires: a.Now().Add(identityLife)}
	value, err := a.seal(s)
	if err != nil {
		a.fail(w, r, http.StatusInternalServerError, "The session could not be sealed.")
		return
	}
	a.Guesses.Right(r)
	a.setCookie(w, r, value, s.Expires)
	a.Log.Info("signed in at the identity provider", zap.String("subject", who.Subject), zap.String("name", who.Name), zap.String("role", a.Identity.Role(who.Value).String()))
	// A redirect would still count as the provider's, and the Strict cookie
	// would stay behind. This page leads on by itself.
	to := target(flow.To)
	w.Header().Set("Refresh", "0; url="+to)
	a.render(w, r, http.StatusOK, "signedin", view{Title: "Signed in", Data: to})
}
