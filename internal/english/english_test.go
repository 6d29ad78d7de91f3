package english

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1500 * time.Millisecond: "1.5 s", 9940 * time.Millisecond: "9.9 s", 70 * time.Second: "70 s", 40 * time.Minute: "40 min", 36 * time.Hour: "36.0 h",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if Count(1, "photo") != "1 photo" || Count(0, "photo") != "0 photos" {
		t.Errorf("%q, %q", Count(1, "photo"), Count(0, "photo"))
	}
}
