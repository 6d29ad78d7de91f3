//go:build unix

package probe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/embed/probe"
	"github.com/imgsearch/imgsearch/embed/provider"
)

// TestMain is also the child, which ends as the request's model says.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == probe.Command {
		os.Exit(child(os.Stdin, os.Stdout, os.Stderr)) //nolint:forbidigo // here it is a program
	}
	os.Exit(m.Run())
}

func child(in io.Reader, out, errs io.Writer) int {
	var r probe.Request
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return 2
	}
	say := func(l probe.Line) { _ = json.NewEncoder(out).Encode(l) }
	say(probe.Line{Stage: probe.StageSession})
	fmt.Fprintln(out, "a native library prints what it likes {")
	switch r.Model {
	case "well":
		say(probe.Line{Result: &probe.Result{Runtime: "1.2.3", Cosine: 1}})
	case "dies after its answer":
		say(probe.Line{Result: &probe.Result{Runtime: "1.2.3"}})
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
		time.Sleep(time.Minute)
	case "error":
		say(probe.Line{Error: "Failed to get a WebGPU adapter: No supported adapters"})
		return 1
	case "killed":
		for i := range 100 {
			fmt.Fprintf(errs, "line %d\n", i)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	case "crashes":
		fmt.Fprintln(errs, "Unable to reach MTLCompilerService")
		fmt.Fprint(errs, probe.CrashMessage+"SIGABRT\n")
		return probe.CrashCode
	case "hangs":
		time.Sleep(time.Minute)
	case "exits":
		return 3
	case "endless line":
		for range 1000 {
			fmt.Fprint(errs, strings.Repeat("x", 1000))
		}
		return 3
	}
	return 0
}

// TestOutcomes: however a child ends, there is a diagnosis.
func TestOutcomes(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		how, signal, reason string
		ok, timedOut, known bool
	}{
		{how: "well", ok: true},
		{how: "dies after its answer", ok: true},
		{how: "error", reason: "No supported adapters while initialising the provider", known: true},
		{how: "killed", signal: "SIGKILL", reason: "it was killed by SIGKILL while initialising the provider with the model: line 99"},
		{how: "crashes", signal: "SIGABRT", reason: "it crashed (SIGABRT) while initialising the provider with the model: Metal's compiler service", known: true},
		{how: "hangs", timedOut: true, reason: "no answer within 1s while initialising"},
		{how: "exits", reason: "ended without an answer (exit status 3)"},
		{how: "endless line", reason: "ended without an answer"},
	} {
		o, err := probe.Run(context.Background(), self, probe.Request{Model: c.how}, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if (o.Result != nil) != c.ok || o.Signal != c.signal || o.TimedOut != c.timedOut || !strings.Contains(o.Reason(), c.reason) || (o.Cause.Text != "") != c.known {
			t.Errorf("%s: %+v: %s", c.how, o, o.Reason())
		}
		if o.Died() != (c.signal != "" || c.timedOut) {
			t.Errorf("%s: died %v", c.how, o.Died())
		}
		if len(o.Stderr) > 12 || slices.ContainsFunc(o.Stderr, func(l string) bool { return len(l) > 2000 }) {
			t.Errorf("%s: %d lines are kept", c.how, len(o.Stderr))
		}
	}
}

// TestEnds: a caller that gives up ends the child.
func TestEnds(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	o, err := probe.Run(ctx, self, probe.Request{Model: "hangs"}, time.Hour)
	if err != nil || o.Result != nil {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := probe.Run(context.Background(), "/nowhere", probe.Request{Provider: provider.CPU}, time.Second); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
}
