// Command relay measures `imgsearch search` with and without a server that has the model in memory, in turn, as whole programs:
//
//	go run ./scripts/bench/relay [-n N] PROGRAM INDEX
//
// It starts PROGRAM serve over INDEX and runs each of these N times: a new query through the server, one without it, a query that was asked before, both ways,
// and `imgsearch version`, which does nothing. It prints the medians in milliseconds.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/scripts/bench/running"
)

var n = flag.Int("n", 30, "how often each is run")

func main() {
	flag.Parse()
	if err := run(flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func run(program, index string) error {
	server, err := running.Start(program, index)
	if err != nil {
		return err
	}
	defer server.End()
	for range 100 { // the socket is opened a moment after the server is ready
		if _, err := os.Stat(index + ".sock"); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	works := []struct {
		name string
		args func(i int) []string
		took []time.Duration
	}{
		{name: "nothing", args: func(int) []string { return []string{"version"} }},
		{name: "new query, server", args: func(i int) []string { return []string{"search", fresh(2 * i)} }},
		{name: "new query, alone", args: func(i int) []string { return []string{"search", "--no-server", fresh(2*i + 1)} }},
		{name: "known query, server", args: func(int) []string { return []string{"search", "dog on beach"} }},
		{name: "known query, alone", args: func(int) []string { return []string{"search", "--no-server", "dog on beach"} }},
	}
	for i := range *n + 1 {
		for k := range works {
			c := exec.Command(program, append([]string{"--index", index}, works[k].args(i)...)...)
			begin := time.Now()
			if err := c.Run(); err != nil {
				return fmt.Errorf("%v: %w", c.Args, err)
			}
			if i > 0 { // the first one warms up
				works[k].took = append(works[k].took, time.Since(begin))
			}
		}
	}
	for _, w := range works {
		slices.Sort(w.took)
		fmt.Printf("%-20s %6.1f ms\n", w.name, float64(w.took[len(w.took)/2])/float64(time.Millisecond))
	}
	return nil
}

var (
	things = []string{"dog", "cat", "child", "boat", "tree", "car", "bird", "house", "bicycle", "horse", "woman", "man"}
	places = []string{"beach", "snow", "city", "park", "forest", "kitchen", "street", "field", "mountain", "river"}
)

// fresh returns a query that was not asked before.
func fresh(i int) string {
	return fmt.Sprintf("a %s and a %s in the %s, %d", things[i%len(things)], things[i/len(things)%len(things)], places[i%len(places)], time.Now().UnixNano()%1000)
}
