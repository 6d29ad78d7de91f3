//go:build !bundle

package ortlib

// Without the build tag bundle the binary carries no library; one is looked for on the machine.

func bundled() bool { return false }

func bundle() (packed []byte, manifest string) { return nil, "" }
