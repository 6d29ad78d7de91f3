package flat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/x448/float16"
)

// vector returns a random L2-normalised vector, in both forms.
func vector(r *rand.Rand, dim int) (full []float32, half []byte) {
	full = make([]float32, dim)
	sum := 0.0
	for i := range full {
		full[i] = float32(r.NormFloat64())
		sum += float64(full[i]) * float64(full[i])
	}
	for i := range full {
		full[i] = float32(float64(full[i]) / math.Sqrt(sum))
		half = binary.LittleEndian.AppendUint16(half, float16.Fromfloat32(full[i]).Bits())
	}
	return full, half
}

// TestDots: every kernel of this processor agrees with float64, for rows at odd offsets and all lengths that models have.
func TestDots(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, dim := range []int{1, 3, 8, 31, 32, 256, 384, 512, 640, 768, 1024, 1152} {
		const n = 9
		stride := rowSize(dim)
		rows := make([]byte, 0, n*stride)
		full := make([][]float32, n)
		for i := range n {
			v, half := vector(r, dim)
			full[i] = v
			rows = append(append(rows, half...), make([]byte, idSize)...)
		}
		q, _ := vector(r, dim)
		got, plain := make([]float32, n), make([]float32, n)
		dots(got, rows, q, stride)
		dotsPlain(plain, rows, q, stride)
		for i := range n {
			want := 0.0
			for d := range q {
				want += float64(q[d]) * float64(full[i][d])
			}
			if math.Abs(float64(got[i])-want) > 2e-3 || math.Abs(float64(plain[i]-got[i])) > 1e-5 {
				t.Errorf("dim %d, row %d: %v, plain %v, want %v", dim, i, got[i], plain[i], want)
			}
		}
	}
	t.Logf("kernel: %v on %s", haveKernel, runtime.GOARCH)
}

// write adds n rows to a file, with ids that count from first, and commits them.
func write(t testing.TB, w *Writer, r *rand.Rand, first, n int, token uint64) Stamp {
	t.Helper()
	for i := range n {
		_, half := vector(r, w.dim)
		if err := w.Add(int64(first+i), half); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.Commit(token, int64(first+n-1))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestVerify flips each bit of some rows in turn, and checks that every flip is noticed, in rows written at once and in those appended.
func TestVerify(t *testing.T) {
	const dim = 8
	path := filepath.Join(t.TempDir(), "1.f16")
	r := rand.New(rand.NewPCG(3, 4))
	w, err := Create(path, dim)
	if err != nil {
		t.Fatal(err)
	}
	stamp := write(t, w, r, 1, 3, 7)
	if w, err = Append(path, dim, stamp); err != nil {
		t.Fatal(err)
	}
	stamp = write(t, w, r, 4, 2, 8)
	intact, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(data []byte) error {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path, dim, stamp)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Verify()
	}
	if err := verify(intact); err != nil {
		t.Fatal(err)
	}
	for bit := headerSize * 8; bit < len(intact)*8; bit++ {
		data := append([]byte(nil), intact...)
		data[bit/8] ^= 1 << (bit % 8)
		if err := verify(data); !errors.Is(err, ErrDamaged) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
	for bit := range headerUsed * 8 {
		data := append([]byte(nil), intact...)
		data[bit/8] ^= 1 << (bit % 8)
		if err := verify(data); !errors.Is(err, ErrStale) {
			t.Errorf("header, bit %d: %v", bit, err)
		}
	}
}

// TestWithoutChecksum checks that a file of an earlier version is read, not verified, and not continued.
func TestWithoutChecksum(t *testing.T) {
	const dim = 8
	path := filepath.Join(t.TempDir(), "1.f16")
	w, err := Create(path, dim)
	if err != nil {
		t.Fatal(err)
	}
	stamp := write(t, w, rand.New(rand.NewPCG(3, 4)), 1, 3, 7)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := append([]byte(unsummed), data[8:40]...)
	head = binary.LittleEndian.AppendUint32(head, crc32.ChecksumIEEE(head))
	copy(data, append(head, 0, 0, 0, 0))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, dim, stamp)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Verify(); f.Len() != 3 || !errors.Is(err, ErrUnsummed) {
		t.Errorf("%d rows, %v", f.Len(), err)
	}
	if _, err := Append(path, dim, stamp); !errors.Is(err, ErrStale) {
		t.Errorf("continued: %v", err)
	}
}

func TestAppend(t *testing.T) {
	const dim = 64
	path := filepath.Join(t.TempDir(), "v", "1.f16")
	r := rand.New(rand.NewPCG(3, 4))
	w, err := Create(path, dim)
	if err != nil {
		t.Fatal(err)
	}
	first := write(t, w, r, 1, 700, 7)
	before, err := Open(path, dim, first)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	w, err = Append(path, dim, first)
	if err != nil {
		t.Fatal(err)
	}
	second := write(t, w, r, 701, 900, 8)
	if second.Rows != 1600 || second.Seq != 1600 {
		t.Errorf("stamp %+v", second)
	}
	after, err := Open(path, dim, second)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	q, _ := vector(r, dim)
	a, b := make([]float32, 700), make([]float32, 1600)
	if err := errors.Join(before.Scan(q, a, nil, 0), after.Scan(q, b, nil, 0)); err != nil {
		t.Fatal(err)
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("row %d changed by appending", i)
		}
	}
	odd := make([]float32, 1600)
	if err := after.Scan(q, odd, func(id int64) bool { return id%2 == 1 }, -9); err != nil {
		t.Fatal(err)
	}
	for i := range odd {
		if id, err := after.ID(i); err != nil || id != int64(i+1) || (id%2 == 1) != (odd[i] == b[i]) || (id%2 == 0) != (odd[i] == -9) {
			t.Fatalf("row %d: id %d, score %v, want %v (%v)", i, id, odd[i], b[i], err)
		}
	}
	// A file that is out of date or torn is not used.
	for name, open := range map[string]func() error{
		"an earlier state":  func() error { _, err := Open(path, dim, first); return err },
		"another token":     func() error { _, err := Open(path, dim, Stamp{9, second.Seq, second.Rows}); return err },
		"another dimension": func() error { _, err := Open(path, 32, second); return err },
		"append to it":      func() error { _, err := Append(path, dim, first); return err },
		"missing":           func() error { _, err := Open(path+"x", dim, second); return err },
	} {
		if err := open(); !errors.Is(err, ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, torn := range map[string][]byte{"cut": data[:len(data)-1], "a bit": flip(data, 20), "empty": nil, "text": []byte("once upon a time, there was a file that was no vector file at all")} {
		if err := os.WriteFile(path+"t", torn, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path+"t", dim, second); !errors.Is(err, ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func flip(data []byte, at int) []byte {
	torn := append([]byte(nil), data...)
	torn[at] ^= 1
	return torn
}

// TestAbort: rows that were not committed are not in the file.
func TestAbort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.f16")
	r := rand.New(rand.NewPCG(5, 6))
	w, err := Create(path, 32)
	if err != nil {
		t.Fatal(err)
	}
	stamp := write(t, w, r, 1, 10, 1)
	w, err = Append(path, 32, stamp)
	if err != nil {
		t.Fatal(err)
	}
	_, half := vector(r, 32)
	if err := w.Add(11, half); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	f, err := Open(path, 32, stamp)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	w, err = Create(path, 32)
	if err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".vectors-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestFault: a mapped file whose pages are gone (a disk that was pulled) is an error, not a signal.
func TestFault(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be cut there")
	}
	const dim, n = 512, 4000
	path := filepath.Join(t.TempDir(), "1.f16")
	r := rand.New(rand.NewPCG(7, 8))
	w, err := Create(path, dim)
	if err != nil {
		t.Fatal(err)
	}
	stamp := write(t, w, r, 1, n, 1)
	f, err := Open(path, dim, stamp)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, headerSize); err != nil {
		t.Fatal(err)
	}
	q, _ := vector(r, dim)
	if err := f.Scan(q, make([]float32, n), nil, 0); !errors.Is(err, ErrFault) {
		t.Errorf("Scan: %v, want ErrFault", err)
	}
	if _, err := f.ID(n - 1); !errors.Is(err, ErrFault) {
		t.Errorf("ID: %v, want ErrFault", err)
	}
	if err := f.IDs(func(int, int64) {}); !errors.Is(err, ErrFault) {
		t.Errorf("IDs: %v, want ErrFault", err)
	}
}

// BenchmarkScan scans up to a million vectors of 512 numbers, on all cores.
func BenchmarkScan(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			const dim = 512
			path := filepath.Join(b.TempDir(), "1.f16")
			w, err := Create(path, dim)
			if err != nil {
				b.Fatal(err)
			}
			r := rand.New(rand.NewPCG(9, 10))
			q, half := vector(r, dim)
			for i := range n {
				if err := w.Add(int64(i), half); err != nil {
					b.Fatal(err)
				}
			}
			stamp, err := w.Commit(1, int64(n))
			if err != nil {
				b.Fatal(err)
			}
			f, err := Open(path, dim, stamp)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			scores := make([]float32, n)
			b.SetBytes(int64(n * rowSize(dim)))
			for b.Loop() {
				if err := f.Scan(q, scores, nil, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMemory reads as many bytes and only adds them up, which shows the bandwidth of the memory.
func BenchmarkMemory(b *testing.B) {
	data := make([]uint64, 1_000_000*rowSize(512)/8)
	for i := range data {
		data[i] = uint64(i)
	}
	parts := runtime.GOMAXPROCS(0)
	b.SetBytes(int64(8 * len(data)))
	for b.Loop() {
		done := make(chan uint64, parts)
		for p := range parts {
			go func() {
				var a, c, d, e uint64
				part := data[len(data)*p/parts : len(data)*(p+1)/parts]
				for i := 0; i+4 <= len(part); i += 4 {
					a += part[i]
					c += part[i+1]
					d += part[i+2]
					e += part[i+3]
				}
				done <- a + c + d + e
			}()
		}
		for range parts {
			<-done
		}
	}
}
