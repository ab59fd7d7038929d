package distributor_test

import (
	"testing"

	"github.com/ml-connector/ml-connector/internal/distributor"
)

// The demo counts as proof only if it can fail: a record that ended elsewhere
// must be named.
func TestCheckNamesWhatIsWrong(t *testing.T) {
	good := distributor.Expected()
	if out := distributor.Check(good); len(out) != 0 {
		t.Fatalf("what is expected is refused: %v", out)
	}
	bad := append([]distributor.Outcome(nil), good...)
	bad[3].State = "parked"
	if out := distributor.Check(bad); len(out) != 1 {
		t.Errorf("a wrong state: got %v", out)
	}
	if out := distributor.Check(good[1:]); len(out) != 1 {
		t.Errorf("a missing record: got %v", out)
	}
	more := append(append([]distributor.Outcome(nil), good...), distributor.Outcome{Type: "vendorbill", ID: "1", State: "completed"})
	if out := distributor.Check(more); len(out) != 1 {
		t.Errorf("a record too many: got %v", out)
	}
}
