package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/internal/words"
)

// TestDoor checks that every action has a command or flag, and that arguments replace their placeholders.
func TestDoor(t *testing.T) {
	for _, a := range words.Actions {
		if got := Door(a); got == "" || strings.ContainsAny(got, "<>") {
			t.Errorf("%s: %q", a, got)
		}
	}
	for a := range actions {
		if !slices.Contains(words.Actions, a) {
			t.Errorf("%q is not an action", a)
		}
	}
	for got, want := range map[string]string{
		Door(words.PullModel): "`imgsearch models pull NAME`", Door(words.PullModel, "x"): "`imgsearch models pull x`",
		Door(words.IndexModel, "m", ""): "`imgsearch index --model m`", Door(words.IndexModel, "", "int8"): "`imgsearch index --precision int8`",
		Door(words.IndexModel): "`imgsearch index`", Door(words.UseProvider, "cpu"): "--provider cpu",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
