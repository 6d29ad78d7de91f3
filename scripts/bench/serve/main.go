// Command serve measures `imgsearch serve` as its clients see it:
//
//	go run ./scripts/bench/serve [-seconds N] [-requests N] PROGRAM INDEX
//
// It starts PROGRAM over INDEX, and measures in turn: memory at rest, new queries one after the other, the same query again, 64 clients with queries of their
// own, 64 clients that load thumbnails, and memory after 1,000 and after N requests. Clients and server share the machine.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imgsearch/imgsearch/scripts/bench/running"
)

var (
	seconds  = flag.Int("seconds", 60, "how long the clients send queries")
	requests = flag.Int("requests", 100_000, "after how many requests memory is compared")
)

const (
	clients    = 64
	mostThumbs = 1000
)

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}, Timeout: time.Minute}

func main() {
	flag.Parse()
	if err := run(flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run(program, index string) error {
	server, err := running.Start(program, index)
	if err != nil {
		return err
	}
	defer server.End()
	api := "http://" + server.Address + "/api/v1"
	time.Sleep(3 * time.Second)
	rest := rss(server.PID())
	var found struct {
		Indexed int
		Results []struct {
			Links struct{ Thumbnail string }
		}
	}
	data, err := get(api + "/search?sort=path&top=10000")
	if err == nil {
		err = json.Unmarshal(data, &found)
	}
	if err != nil {
		return err
	}
	fmt.Printf("%d pictures\n\n| work | measured |\n|---|---|\n", found.Indexed)
	fmt.Printf("| memory at rest | %d MB |\n", rest)

	var took []time.Duration
	for range 100 {
		d, err := timed(api + "/search?q=" + url.QueryEscape(words()))
		if err != nil {
			return err
		}
		took = append(took, d)
	}
	fmt.Printf("| a new query | median %.1f ms, slowest of 100 %.1f ms |\n", ms(quantile(took[10:], .5)), ms(quantile(took[10:], 1)))
	same := api + "/search?q=" + url.QueryEscape(words())
	took = nil
	for range 300 {
		d, err := timed(same)
		if err != nil {
			return err
		}
		took = append(took, d)
	}
	fmt.Printf("| the same query again | median %.2f ms, p99 %.2f ms |\n", ms(quantile(took[10:], .5)), ms(quantile(took[10:], .99)))

	took, failed := load(time.Duration(*seconds)*time.Second, 0, func() string { return api + "/search?q=" + url.QueryEscape(words()) })
	fmt.Printf("| %d clients, distinct queries, %d s | %.0f queries/s, median %.0f ms, p99 %.0f ms, %d errors |\n", clients, *seconds,
		float64(len(took))/float64(*seconds), ms(quantile(took, .5)), ms(quantile(took, .99)), failed)
	var thumbs []string // of the pictures whose files exist, or whose previews are in the index
	for _, r := range found.Results {
		if one := "http://" + server.Address + r.Links.Thumbnail; len(thumbs) < mostThumbs {
			if _, err := get(one); err == nil {
				thumbs = append(thumbs, one)
			}
		}
	}
	if len(thumbs) == 0 {
		return fmt.Errorf("the index has no picture with a thumbnail")
	}
	thumb := func() string { return thumbs[rand.IntN(len(thumbs))] }
	took, failed = load(10*time.Second, 0, thumb)
	fmt.Printf("| %d clients, thumbnails, 10 s | %.0f/s, p99 %.1f ms, %d errors |\n", clients, float64(len(took))/10, ms(quantile(took, .99)), failed)

	if err := server.Restart(); err != nil {
		return err
	}
	mixed := func() string {
		if rand.IntN(10) == 0 {
			return api + "/search?q=" + url.QueryEscape(words())
		}
		return thumb()
	}
	_, failed = load(time.Hour, 1000, mixed)
	time.Sleep(3 * time.Second)
	before := rss(server.PID())
	_, more := load(time.Hour, *requests-1000, mixed)
	time.Sleep(3 * time.Second)
	after := rss(server.PID())
	fmt.Printf("| memory after 1,000 requests, a tenth of them new queries; after %d | %d MB; %d MB (%.2f times), %d errors |\n", *requests, before, after, float64(after)/float64(before), failed+more)
	return nil
}

// load sends requests from all clients for a time, or until there were most; 0: no limit.
func load(during time.Duration, most int, next func() string) (took []time.Duration, failed int64) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var sent, wrong atomic.Int64
	end := time.Now().Add(during)
	for range clients {
		all.Go(func() {
			var mine []time.Duration
			for time.Now().Before(end) && (most == 0 || sent.Add(1) <= int64(most)) {
				d, err := timed(next())
				if err != nil {
					wrong.Add(1)
					continue
				}
				mine = append(mine, d)
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	all.Wait()
	return took, wrong.Load()
}

func timed(address string) (time.Duration, error) {
	begin := time.Now()
	_, err := get(address)
	return time.Since(begin), err
}

func get(address string) ([]byte, error) {
	r, err := client.Get(address)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", address, r.Status)
	}
	return data, err
}

var vocabulary = strings.Fields("dog beach snow red car two people street night bicycle child running grass water mountain climbing ball jumping black white girl boy smiling crowd skateboard river boat horse field sunset")

// words returns a query of five words that was hardly ever asked before.
func words() string {
	list := make([]string, 5)
	for i := range list {
		list[i] = vocabulary[rand.IntN(len(vocabulary))]
	}
	return strings.Join(list, " ")
}

func quantile(list []time.Duration, q float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rss returns the resident memory of a process in MB; Linux.
func rss(pid int) int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	var all, resident int
	_, _ = fmt.Sscan(string(data), &all, &resident)
	return resident * os.Getpagesize() >> 20
}
