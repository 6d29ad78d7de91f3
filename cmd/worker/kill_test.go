package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/testkit/pgserver"
)

// number returns a number from the environment.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// fleet are workers that are started again when they die.
type fleet struct {
	t         *testing.T
	home, url string

	mu      sync.Mutex
	running []*exec.Cmd
	ending  bool
	ended   sync.WaitGroup
}

func (f *fleet) command(args ...string) *exec.Cmd {
	c := scenario.Command(f.t, f.home, args...)
	c.Env = append(c.Env, "IMGSEARCH_INDEX="+f.url)
	return c
}

// employ keeps a worker running.
func (f *fleet) employ(i int) {
	f.ended.Go(func() {
		for {
			c := f.command("worker", "--quiet")
			log, err := os.OpenFile(filepath.Join(f.home, fmt.Sprintf("worker-%d.log", i)), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				f.t.Error(err)
				return
			}
			c.Stderr = log
			f.mu.Lock()
			if f.ending {
				f.mu.Unlock()
				return
			}
			err = c.Start()
			f.running[i] = c
			f.mu.Unlock()
			if err != nil {
				f.t.Error(err)
				return
			}
			_ = c.Wait() // it was killed
			log.Close()
		}
	})
}

// kill kills a worker.
func (f *fleet) kill(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.running[i]; c != nil && c.Process != nil {
		_ = c.Process.Kill()
	}
}

func (f *fleet) end() {
	f.mu.Lock()
	f.ending = true
	f.mu.Unlock()
	for i := range f.running {
		f.kill(i)
	}
	f.ended.Wait()
}

// TestLongKills kills workers at random moments, restarts the server, and cuts connections: no picture is lost, none counts twice, and the session ends.
// IMGSEARCH_KILLS is how often a worker is killed (8), IMGSEARCH_RESTARTS how often the server is restarted (2), IMGSEARCH_PICTURES the number of pictures
// (800).
func TestLongKills(t *testing.T) {
	kills, restarts, n := number("IMGSEARCH_KILLS", 8), number("IMGSEARCH_RESTARTS", 2), number("IMGSEARCH_PICTURES", 800)
	server, err := pgserver.Run(t.Context())
	if errors.Is(err, pgserver.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	url, err := server.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	photos := filepath.Join(home, "photos")
	for i := range n {
		scenario.WritePicture(t, filepath.Join(photos, fmt.Sprint(i/250), fmt.Sprintf("%d.jpg", i)), i)
	}
	f := &fleet{t: t, home: home, url: url, running: make([]*exec.Cmd, 3)}
	if out, err := f.command("index", "--quiet", "--ocr", "off", filepath.Join(photos, "0", "0.jpg")).CombinedOutput(); err != nil { // adds the model
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := f.command("roots", "rm", filepath.Join(photos, "0")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for i := range f.running {
		f.employ(i)
	}
	t.Cleanup(f.end)
	// index leaves the work to the workers once one is there, and shows the sum.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		var s struct{ Workers []any }
		out, err := f.command("status", "--json").Output()
		if err == nil && json.Unmarshal(out, &s) == nil && len(s.Workers) == len(f.running) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no workers: %s", out)
		}
	}
	index := f.command("index", "--json", photos)
	type result struct {
		out []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := index.Output()
		done <- result{out, err}
	}()
	begin := time.Now()
	r := rand.New(rand.NewPCG(1, uint64(kills)))
	ended := false
	for disturbance := range kills + restarts {
		select {
		case got := <-done:
			done <- got
			ended = true
		case <-time.After(time.Duration(r.IntN(1200)) * time.Millisecond):
		}
		if ended {
			t.Logf("it ended after %d of %d disturbances", disturbance, kills+restarts)
			break
		}
		switch {
		case restarts > 0 && disturbance%((kills+restarts)/restarts) == 1:
			if err := server.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		case disturbance%7 == 3:
			cut(url)
			f.kill(r.IntN(len(f.running)))
		default:
			f.kill(r.IntN(len(f.running)))
		}
	}
	var got result
	select {
	case got = <-done:
	case <-time.After(5 * time.Minute):
		out, _ := f.command("status").Output()
		t.Fatalf("the session does not end: %s", out)
	}
	t.Logf("%d pictures, %d kills, %d restarts: %v", n, kills, restarts, time.Since(begin).Round(time.Second))
	if got.err != nil {
		t.Errorf("index: %v", got.err)
	}
	var sum struct{ Added, Embedded, Failed, Scanned int }
	if err := json.Unmarshal(got.out, &sum); err != nil || sum.Added != n || sum.Embedded < n-1 || sum.Embedded > n || sum.Failed != 0 || sum.Scanned != n {
		t.Errorf("%s, %v", got.out, err)
	}
	var state struct{ Files, Pictures, Failures int }
	out, err := f.command("status", "--json").Output()
	if err != nil || json.Unmarshal(out, &state) != nil || state.Files != n || state.Pictures != n || state.Failures != 0 {
		t.Errorf("%s, %v", out, err)
	}
	if out, err := f.command("doctor", "--json").Output(); err != nil {
		t.Errorf("doctor: %v: %s", err, out)
	}
}

// cut ends all connections to the database but its own.
func cut(url string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return // the server has just been restarted
	}
	defer conn.Close(ctx)
	_, _ = conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
}
