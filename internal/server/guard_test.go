package server

import (
	"fmt"
	"testing"
	"time"
)

// TestGuesses checks that wrong tokens cost more and more time, for whoever sends them, and that the table of senders does not grow.
func TestGuesses(t *testing.T) {
	var g guesses
	now := time.Now()
	for i := range freeGuesses {
		g.failed("a", fmt.Sprint(i), now)
		if wait := g.wait("a", now); wait > 0 {
			t.Fatalf("an early guess costs %v", wait)
		}
	}
	last := time.Duration(0)
	for i := range 30 {
		g.failed("a", fmt.Sprint("more", i), now)
		wait := g.wait("a", now)
		if wait < last || wait > longestWait || i < 5 && wait <= last {
			t.Fatalf("guess %d costs %v after %v", i, wait, last)
		}
		last = wait
	}
	if g.wait("b", now) > 0 {
		t.Error("another client waits too")
	}
	for range 100 {
		g.failed("old", "an old token", now)
	}
	if g.wait("old", now) > 0 {
		t.Error("a program with an old token makes others wait")
	}
	for i := range maxGuessers + 100 {
		g.failed(fmt.Sprint(i), "x", now)
	}
	if len(g.of) > maxGuessers {
		t.Errorf("%d clients are remembered", len(g.of))
	}
}

// TestSame checks the comparison of secrets, of any length.
func TestSame(t *testing.T) {
	if !same("secret", "secret") || same("secret", "secrex") || same("secret", "secret ") || same("", "secret") {
		t.Error("secrets are compared wrongly")
	}
}

// TestLimiter checks that as many as allowed are in, that as many as allowed wait, and that the others are sent away.
func TestLimiter(t *testing.T) {
	l := newLimiter(1, 1)
	leave, p := l.enter(t.Context())
	if p != nil {
		t.Fatal(p)
	}
	in := make(chan func())
	go func() {
		leave, p := l.enter(t.Context())
		if p != nil {
			t.Error(p)
		}
		in <- leave
	}()
	for l.waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, p := l.enter(t.Context()); p == nil || p.Status != 429 || p.headers.Get("Retry-After") == "" {
		t.Errorf("one too many: %+v", p)
	}
	leave()
	(<-in)()
	if leave, p = l.enter(t.Context()); p != nil {
		t.Error(p)
	} else {
		leave()
	}
}
