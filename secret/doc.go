// Package secret keeps values that must not be seen: String hides a text from
// every printer, Keyset seals and opens it for storage.
package secret
