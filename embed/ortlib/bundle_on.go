//go:build bundle

package ortlib

import _ "embed"

// The library for the target platform, gzip-compressed, and its manifest "SHA256 SIZE NAME", both made by
// scripts/fetchort.
var (
	//go:embed bundled/library.gz
	packedLibrary []byte
	//go:embed bundled/manifest
	packedManifest string
)

func bundled() bool { return true }

func bundle() (packed []byte, manifest string) { return packedLibrary, packedManifest }
