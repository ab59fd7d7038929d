package cin7test

import (
	"fmt"
	"net/http"
)

// refusal is an answer that says no. It is the error of this package.
type refusal struct {
	status int
	text   string
	bare   bool // one object instead of a list of one (3)
	limit  bool
}

func (r *refusal) Error() string { return r.text }

// no refuses with 400, the status of failed validation and wrong state (3).
func no(format string, args ...any) error {
	return &refusal{status: http.StatusBadRequest, text: fmt.Sprintf(format, args...)}
}

// Texts of section 3 are verbatim. The others below are ours: the contract
// knows that the call is refused, but not in which words.
const (
	textCredentials = "Incorrect credentials!"
	textDeprecated  = "This endpoint is deprecated and does not support Advanced Purchase and Service Purchase. Please use AdvancedPurchase endpoint"
	textInvoice1st  = "'Invoice First' approach option set. Please authorise Invoice before StockReceived"
	textStock1st    = "'Stock First' approach option set. Please authorise StockReceived before Invoice"
	textStockFirst  = "You need to authorise Stock Receiving first"
	textLineDate    = "'Date' is required for 'Lines' line"
	textLines       = "Lines is invalid"
	textAccountMiss = "Account with specified ID not found"
	textOrderFirst  = "Please authorise Purchase Order first"
	textNoPurchase  = "Purchase with specified ID not found"
	textNoTask      = "Task with specified TaskID not found"
)

func missing(attribute string) error { return no("Required attribute %s is not provided", attribute) }

func notInBook(what, name, book string) error {
	return no("%s '%s' was not found in %s reference book", what, name, book)
}

func limitText(calls int) string {
	return fmt.Sprintf("You have reached %d calls per 60 seconds API limit.", calls)
}

// require refuses the first attribute that is absent or empty; pairs of name
// and presence. A second run shows the next one (3).
func require(pairs ...any) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if present := pairs[i+1].(bool); !present {
			return missing(pairs[i].(string))
		}
	}
	return nil
}

// atMost refuses a text beyond its documented length; triples of name, text
// and length in characters.
func atMost(triples ...any) error {
	for i := 0; i+2 < len(triples); i += 3 {
		if n := triples[i+2].(int); len([]rune(triples[i+1].(string))) > n {
			return no("attribute '%s' is longer than %d characters", triples[i], n)
		}
	}
	return nil
}
