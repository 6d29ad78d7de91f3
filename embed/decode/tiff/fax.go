package tiff

import (
	"io"
	"strings"
	"sync"
)

// faxReader expands bilevel rows that are coded by ITU-T T.4 (Group 3, in one or two dimensions, and TIFF's variant without ends of lines) or
// T.6 (Group 4). A row has the bits of its pixels, white ones as 0, padded to whole bytes.
type faxReader struct {
	bits  faxBits
	width int
	mode  faxMode
	// ref and cur are the places where the colour changes in the row above and in this one: first from white to black, and so on.
	ref, cur []int
	row      []byte
	left     []byte // of the row, not yet read
	ended    bool   // the data has said so: the rows that follow are white
}

type faxMode int

const (
	faxPlain  faxMode = iota // Group 3 without ends of lines, each row at a byte (TIFF's compression 2)
	faxOne                   // Group 3, one-dimensional
	faxTwo                   // Group 3, two-dimensional
	faxGroup4                // Group 4
)

func newFaxReader(data []byte, width int, mode faxMode) *faxReader {
	return &faxReader{bits: faxBits{data: data}, width: width, mode: mode, row: make([]byte, (width+7)/8)}
}

func (r *faxReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(r.left) == 0 {
			if err := r.next(); err != nil {
				return n, err
			}
		}
		k := copy(p[n:], r.left)
		r.left, n = r.left[k:], n+k
	}
	return n, nil
}

// next decodes a row.
func (r *faxReader) next() error {
	r.ref, r.cur = r.cur, r.ref[:0]
	if !r.ended {
		if r.bits.at >= 8*len(r.bits.data) {
			return io.ErrUnexpectedEOF
		}
		if !r.decode() {
			if r.mode == faxGroup4 || r.mode == faxPlain || !r.bits.findEndOfLine() {
				return errDamagedStrip
			}
			// Group 3 is made for bad lines: a row with an error looks like the one above it, and the next one begins after its end.
			r.cur = append(r.cur[:0], r.ref...)
		}
	}
	r.paint()
	return nil
}

// paint fills the row from its changes.
func (r *faxReader) paint() {
	clear(r.row)
	for i := 0; i < len(r.cur); i += 2 {
		end := r.width
		if i+1 < len(r.cur) {
			end = r.cur[i+1]
		}
		for x := r.cur[i]; x < end; x++ {
			if x%8 == 0 && x+8 <= end {
				r.row[x/8] = 0xff
				x += 7
				continue
			}
			r.row[x/8] |= 0x80 >> (x % 8)
		}
	}
	r.left = r.row
}

// decode reads the codes of a row. It returns false if they make no sense.
func (r *faxReader) decode() bool {
	switch r.mode {
	case faxPlain:
		r.bits.at = (r.bits.at + 7) &^ 7
		return r.oneDimension()
	case faxGroup4:
		if r.bits.isEndOfLine() {
			r.ended = true
			return true
		}
		return r.twoDimensions()
	}
	ends, one := 0, true
	for r.bits.takeEndOfLine() {
		if ends++; ends > 1 { // of the picture: six of them
			r.ended = true
			return true
		}
		if r.mode == faxTwo {
			one = r.bits.take(1) == 1
		}
	}
	if one {
		return r.oneDimension()
	}
	return r.twoDimensions()
}

// change adds a place where the colour changes. Two changes at one place are none.
func (r *faxReader) change(at int) {
	if n := len(r.cur); n > 0 && r.cur[n-1] == at {
		r.cur = r.cur[:n-1]
		return
	}
	r.cur = append(r.cur, at)
}

func (r *faxReader) oneDimension() bool {
	at, black := 0, false
	for at < r.width {
		n, ok := r.bits.run(black)
		if !ok {
			return false
		}
		at = min(at+n, r.width)
		r.change(at)
		black = !black
	}
	return true
}

// The codes of two-dimensional rows (ITU-T T.4, table 4): the number of bits, and what they mean.
var faxTwoCodes = sync.OnceValue(func() (table [1 << 7]struct{ bits, what int8 }) {
	for code, what := range map[string]int8{
		"1": 0, "011": 1, "000011": 2, "0000011": 3, "010": -1, "000010": -2, "0000010": -3, "0001": faxPass, "001": faxHorizontal,
	} {
		for i := range fillCode(code, 7) {
			table[i] = struct{ bits, what int8 }{int8(len(code)), what}
		}
	}
	return table
})

// The codes that are not vertical ones, whose value is the distance.
const (
	faxPass       = 10
	faxHorizontal = 11
)

func (r *faxReader) twoDimensions() bool {
	codes := faxTwoCodes()
	at, black := -1, false
	for b := 0; at < r.width; {
		// The first change above that lies to the right, and is to the other colour than that of this row.
		b = max(b-2, 0)
		for b < len(r.ref) && (r.ref[b] <= at || b%2 == 1 != black) {
			b++
		}
		b1, b2 := r.width, r.width
		if b < len(r.ref) {
			b1 = r.ref[b]
		}
		if b+1 < len(r.ref) {
			b2 = r.ref[b+1]
		}
		code := codes[r.bits.peek(7)]
		r.bits.at += int(code.bits)
		switch {
		case code.bits == 0:
			return false
		case code.what == faxPass:
			at = b2
		case code.what == faxHorizontal:
			first, ok := r.bits.run(black)
			second, ok2 := r.bits.run(!black)
			if !ok || !ok2 {
				return false
			}
			middle := min(max(at, 0)+first, r.width)
			at = min(middle+second, r.width)
			r.change(middle)
			r.change(at)
		default:
			to := b1 + int(code.what)
			if to < max(at, 0) || to > r.width {
				return false
			}
			r.change(to)
			at, black = to, !black
		}
	}
	return true
}

// faxBits reads bits, most significant first. Past the end there are zeros, which are no code.
type faxBits struct {
	data []byte
	at   int
}

// peek returns the next n bits, of at most 16.
func (b *faxBits) peek(n int) int {
	v := 0
	for i := range 3 {
		v <<= 8
		if at := b.at/8 + i; at < len(b.data) {
			v |= int(b.data[at])
		}
	}
	return v >> (24 - n - b.at%8) & (1<<n - 1)
}

func (b *faxBits) take(n int) int {
	v := b.peek(n)
	b.at += n
	return v
}

// endOfLine are the bits of an end of line: eleven zeros and a one.
const endOfLine = 12

func (b *faxBits) isEndOfLine() bool { return b.peek(endOfLine) == 1 }

// takeEndOfLine skips an end of line if one is next, and the zeros that may precede it.
func (b *faxBits) takeEndOfLine() bool {
	at := b.at
	for b.at < 8*len(b.data) && b.peek(endOfLine) == 0 {
		b.at++
	}
	if b.isEndOfLine() {
		b.at += endOfLine
		return true
	}
	b.at = at
	return false
}

// findEndOfLine moves to the next end of line.
func (b *faxBits) findEndOfLine() bool {
	for ; b.at < 8*len(b.data); b.at++ {
		if b.isEndOfLine() {
			return true
		}
	}
	return false
}

// run reads the length of a run: any number of make-up codes, and a terminating code.
func (b *faxBits) run(black bool) (n int, ok bool) {
	table := faxRuns()[0]
	if black {
		table = faxRuns()[1]
	}
	for {
		code := table[b.peek(faxLongest)]
		if code.bits == 0 {
			return 0, false
		}
		b.at += int(code.bits)
		n += int(code.run)
		if code.run < 64 {
			return n, true
		}
		if n > maxRow {
			return 0, false
		}
	}
}

// faxLongest is the number of bits of the longest code of a run.
const faxLongest = 13

type faxRun struct {
	bits int8
	run  int16
}

// faxRuns are the codes of runs of white and of black, by the next 13 bits.
var faxRuns = sync.OnceValue(func() *[2][1 << faxLongest]faxRun {
	var tables [2][1 << faxLongest]faxRun
	for color, codes := range []string{faxWhite, faxBlack} {
		for i, code := range strings.Fields(codes + faxLong) {
			run := i
			if i > 63 {
				run = 64 * (i - 63)
			}
			for at := range fillCode(code, faxLongest) {
				tables[color][at] = faxRun{int8(len(code)), int16(run)}
			}
		}
	}
	return &tables
})

// fillCode yields all numbers of n bits that begin with a code.
func fillCode(code string, n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		first := 0
		for _, c := range code {
			first = first<<1 | int(c-'0')
		}
		free := n - len(code)
		for i := range 1 << free {
			if !yield(first<<free | i) {
				return
			}
		}
	}
}

// The codes of runs (ITU-T T.4, tables 2 and 3): of 0 to 63 pixels, then of 64, 128 and so on up to 1,728; faxLong goes on for both colours.
const (
	faxWhite = `
00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101
101010 101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010 00000011 00011010
00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 00000101 00001010
00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 00110011 00110100
11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 011010010 011010011 011010100 011010101
011010110 011010111 011011000 011011001 011011010 011011011 010011000 010011001 010011010 011000 010011011 `
	faxBlack = `
0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000
0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 00000010111 00000011000 000011001010 000011001011
000011001100 000011001101 000001101000 000001101001 000001101010 000001101011 000011010010 000011010011 000011010100 000011010101 000011010110
000011010111 000001101100 000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111 000001100100 000001100101
000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000 000001011000 000001011001 000000101011 000000101100
000001011010 000001100110 000001100111
0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 0000001101101 0000001001010 0000001001011
0000001001100 0000001001101 0000001110010 0000001110011 0000001110100 0000001110101 0000001110110 0000001110111 0000001010010 0000001010011
0000001010100 0000001010101 0000001011010 0000001011011 0000001100100 0000001100101 `
	faxLong = `
00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110 000000010111 000000011100 000000011101
000000011110 000000011111`
)
