//go:build !linux

package service

// Harden does what Linux offers against cores; elsewhere nothing.
func Harden() {}
