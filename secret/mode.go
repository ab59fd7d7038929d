package secret

import (
	"io/fs"
	"os"
	"syscall"
)

// openTo is the mode bits that a keyset file must not have. Its group may read
// a file that somebody else owns: a Secret that Kubernetes mounts belongs to
// root, and the group is the only way in for a process that is not.
func openTo(ours bool) fs.FileMode {
	if ours {
		return 0o077
	}
	return 0o037
}

func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(st.Uid) == os.Geteuid()
}
