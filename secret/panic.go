package secret

import (
	"errors"
	"fmt"
	"runtime"
)

// PanicText is the text of a panic of the Go runtime, which holds no data of
// ours; of any other only its type, because its text may hold a secret.
func PanicText(p any) string {
	var re runtime.Error
	if err, ok := p.(error); ok && errors.As(err, &re) {
		return re.Error()
	}
	return fmt.Sprintf("%T", p)
}
