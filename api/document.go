package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/ml-connector/ml-connector/internal/strictjson"
)

// maxDocument is the limit of a body of the ops API: far more than any tenant.
const maxDocument = 1 << 20

// readBody reads a bounded body, into room if it is large enough.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, room []byte) ([]byte, error) {
	var b []byte
	var err error
	if n := r.ContentLength; n > limit { // said to be too large: not one byte is asked for
		w.Header().Set("Connection", "close")
		err = &http.MaxBytesError{Limit: limit}
	} else if n >= 0 { // net/http ends the body there
		b = slices.Grow(room[:0], int(n))[:n]
		_, err = io.ReadFull(r.Body, b)
	} else {
		b, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	}
	if err == nil {
		return b, nil
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, problem(http.StatusRequestEntityTooLarge, "too-large", "the body is over the limit")
	}
	return nil, problem(http.StatusBadRequest, "cut", "the body ended before its length, or came too slowly")
}

// decode reads a small JSON body strictly. What it says is wrong never shows a
// value.
func decode(b []byte, into any) error {
	if err := strictjson.Check(b, into); err != nil {
		return problem(http.StatusBadRequest, "malformed", err.Error())
	}
	if string(bytes.TrimSpace(b)) == "null" { // encoding/json takes it for {}, which starts things
		return problem(http.StatusBadRequest, "malformed", "the body is null: send a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return problem(http.StatusBadRequest, "malformed", "the JSON is followed by something else")
		}
		return nil
	case errors.Is(err, io.EOF):
		return problem(http.StatusBadRequest, "malformed", "the body is empty: send a JSON object")
	case errors.As(err, &wrong):
		p := problem(http.StatusBadRequest, "malformed", "a value has the wrong type")
		p.Errors = []ProblemError{{Pointer: pointer(wrong.Field), Detail: strictjson.WrongType(wrong)}}
		return p
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF):
		return problem(http.StatusBadRequest, "malformed", "the body is not JSON")
	}
	return problem(http.StatusBadRequest, "malformed", strings.TrimPrefix(err.Error(), "json: ")) // an unknown field
}

// dotted is how a check names a place in a document.
var dotted = regexp.MustCompile(`^[A-Za-z0-9_]+(\[[0-9]+\]|\.[A-Za-z0-9_]+)*$`)

// pointer turns a place such as webhook.secrets[0] into the JSON pointer
// #/webhook/secrets/0, as RFC 9457 has it.
func pointer(place string) string {
	return "#/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(place)
}

// invalid reports what is wrong with a document: each line of the error is one
// thing, most of them "place: what, and what to do".
func invalid(err error) *Problem {
	p := problem(http.StatusUnprocessableEntity, "invalid", "the document is not right; nothing was changed")
	for line := range strings.SplitSeq(err.Error(), "\n") {
		e := ProblemError{Detail: line}
		if place, detail, ok := strings.Cut(line, ": "); ok && dotted.MatchString(place) {
			e = ProblemError{Pointer: pointer(place), Detail: detail}
		}
		p.Errors = append(p.Errors, e)
	}
	return p
}
