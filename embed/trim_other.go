//go:build !linux

package embed

// trimNative gives the system back what native code has freed; elsewhere the system does it by itself.
func trimNative() {}
