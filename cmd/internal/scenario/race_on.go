//go:build race

package scenario

// RaceEnabled is whether the race detector is on. It needs several times the memory.
const RaceEnabled = true
