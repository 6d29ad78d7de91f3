//go:build !unix || !cgo

package guard

// arm does nothing: the system's own report of a crash is all there is.
func arm(Watch) (func(), error) { return func() {}, nil }
