package jpeg

// arithmetic decodes the arithmetic coding of ITU-T T.81, annexes D, F.1.4 and G.1.3.
type arithmetic struct {
	data []byte
	pos  int
	// c and a are the code and the interval, ct the bits until the next byte (T.81, D.2).
	c, a  uint32
	ct    int
	ended bool // a marker was reached: zeros follow, as many as the encoder left out
	past  int  // bytes that were read past the end of the file
	bad   bool

	// The statistics of a scan's tables: the state's number, and the more probable symbol as the highest bit.
	dc    [4][64]uint8
	ac    [4][256]uint8
	fixed uint8
}

// conditioning are the parameters of a DAC segment (T.81, F.1.4.4.1.4 and F.1.4.4.2.1), by table.
type conditioning struct {
	low, high [4]uint8
	ac        [4]uint8
}

func defaultConditioning() (c conditioning) {
	for i := range 4 {
		c.low[i], c.high[i], c.ac[i] = 0, 1, 5
	}
	return c
}

// readConditioning reads a DAC segment.
func (d *decoder) readConditioning(s []byte) {
	for ; len(s) >= 2; s = s[2:] {
		if table := s[0] & 3; s[0]>>4 == 0 {
			d.conditions.low[table], d.conditions.high[table] = s[1]&15, s[1]>>4
		} else {
			d.conditions.ac[table] = s[1]
		}
	}
}

// startArithmetic begins an interval.
func (d *decoder) startArithmetic() {
	const uncertain = 113 // a state that never changes: both symbols are equally probable
	d.arith = arithmetic{data: d.data, pos: d.pos, ct: -16, fixed: uncertain}
}

// state is a row of the probability estimation (T.81, table D.3).
type state struct {
	qe          uint32
	lps, mps    uint8
	switchesMPS bool
}

// bit decodes a decision with its statistics (T.81, D.2).
func (r *arithmetic) bit(st *uint8) int {
	for r.a < 0x8000 {
		if r.ct--; r.ct < 0 {
			r.c = r.c<<8 | uint32(r.next())
			if r.ct += 8; r.ct < 0 {
				if r.ct++; r.ct == 0 {
					r.a = 0x8000
				}
			}
		}
		r.a <<= 1
	}
	sv := *st
	s := &states[sv&0x7f]
	symbol := sv >> 7
	r.a -= s.qe
	if at := r.a << r.ct; r.c >= at {
		r.c -= at
		if r.a < s.qe { // the more probable symbol has the smaller interval
			*st = sv&0x80 | s.mps
		} else {
			*st = s.afterLPS(sv)
			symbol ^= 1
		}
		r.a = s.qe
	} else if r.a < 0x8000 {
		if r.a < s.qe {
			*st = s.afterLPS(sv)
			symbol ^= 1
		} else {
			*st = sv&0x80 | s.mps
		}
	}
	return int(symbol)
}

// afterLPS returns the statistics after the less probable symbol.
func (s *state) afterLPS(sv uint8) uint8 {
	mps := sv & 0x80
	if s.switchesMPS {
		mps ^= 0x80
	}
	return mps | s.lps
}

// next returns the next byte of the interval.
func (r *arithmetic) next() byte {
	if r.ended {
		return 0
	}
	if r.pos >= len(r.data) {
		r.past++
		return 0
	}
	b := r.data[r.pos]
	if b != 0xff {
		r.pos++
		return b
	}
	at := r.pos
	for at < len(r.data) && r.data[at] == 0xff {
		at++
	}
	switch {
	case at == len(r.data):
		r.pos = at
		return r.next()
	case r.data[at] == 0:
		r.pos = at + 1
		return 0xff
	}
	r.ended = true
	return 0
}

// spent reports whether the rest of an interval makes no sense. A marker is no such sign, since encoders leave out zeros in front of it.
func (r *arithmetic) spent() bool {
	const readAhead = 4
	return r.bad || r.past > readAhead
}

// magnitude decodes the size category and the bits of a number (T.81, figures F.23 and F.24). x is the place of the statistics of the categories,
// first those of the number whose category m begins with.
func (r *arithmetic) magnitude(st []uint8, x, m int) (v, category int, ok bool) {
	for r.bit(&st[x]) == 1 {
		if m <<= 1; m == 0x8000 {
			r.bad = true
			return 0, 0, false
		}
		x++
	}
	return r.rest(st, x, m), m, true
}

// rest decodes the bits below the highest one.
func (r *arithmetic) rest(st []uint8, x, m int) int {
	const bits = 14 // from the statistics of a category to those of its bits
	v := m
	for m >>= 1; m > 0; m >>= 1 {
		if r.bit(&st[x+bits]) == 1 {
			v |= m
		}
	}
	return v
}

// arithmeticMean decodes the difference of a block's first coefficient (T.81, F.1.4.4.1).
func (d *decoder) arithmeticMean(c *component) {
	r := &d.arith
	st := r.dc[c.td][:]
	at := c.context
	if r.bit(&st[at]) == 0 {
		c.context = 0
		return
	}
	sign := r.bit(&st[at+1])
	const x1 = 20 // T.81, table F.4
	m, v := r.bit(&st[at+2+sign]), 0
	if m != 0 {
		var ok bool
		if v, m, ok = r.magnitude(st, x1, m); !ok {
			return
		}
	} // else it is 1
	switch low, high := 1<<d.conditions.low[c.td]>>1, 1<<d.conditions.high[c.td]>>1; {
	case m < low:
		c.context = 0
	case m > high:
		c.context = 12 + 4*sign
	default:
		c.context = 4 + 4*sign
	}
	if v++; sign == 1 {
		v = -v
	}
	c.dc += int32(v)
}

// arithmeticRest decodes the coefficients from one position to another for the first time (T.81, F.1.4.4.2).
func (d *decoder) arithmeticRest(c *component, b *[64]int16, from, to int, low uint) {
	r := &d.arith
	st := r.ac[c.ta][:]
	for k := from; k <= to; k++ {
		at := 3 * (k - 1)
		if r.bit(&st[at]) == 1 { // the end of the block
			return
		}
		for r.bit(&st[at+1]) == 0 {
			at += 3
			if k++; k > to {
				r.bad = true
				return
			}
		}
		sign := r.bit(&r.fixed)
		v := r.bit(&st[at+2])
		if v == 1 && r.bit(&st[at+2]) == 1 {
			const small, large = 189, 217 // T.81, table F.5
			x := large
			if k <= int(d.conditions.ac[c.ta]) {
				x = small
			}
			var ok bool
			if v, _, ok = r.magnitude(st, x, 2); !ok {
				return
			}
		}
		if v++; sign == 1 {
			v = -v
		}
		b[zigzag[k&127]] = int16(v << low)
	}
}

// arithmeticRefine decodes one more bit of coefficients (T.81, G.1.3.3).
func (d *decoder) arithmeticRefine(c *component, b *[64]int16, sc *scan) {
	r := &d.arith
	st := r.ac[c.ta][:]
	one := int16(1) << sc.low
	last := sc.to // the end of the block in earlier scans
	for last > 0 && b[zigzag[last]] == 0 {
		last--
	}
	for k := sc.from; k <= sc.to; k++ {
		at := 3 * (k - 1)
		if k > last && r.bit(&st[at]) == 1 {
			return
		}
		for {
			v := &b[zigzag[k&127]]
			if *v != 0 {
				if r.bit(&st[at+2]) == 1 {
					if *v < 0 {
						*v -= one
					} else {
						*v += one
					}
				}
				break
			}
			if r.bit(&st[at+1]) == 1 {
				if *v = one; r.bit(&r.fixed) == 1 {
					*v = -one
				}
				break
			}
			at += 3
			if k++; k > sc.to {
				r.bad = true
				return
			}
		}
	}
}

// arithmeticBlock decodes a scan's part of a block. Coefficients are collected until all scans are read.
func (d *decoder) arithmeticBlock(sc *scan, c *component, index int) {
	size := c.coefficients()
	b := c.coef[index*size : index*size+size]
	switch {
	case !d.head.Progressive:
		d.arithmeticMean(c)
		b[0] = int16(c.dc)
		var unused [64]int16
		all := &unused
		if size == 64 {
			all = (*[64]int16)(b)
		}
		d.arithmeticRest(c, all, 1, 63, 0)
	case sc.from == 0 && sc.high == 0:
		d.arithmeticMean(c)
		b[0] = int16(c.dc << sc.low)
	case sc.from == 0:
		if d.arith.bit(&d.arith.fixed) == 1 {
			b[0] |= 1 << sc.low
		}
	case sc.high == 0:
		d.arithmeticRest(c, (*[64]int16)(b), sc.from, sc.to, sc.low)
	default:
		d.arithmeticRefine(c, (*[64]int16)(b), sc)
	}
}
