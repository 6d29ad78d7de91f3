//go:build race

package native_test

// raceEnabled reports whether the race detector is on. It needs several times the memory.
const raceEnabled = true
