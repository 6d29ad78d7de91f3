// Package disk identifies kinds of disks and their free space. It must not know what is stored on them.
package disk

// Sequential reports whether the disk that holds path is faster with one reader than with several: a rotating disk, or a network disk.
// It returns false if the system does not know.
func Sequential(path string) bool { return OnNetwork(path) || rotates(path) }
