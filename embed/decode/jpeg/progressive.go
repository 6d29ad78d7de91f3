package jpeg

// progressiveBlock decodes a scan's part of a block. Coefficients are collected in natural order until all scans are read.
func (d *decoder) progressiveBlock(sc *scan, c *component, index int) {
	size := c.coefficients()
	b := c.coef[index*size : index*size+size]
	switch {
	case sc.from == 0 && sc.high == 0:
		d.firstCoefficient(c)
		b[0] = int16(c.dc << sc.low)
	case sc.from == 0:
		if d.n < 8 {
			d.refill()
		}
		if d.take(1) != 0 {
			b[0] |= 1 << sc.low
		}
	case sc.high == 0:
		d.coefficientsFirst(&d.acTable[c.ta], (*[64]int16)(b), sc)
	default:
		d.coefficientsRefine(&d.acTable[c.ta], (*[64]int16)(b), sc)
	}
}

// coefficientsFirst reads coefficients for the first time (T.81, G.1.2.2).
func (d *decoder) coefficientsFirst(t *table, b *[64]int16, sc *scan) {
	if d.eobRun > 0 {
		d.eobRun--
		return
	}
	for k := sc.from; k <= sc.to; k++ {
		if d.n < 32 {
			d.refill()
		}
		e := t.look[d.acc>>(64-lookBits)]
		if e&valueInside != 0 {
			length := uint(e & 31)
			d.acc <<= length
			d.n -= length
			k += int(e>>12) & 15
			b[zigzag[k&127]] = int16(e>>16) << sc.low
			continue
		}
		s := d.symbol(t)
		run, size := uint(s>>4), uint(s&15)
		if size == 0 {
			if run < 15 {
				d.eobRun = 1<<run - 1 + int(d.take(run))
				return
			}
			k += 15
			continue
		}
		k += int(run)
		b[zigzag[k&127]] = int16(extend(d.take(size), size)) << sc.low
	}
}

// coefficientsRefine reads one more bit of coefficients (T.81, G.1.2.3): for each nonzero one, a bit that says whether
// it grows, and between them those that become nonzero.
func (d *decoder) coefficientsRefine(t *table, b *[64]int16, sc *scan) {
	one := int16(1) << sc.low
	k := sc.from
	if d.eobRun == 0 {
		for k <= sc.to {
			if d.n < 32 {
				d.refill()
			}
			s := d.symbol(t)
			run, size := int(s>>4), s&15
			var begins int16
			switch {
			case size == 0 && run < 15:
				d.eobRun = 1<<run + int(d.take(uint(run)))
			case size != 0:
				if begins = -one; d.take(1) != 0 {
					begins = one
				}
			}
			if d.eobRun > 0 {
				break
			}
			k = d.refineUntil(b, k, sc.to, one, run)
			if begins != 0 && k <= sc.to {
				b[zigzag[k&127]] = begins
			}
			k++
		}
	}
	if d.eobRun > 0 {
		d.refineUntil(b, k, sc.to, one, 64)
		d.eobRun--
	}
}

// refineUntil refines the nonzero coefficients from position k on, and returns the position after a run of zeros.
func (d *decoder) refineUntil(b *[64]int16, k, to int, one int16, run int) int {
	for ; k <= to; k++ {
		v := &b[zigzag[k&127]]
		if *v == 0 {
			if run == 0 {
				return k
			}
			run--
			continue
		}
		if d.n < 8 {
			d.refill()
		}
		if d.take(1) != 0 && *v&one == 0 {
			if *v > 0 {
				*v += one
			} else {
				*v -= one
			}
		}
	}
	return k
}

// reconstruct turns the collected coefficients into samples.
func (d *decoder) reconstruct() {
	for i := range d.comps {
		c := &d.comps[i]
		var q [64]int32
		for k, v := range d.quant[c.tq] {
			q[zigzag[k]] = v
		}
		size := c.coefficients()
		for y := range c.blocksY {
			for x := range c.blocksX {
				at := (y*c.blocksX + x) * size
				out := c.pix[(y*c.stride+x)*c.n:]
				if c.n == 1 {
					out[0] = sample((int32(c.coef[at])*q[0] + 4) >> 3)
					continue
				}
				transform((*[64]int16)(c.coef[at:]), &q, c.n, out, c.stride)
			}
		}
		c.coef = nil
	}
}

// transform dequantises the coefficients that n points need and transforms them.
func transform(coef *[64]int16, q *[64]int32, n int, out []byte, stride int) {
	var b [64]int32
	rest := int16(0) // the bits of all coefficients but the first
	for y := 0; y < 8*n; y += 8 {
		for x := y; x < y+n; x++ {
			b[x] = int32(coef[x]) * q[x]
			if x > 0 {
				rest |= coef[x]
			}
		}
	}
	switch {
	case n == 2:
		inverse2(&b, out, stride)
	case n == 4:
		inverse4(&b, out, stride)
	case rest == 0:
		flat8(sample((b[0]+4)>>3), out, stride)
	default:
		inverse8(&b, out, stride)
	}
}
