package tiff

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/image/ccitt"
)

// faxWriter encodes rows, by the plain text of the recommendations.
type faxWriter struct{ bits strings.Builder }

func (w *faxWriter) bytes() []byte {
	text := w.bits.String()
	out := make([]byte, (len(text)+7)/8)
	for i, c := range text {
		if c == '1' {
			out[i/8] |= 0x80 >> (i % 8)
		}
	}
	return out
}

func (w *faxWriter) align() {
	for w.bits.Len()%8 != 0 {
		w.bits.WriteByte('0')
	}
}

// run writes the code of a run. Long runs take several make-up codes.
func (w *faxWriter) run(n int, black bool) {
	codes := strings.Fields(faxWhite + faxLong)
	if black {
		codes = strings.Fields(faxBlack + faxLong)
	}
	for n > 2560 {
		w.bits.WriteString(codes[63+2560/64])
		n -= 2560
	}
	if n >= 64 {
		w.bits.WriteString(codes[63+n/64])
	}
	w.bits.WriteString(codes[n%64])
}

func (w *faxWriter) one(row []bool) {
	black := false
	for x := 0; x < len(row); {
		end := nextChange(row, x, black)
		w.run(end-x, black)
		x, black = end, !black
	}
}

// nextChange returns the first pixel from x on that does not have the colour.
func nextChange(row []bool, x int, black bool) int {
	for x < len(row) && row[x] == black {
		x++
	}
	return x
}

func (w *faxWriter) two(row, above []bool) {
	black := false
	for a0 := -1; a0 < len(row); {
		from := max(a0, 0)
		a1 := nextChange(row, from, black)
		// b1 is the first pixel above, right of a0, that has the other colour and a left neighbour of this one.
		b1 := a0 + 1
		begins := func(x int) bool { return above[x] != black && (x == 0 && !black || x > 0 && above[x-1] == black) }
		for b1 < len(row) && !begins(b1) {
			b1++
		}
		b2 := nextChange(above, b1, !black)
		switch d := a1 - b1; {
		case b2 < a1:
			w.bits.WriteString("0001")
			a0 = b2
		case d >= -3 && d <= 3:
			w.bits.WriteString(map[int]string{0: "1", 1: "011", 2: "000011", 3: "0000011", -1: "010", -2: "000010", -3: "0000010"}[d])
			a0, black = a1, !black
		default:
			a2 := nextChange(row, a1, !black)
			w.bits.WriteString("001")
			w.run(a1-from, black)
			w.run(a2-a1, !black)
			a0 = a2
		}
	}
}

const faxEOL = "000000000001"

func encodeFax(rows [][]bool, mode faxMode) []byte {
	var w faxWriter
	above := make([]bool, len(rows[0]))
	for i, row := range rows {
		switch mode {
		case faxPlain:
			w.one(row)
			w.align()
		case faxOne:
			w.bits.WriteString(faxEOL)
			w.one(row)
		case faxTwo:
			if i%4 == 0 {
				w.bits.WriteString(faxEOL + "1")
				w.one(row)
			} else {
				w.bits.WriteString("0000" + faxEOL + "0") // with bits to fill
				w.two(row, above)
			}
		case faxGroup4:
			w.two(row, above)
		}
		above = row
	}
	switch mode {
	case faxOne:
		w.bits.WriteString(strings.Repeat(faxEOL, 6))
	case faxTwo:
		w.bits.WriteString(strings.Repeat(faxEOL+"1", 6))
	case faxGroup4:
		w.bits.WriteString(faxEOL + faxEOL)
	}
	return w.bytes()
}

// randomRows returns rows that resemble each other, with runs of all lengths.
func randomRows(r *rand.Rand, width, height int) [][]bool {
	rows := make([][]bool, height)
	for y := range rows {
		rows[y] = make([]bool, width)
		if y > 0 && r.IntN(4) > 0 {
			copy(rows[y], rows[y-1])
			for range r.IntN(4) {
				x := r.IntN(width)
				rows[y][x] = !rows[y][x]
			}
			continue
		}
		black := r.IntN(2) == 0
		for x := 0; x < width; {
			n := 1 + r.IntN([]int{2, 8, 70, 3000}[r.IntN(4)])
			for ; n > 0 && x < width; n-- {
				rows[y][x] = black
				x++
			}
			black = !black
		}
	}
	return rows
}

func packed(rows [][]bool) []byte {
	var out []byte
	for _, row := range rows {
		line := make([]byte, (len(row)+7)/8)
		for x, black := range row {
			if black {
				line[x/8] |= 0x80 >> (x % 8)
			}
		}
		out = append(out, line...)
	}
	return out
}

// TestFax decodes what an encoder by the recommendations' text writes. golang.org/x/image/ccitt, which has tables of its own, must agree.
func TestFax(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rows := randomRows(r, 1+r.IntN([]int{20, 300, 6000}[r.IntN(3)]), 1+r.IntN(12))
		width, want := len(rows[0]), packed(rows)
		for _, mode := range []faxMode{faxPlain, faxOne, faxTwo, faxGroup4} {
			data := encodeFax(rows, mode)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(newFaxReader(data, width, mode), got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("mode %d, %d x %d: %v", mode, width, len(rows), err)
			}
			if format, ok := map[faxMode]ccitt.SubFormat{faxOne: ccitt.Group3, faxGroup4: ccitt.Group4}[mode]; ok {
				other, err := io.ReadAll(ccitt.NewReader(bytes.NewReader(data), ccitt.MSB, format, width, len(rows), &ccitt.Options{Invert: true}))
				if err != nil || !bytes.Equal(other, want) {
					t.Fatalf("mode %d, %d x %d: x/image/ccitt disagrees: %v", mode, width, len(rows), err)
				}
			}
		}
	}
}

// TestFaxDamaged checks that Group 3 goes on after a bad row, that rows after the end of the picture are white, and that
// other damage is an error.
func TestFaxDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	rows := randomRows(r, 400, 20)
	want := packed(rows)
	size := len(want) / len(rows)
	var w faxWriter
	for i, row := range rows {
		w.bits.WriteString(faxEOL)
		if i == 7 {
			w.bits.WriteString("00110101" + "0000000001") // no code
		} else {
			w.one(row)
		}
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(newFaxReader(w.bytes(), 400, faxOne), got); err != nil {
		t.Fatal(err)
	}
	copy(want[7*size:8*size], want[6*size:])
	if !bytes.Equal(got, want) {
		t.Error("a bad row changed others")
	}

	for _, mode := range []faxMode{faxOne, faxTwo, faxGroup4} {
		got := make([]byte, len(want)+3*size)
		if _, err := io.ReadFull(newFaxReader(encodeFax(rows, mode), 400, mode), got); err != nil || !bytes.Equal(got[len(want):], make([]byte, 3*size)) {
			t.Errorf("mode %d: rows after the end: %v", mode, err)
		}
	}
	for _, mode := range []faxMode{faxPlain, faxGroup4} {
		data := encodeFax(rows, mode)
		if _, err := io.ReadFull(newFaxReader(data[:len(data)/2], 400, mode), got); err == nil {
			t.Errorf("mode %d, truncated: no error", mode)
		}
	}
}

// FuzzFax decodes anything, in all modes: it ends, and rows have their length.
func FuzzFax(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for mode := range 4 {
		f.Add(encodeFax(randomRows(r, 100, 6), faxMode(mode)), uint16(100), uint8(mode))
	}
	f.Fuzz(func(t *testing.T, data []byte, width uint16, mode uint8) {
		w := int(width)%5000 + 1
		in := newFaxReader(data, w, faxMode(mode%4))
		for y := range 50 {
			row := make([]byte, (w+7)/8)
			if _, err := io.ReadFull(in, row); err != nil {
				return
			}
			for i := 1; i < len(in.cur); i++ {
				if in.cur[i] <= in.cur[i-1] || in.cur[i] > w {
					t.Fatalf("row %d: changes %v", y, in.cur)
				}
			}
		}
	})
}

func BenchmarkFax(b *testing.B) {
	rows := randomRows(rand.New(rand.NewPCG(7, 8)), 2480, 500)
	for mode := range 4 {
		data := encodeFax(rows, faxMode(mode))
		b.Run(fmt.Sprint(mode), func(b *testing.B) {
			b.SetBytes(int64(len(packed(rows))))
			for b.Loop() {
				if _, err := io.Copy(io.Discard, io.LimitReader(newFaxReader(data, 2480, faxMode(mode)), int64(500*310))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
