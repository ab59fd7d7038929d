package secret

import (
	"io/fs"
	"testing"
)

// The group may read a keyset that another user owns, as a mounted Secret is;
// nobody else may, and no group may read a file of ours.
func TestOpenTo(t *testing.T) {
	for _, c := range []struct {
		mode   fs.FileMode
		ours   bool
		refuse bool
	}{
		{0o600, true, false}, {0o400, true, false}, {0o440, true, true}, {0o640, true, true}, {0o604, true, true},
		{0o440, false, false}, {0o640, false, false}, {0o660, false, true}, {0o444, false, true}, {0o450, false, true},
	} {
		if got := c.mode&openTo(c.ours) != 0; got != c.refuse {
			t.Errorf("mode %04o, ours %v: refused %v", c.mode, c.ours, got)
		}
	}
}
