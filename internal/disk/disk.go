// Package disk tells kinds of disks apart, and what room they have. It must not know what is kept on them.
package disk

// Sequential tells whether the disk that holds path serves one reader better than several: one that rotates, or a network's.
// Where the system does not say, it does not.
func Sequential(path string) bool { return OnNetwork(path) || rotates(path) }
