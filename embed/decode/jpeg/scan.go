package jpeg

import (
	"bytes"
	"fmt"
	"slices"
)

// zigzag maps a coefficient's position in the zigzag order (T.81, figure A.6) to its natural index. Positions beyond the end,
// which a damaged file may use (63 + 15 at most), map to 63, so that an index of 7 bits needs no check.
var zigzag = [128]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
}

// maxScans bounds the number of scans in a file. Encoders write a dozen, a few hundred at most; a hostile file could have an
// empty scan every few bytes, and each one takes a pass over all blocks.
const maxScans = 500

// scan is one scan of a file.
type scan struct {
	comps          []*component
	from, to       int  // the coefficients of a progressive scan
	high, low      uint // bits of its successive approximation
	columns, rows  int  // MCUs
	firstOfPicture bool // it contains the first coefficients for the first time
}

// readScan reads SOS's payload and decodes the scan that follows.
func (d *decoder) readScan(s []byte) error {
	if len(d.comps) == 0 || len(s) < 1 {
		return fmt.Errorf("%w: scan before the frame header", ErrFormat)
	}
	if d.scans++; d.scans > maxScans {
		return fmt.Errorf("%w: more than %d scans", ErrFormat, maxScans)
	}
	n := int(s[0])
	if n < 1 || n > len(d.comps) || len(s) < 4+2*n {
		return fmt.Errorf("%w: invalid scan of %d components", ErrFormat, n)
	}
	sc := scan{from: int(s[1+2*n]), to: int(s[2+2*n]), high: uint(s[3+2*n] >> 4), low: uint(s[3+2*n] & 15)}
	for i := range n {
		id, tables := s[1+2*i], s[2+2*i]
		for j := range d.comps { // some programs give several components the same identifier: they come in order
			c := &d.comps[j]
			taken := slices.Contains(sc.comps, c) || !d.head.Progressive && c.done > 0 && d.hasUnread(id)
			if c.id == id && !taken {
				c.td, c.ta = int(tables>>4)&3, int(tables&15)&3
				sc.comps = append(sc.comps, c)
				break
			}
		}
		if len(sc.comps) != i+1 {
			return fmt.Errorf("%w: scan of an unknown or duplicate component", ErrFormat)
		}
	}
	if !d.tables {
		d.useStandardTables()
	}
	if d.head.Progressive && (sc.from > sc.to || sc.to > 63 || sc.low > 13 || sc.from > 0 && n != 1) {
		return fmt.Errorf("%w: invalid scan of coefficients %d to %d", ErrFormat, sc.from, sc.to)
	}
	sc.columns, sc.rows = ceilDiv(d.head.Width, 8*d.head.hmax), ceilDiv(d.head.Height, 8*d.head.vmax)
	if n == 1 { // its MCU is a block (T.81, A.2.2)
		sc.columns, sc.rows = sc.comps[0].wantX, sc.comps[0].wantY
	}
	sc.firstOfPicture = !d.head.Progressive || sc.from == 0 && sc.high == 0
	if d.head.Progressive && sc.from > 0 && sc.comps[0].n == 1 {
		d.skipScan() // blocks that become one sample need only their first coefficient
		return nil
	}
	d.decodeScan(&sc)
	return nil
}

// hasUnread reports whether a component with an identifier has had no scan yet.
func (d *decoder) hasUnread(id byte) bool {
	return slices.ContainsFunc(d.comps, func(c component) bool { return c.id == id && c.done == 0 })
}

// skipScan moves to the next marker that is not a restart marker.
func (d *decoder) skipScan() {
	for {
		i := bytes.IndexByte(d.data[d.pos:], 0xff)
		if i < 0 || d.pos+i+1 >= len(d.data) {
			d.pos = len(d.data)
			return
		}
		d.pos += i
		switch m := d.data[d.pos+1]; {
		case m == 0 || m >= rst0 && m <= rst7:
			d.pos += 2
		case m == 0xff:
			d.pos++
		default:
			return
		}
	}
}

// decodeScan decodes the MCUs of a scan, restart interval by restart interval. Damage loses the rest of its interval, or the
// rest of the scan if there are no intervals.
func (d *decoder) decodeScan(sc *scan) {
	start := d.pos
	total := sc.columns * sc.rows
	interval := d.restart
	if interval == 0 {
		interval = total
	}
	for from, number := 0, 0; from < total; {
		d.startBits()
		if d.head.arithmetic {
			d.startArithmetic()
		}
		d.eobRun = 0
		for _, c := range sc.comps {
			c.dc, c.context = 0, 0
		}
		to := min(from+interval, total)
		reached := d.decodeInterval(sc, from, to)
		if d.head.arithmetic {
			d.pos = d.arith.pos
			d.damaged = d.damaged || d.arith.past > 0
		}
		if sc.firstOfPicture {
			sc.count(from, reached)
		}
		if reached < to {
			d.damaged = true
		}
		if to == total {
			break
		}
		skipped, ok := d.nextInterval(number)
		if !ok {
			d.damaged = true
			break
		}
		if skipped > 0 {
			d.damaged = true
		}
		number = (number + 1 + skipped) & 7
		from = to + skipped*interval
	}
	// Bits that were read ahead may be past the end of the scan, but never past a marker.
	if !d.ended {
		d.pos = max(start, d.pos-8)
		d.skipScan()
	}
}

// nextInterval moves past the next restart marker; number is the expected one, 0 to 7. skipped is the number of missing
// markers, as far as the number of the marker found shows it.
func (d *decoder) nextInterval(number int) (skipped int, ok bool) {
	if !d.ended {
		d.pos = max(0, d.pos-8)
	}
	for {
		i := bytes.IndexByte(d.data[d.pos:], 0xff)
		if i < 0 || d.pos+i+1 >= len(d.data) {
			d.pos = len(d.data)
			return 0, false
		}
		d.pos += i
		switch m := d.data[d.pos+1]; {
		case m == 0:
			d.pos += 2
		case m == 0xff:
			d.pos++
		case m >= rst0 && m <= rst7:
			d.pos += 2
			ahead := (int(m-rst0) - number) & 7
			if ahead > 4 {
				continue // an earlier marker
			}
			return ahead, true
		default:
			return 0, false
		}
	}
}

// count records that the first coefficients of the blocks in MCUs from..to were read.
func (sc *scan) count(from, to int) {
	for _, c := range sc.comps {
		h, v := c.h, c.v
		if len(sc.comps) == 1 {
			h, v = 1, 1
		}
		// Count the blocks of the picture, not of the padding, one row of MCUs at a time.
		for at := from; at < to; {
			row, column := at/sc.columns, at%sc.columns
			end := min(to-at+column, sc.columns)
			across := min(end*h, c.wantX) - min(column*h, c.wantX)
			down := min((row+1)*v, c.wantY) - min(row*v, c.wantY)
			c.done += across * down
			if end == sc.columns {
				c.lastRow = max(c.lastRow, min((row+1)*v, c.wantY))
			}
			at += end - column
		}
	}
}

// decodeInterval decodes MCUs from..to and returns the first one that it did not decode.
func (d *decoder) decodeInterval(sc *scan, from, to int) int {
	x, y := from%sc.columns, from/sc.columns
	single := len(sc.comps) == 1
	for at := from; at < to; at++ {
		for _, c := range sc.comps {
			if single {
				d.block(sc, c, x, y)
				continue
			}
			for v := range c.v {
				for h := range c.h {
					d.block(sc, c, x*c.h+h, y*c.v+v)
				}
			}
		}
		if d.bad || d.ended {
			if d.spent() {
				return at
			}
		}
		if d.head.arithmetic && d.arith.spent() {
			return at
		}
		if x++; x == sc.columns {
			x, y = 0, y+1
		}
	}
	return to
}

// block decodes one block of a component.
func (d *decoder) block(sc *scan, c *component, x, y int) {
	if d.head.arithmetic {
		d.arithmeticBlock(sc, c, y*c.blocksX+x)
		return
	}
	if d.head.Progressive {
		d.progressiveBlock(sc, c, y*c.blocksX+x)
		return
	}
	out := c.pix[(y*c.stride+x)*c.n:]
	q := &d.quant[c.tq]
	var b [64]int32
	switch c.n {
	case 1:
		d.firstCoefficient(c)
		d.skipBlock(&d.acTable[c.ta], 1)
		out[0] = sample((c.dc*q[0] + 4) >> 3)
	case 2:
		d.readBlock(c, q, &b, lastOf2)
		inverse2(&b, out, c.stride)
	case 4:
		d.readBlock(c, q, &b, lastOf4)
		inverse4(&b, out, c.stride)
	default:
		if d.readBlock(c, q, &b, 63) {
			inverse8(&b, out, c.stride)
		} else {
			flat8(sample((b[0]+4)>>3), out, c.stride)
		}
	}
}

// The last coefficient in zigzag order that a transform of 2 or 4 points uses.
const (
	lastOf2 = 4
	lastOf4 = 24
)

// firstCoefficient reads the difference between a block's mean and that of the previous block.
func (d *decoder) firstCoefficient(c *component) {
	if d.n < 32 {
		d.refill()
	}
	size := uint(d.symbol(&d.dcTable[c.td]))
	if size > 15 {
		d.bad = true
		size = 0
	}
	c.dc += extend(d.take(size), size)
}

// skipBlock reads a block's coefficients from position k on and discards them.
func (d *decoder) skipBlock(t *table, k int) {
	acc, n := d.acc, d.n
	for k < 64 {
		if n < 32 {
			d.acc, d.n = acc, n
			d.refill()
			acc, n = d.acc, d.n
		}
		e := t.skip[acc>>(64-lookBits)]
		if e == 0 {
			d.acc, d.n = acc, n
			s := d.longSymbol(t)
			acc, n = d.acc, d.n
			size := uint(s & 15)
			if size == 0 && s>>4 != 15 {
				break
			}
			acc <<= size
			n -= size
			k += int(s>>4) + 1
			continue
		}
		length := uint(e & 255)
		acc <<= length & 63
		n -= length
		k += int(e >> 8)
	}
	d.acc, d.n = acc, n
}

// readBlock reads a block's coefficients up to position last in zigzag order into b, which must be zero, multiplies them by
// their quantisation, and skips the rest. It reports whether it read any coefficient but the first.
func (d *decoder) readBlock(c *component, q *[64]int32, b *[64]int32, last int) (more bool) {
	d.firstCoefficient(c)
	b[0] = c.dc * q[0]
	t := &d.acTable[c.ta]
	k := 1
	acc, n := d.acc, d.n
	for k <= last {
		if n < 32 {
			d.acc, d.n = acc, n
			d.refill()
			acc, n = d.acc, d.n
		}
		e := t.look[acc>>(64-lookBits)]
		if e&valueInside != 0 {
			length := uint(e & 31)
			acc <<= length
			n -= length
			k += int(e>>12) & 15
			b[zigzag[k&127]&63] = int32(int16(e>>16)) * q[k&63]
			k++
			more = true
			continue
		}
		var s uint8
		if e == 0 {
			d.acc, d.n = acc, n
			s = d.longSymbol(t)
			acc, n = d.acc, d.n
		} else {
			length := uint(e & 31)
			acc <<= length
			n -= length
			s = uint8(e >> 8)
		}
		size := uint(s & 15)
		if size == 0 {
			if s>>4 != 15 {
				d.acc, d.n = acc, n
				return more
			}
			k += 16
			continue
		}
		k += int(s >> 4)
		v := extend(int32(acc>>1>>(63-size)), size)
		acc <<= size
		n -= size
		b[zigzag[k&127]&63] = v * q[k&63]
		k++
		more = true
	}
	d.acc, d.n = acc, n
	if k < 64 {
		d.skipBlock(t, k)
	} else if k > 64 {
		d.bad = true
	}
	return more
}
