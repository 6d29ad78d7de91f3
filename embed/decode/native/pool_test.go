//go:build unix

package native_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/embed/decode/native"
)

// TestMain is also the child, whose libraries behave as their names say.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == native.Command {
		if native.Serve(os.Stdin, os.Stdout, libraries(), func() { os.Exit(3) }) != nil { //nolint:forbidigo // here it is a program
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func libraries() map[string]native.Library {
	version := func() (string, error) { return "1.2.3", nil }
	decode := func(f func(j native.Job) (native.Picture, error)) native.Library {
		return native.Library{Version: version, Decode: f}
	}
	die := func() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	}
	return map[string]native.Library{
		// The picture has one row, of the file's bytes.
		"well": decode(func(j native.Job) (native.Picture, error) {
			return native.Picture{Width: len(j.Data) / 3, Height: 1, Scale: 1, Orientation: 6, Pix: slices.Clone(j.Data)}, nil
		}),
		"pid": decode(func(native.Job) (native.Picture, error) {
			return native.Picture{Width: os.Getpid(), Height: 1, Scale: 1, Orientation: 1, Pix: make([]byte, 3*os.Getpid())}, nil
		}),
		"error": decode(func(native.Job) (native.Picture, error) { return native.Picture{}, errors.New("not mine") }),
		"panics": decode(func(j native.Job) (native.Picture, error) {
			return native.Picture{Width: int(j.Data[len(j.Data)])}, nil
		}),
		"crashes": decode(func(native.Job) (native.Picture, error) { die(); return native.Picture{}, nil }),
		"hangs":   decode(func(native.Job) (native.Picture, error) { time.Sleep(time.Minute); return native.Picture{}, nil }),
		"lies": decode(func(native.Job) (native.Picture, error) {
			return native.Picture{Width: 1000, Height: 1000, Scale: 1, Orientation: 1, Pix: make([]byte, 3)}, nil
		}),
		"prints": decode(func(native.Job) (native.Picture, error) {
			fmt.Println("a library prints what it likes") //nolint:forbidigo // it is what the test is about
			return native.Picture{Width: 1, Height: 1, Scale: 1, Orientation: 1, Pix: make([]byte, 3)}, nil
		}),
		"takes memory": decode(func(native.Job) (native.Picture, error) {
			big := make([]byte, 1<<30)
			for i := 0; i < len(big); i += 4096 {
				big[i] = 1
			}
			return native.Picture{Width: 1, Height: 1, Scale: 1, Orientation: 1, Pix: big[:3]}, nil
		}),
		"missing":         {Version: func() (string, error) { return "", native.ErrMissing }},
		"crashes at once": {Version: func() (string, error) { die(); return "", nil }},
		"crashes on flaws": decode(func(j native.Job) (native.Picture, error) {
			if j.Data[0] == 0 {
				die()
			}
			return native.Picture{Width: 1, Height: 1, Scale: 1, Orientation: 1, Pix: make([]byte, 3)}, nil
		}),
	}
}

func newPool(t *testing.T) *native.Pool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &native.Pool{}
	p.Use(self, native.Command)
	t.Cleanup(p.Close)
	return p
}

func job(library string) native.Job {
	return native.Job{Library: library, MaxPixels: 1 << 24, Data: []byte{1, 2, 3, 4, 5, 6}}
}

// TestDecode checks that pictures come back whole from several children at once.
func TestDecode(t *testing.T) {
	p := newPool(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := 3; n < 300_000; n = 3*n + 3 {
				j := job("well")
				j.Data = make([]byte, n/3*3)
				for i := range j.Data {
					j.Data[i] = byte(i * n)
				}
				got, err := p.Decode(j)
				if err != nil || got.Width != n/3 || got.Orientation != 6 || !slices.Equal(got.Pix, j.Data) {
					t.Errorf("%d bytes: %d x %d, %d bytes, %v", n, got.Width, got.Height, len(got.Pix), err)
				}
			}
		})
	}
	wg.Wait()
}

// TestChildServesManyFiles checks that a child is used again, and that an error of a library does not end it.
func TestChildServesManyFiles(t *testing.T) {
	p := newPool(t)
	var pids []int
	for _, library := range []string{"pid", "error", "pid", "panics", "missing", "pid"} {
		got, err := p.Decode(job(library))
		if library != "pid" {
			if err == nil {
				t.Errorf("%s: no error", library)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, got.Width)
	}
	if pids[0] != pids[1] || pids[1] != pids[2] || pids[0] == os.Getpid() {
		t.Errorf("children %v", pids)
	}
}

// TestCrashCostsOneFile checks that what kills a child, or makes it useless, is an error of that call only.
func TestCrashCostsOneFile(t *testing.T) {
	for _, library := range []string{"crashes", "hangs", "lies", "prints", "crashes at once"} {
		t.Run(library, func(t *testing.T) {
			p := newPool(t)
			j := job(library)
			j.TimeLimit = 500 * time.Millisecond
			if got, err := p.Decode(j); err == nil {
				t.Errorf("%d x %d", got.Width, got.Height)
			}
			if _, err := p.Decode(job("well")); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestLibraryThatAlwaysCrashes checks that a library is given up after three crashes in a row, not after three crashes.
func TestLibraryThatAlwaysCrashes(t *testing.T) {
	p := newPool(t)
	try := func(flaw bool) error {
		j := job("crashes on flaws")
		if flaw {
			j.Data = []byte{0}
		}
		_, err := p.Decode(j)
		return err
	}
	for i := range 5 {
		if err := try(true); err == nil {
			t.Fatal("no error")
		}
		if err := try(false); err != nil {
			t.Fatalf("after %d crashes: %v", i+1, err)
		}
	}
	for range 3 {
		_ = try(true)
	}
	if try(false) == nil {
		t.Error("still used after three crashes in a row")
	}
	if _, err := p.Version("crashes on flaws"); err == nil {
		t.Error("no reason is given")
	}
	if _, err := p.Decode(job("well")); err != nil {
		t.Errorf("another library: %v", err)
	}
}

// TestKilledFromOutside checks that children that something else kills cost nothing: the file is decoded by a fresh one.
func TestKilledFromOutside(t *testing.T) {
	p := newPool(t)
	for range 5 {
		got, err := p.Decode(job("pid"))
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(got.Width, syscall.SIGKILL) // while it waits for the next file
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := p.Version("pid"); err != nil {
		t.Error(err)
	}
}

// TestLast checks that a decoder that nothing follows is never given up, and that giving up another one is reported once.
func TestLast(t *testing.T) {
	p := newPool(t)
	var told []string
	p.OnGivenUp(func(library string) { told = append(told, library) })
	bad := native.Job{Library: "crashes on flaws", MaxPixels: 1, Data: []byte{0}, Last: true}
	good := native.Job{Library: "crashes on flaws", MaxPixels: 1, Data: []byte{1}, Last: true}
	for range 5 {
		if _, err := p.Decode(bad); err == nil {
			t.Error("no error")
		}
	}
	if _, err := p.Decode(good); err != nil || told != nil {
		t.Errorf("%v, given up %v", err, told)
	}
	bad.Last = false
	for range 5 {
		_, _ = p.Decode(bad)
	}
	if !slices.Equal(told, []string{"crashes on flaws"}) {
		t.Errorf("given up %v", told)
	}
}

// TestOrphan checks that a child whose parent is gone ends, even while a library hangs.
func TestOrphan(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, library := range []string{"hangs", "well", ""} {
		c := exec.CommandContext(t.Context(), self, native.Command)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if library != "" {
			fmt.Fprintf(in, "{\"library\":%q,\"max_pixels\":100,\"size\":6}\n123456", library)
			time.Sleep(100 * time.Millisecond)
		}
		in.Close()
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Errorf("%q: still running", library)
			_ = c.Process.Kill()
			<-ended
		}
	}
}

func TestVersion(t *testing.T) {
	p := newPool(t)
	if v, err := p.Version("well"); v != "1.2.3" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	for _, library := range []string{"missing", "unknown"} {
		if _, err := p.Version(library); !errors.Is(err, native.ErrMissing) {
			t.Errorf("%s: %v", library, err)
		}
	}
	none := &native.Pool{}
	if _, err := none.Decode(job("well")); !errors.Is(err, native.ErrMissing) {
		t.Errorf("without a program: %v", err)
	}
	none.Use("/nonexistent", native.Command)
	if _, err := none.Decode(job("well")); err == nil {
		t.Error("with a program that does not exist: no error")
	}
}

// TestMaxPixels checks that a picture above the limit is refused before it is read.
func TestMaxPixels(t *testing.T) {
	p := newPool(t)
	j := job("pid")
	j.MaxPixels = 1
	if _, err := p.Decode(j); err == nil {
		t.Error("no error")
	}
}

func TestScaleFor(t *testing.T) {
	for _, c := range []struct{ width, height, minShort, want int }{
		{4032, 3024, 448, 4}, {3024, 4032, 448, 4}, {5712, 4284, 448, 8}, {896, 2000, 448, 2}, {895, 2000, 448, 1}, {4032, 3024, 0, 1}, {1 << 16, 1 << 16, 448, 8},
	} {
		if got := native.ScaleFor(c.width, c.height, c.minShort); got != c.want {
			t.Errorf("%d x %d, at least %d: %d, want %d", c.width, c.height, c.minShort, got, c.want)
		}
	}
}
