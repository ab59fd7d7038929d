package service

import "golang.org/x/sys/unix"

// Harden keeps the memory of this process, and with it the secrets that are in
// use, from cores and from other processes of the same user: Go promises no
// wiping. What does not work is left: the container may forbid it by itself.
func Harden() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
