//go:build !race

package scenario

// RaceEnabled reports whether the race detector, which takes many times the memory, is on.
const RaceEnabled = false
