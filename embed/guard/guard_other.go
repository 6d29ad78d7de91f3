//go:build !unix || !cgo

package guard

// arm does nothing: only the system reports a crash.
func arm(Watch) (func(), error) { return func() {}, nil }
