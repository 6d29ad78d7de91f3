package scenario

import (
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// await repeats a command until its standard output matches: await PATTERN COMMAND ARGS...
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await PATTERN COMMAND ARGS...")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		_ = ts.Exec(args[1], args[2:]...) // it may fail for a while
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v does not print %q", args[1:], args[0])
		}
	}
}
