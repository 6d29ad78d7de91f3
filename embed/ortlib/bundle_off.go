//go:build !bundle

package ortlib

// Without the build tag bundle the binary contains no library; Find looks for one on the machine.

func bundled() bool { return false }

func bundle() (packed []byte, manifest string) { return nil, "" }
