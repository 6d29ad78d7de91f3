//go:build race

package cmd_test

// raceEnabled tells that the race detector, which takes many times the memory, is on.
const raceEnabled = true
