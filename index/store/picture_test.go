package store

import (
	"testing"
	"time"
)

func TestSameStat(t *testing.T) {
	base := Stat{Size: 100, MTimeNS: time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC).UnixNano()}
	for _, c := range []struct {
		by   time.Duration
		size int64
		want bool
	}{
		{0, 0, true},
		{2 * time.Second, 0, true},
		{-2 * time.Second, 0, true},
		{3 * time.Second, 0, false},
		{time.Hour, 0, true},
		{-time.Hour + time.Second, 0, true},
		{9*time.Hour - 2*time.Second, 0, true},
		{30 * time.Minute, 0, false},
		{48 * time.Hour, 0, false},
		{0, 1, false},
		{time.Hour, 1, false},
	} {
		other := Stat{Size: base.Size + c.size, MTimeNS: base.MTimeNS + int64(c.by)}
		if base.Same(other) != c.want || other.Same(base) != c.want {
			t.Errorf("mtime off by %v, size by %d: equal is %v, want %v", c.by, c.size, !c.want, c.want)
		}
	}
}

func TestParsePrefix(t *testing.T) {
	low, high, err := ParsePrefix("0123abcd")
	if err != nil || low.String()[:10] != "0123abcd00" || high.String()[:10] != "0123abcdff" {
		t.Errorf("%v to %v, %v", low, high, err)
	}
	if low, high, err := ParsePrefix(low.String()); err != nil || low != high {
		t.Errorf("%v to %v, %v", low, high, err)
	}
	for _, text := range []string{"", "0123abc", "0123ABCD", "0123abcg", low.String() + "0", "0123 abcd"} {
		if _, _, err := ParsePrefix(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
