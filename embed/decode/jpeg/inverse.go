package jpeg

import "encoding/binary"

// sample adds 128 to a value and clamps it to 0..255.
func sample(v int32) uint8 {
	v += 128
	if uint32(v) > 255 {
		return uint8(^(v >> 31))
	}
	return uint8(v)
}

func flat8(v uint8, out []byte, stride int) {
	row := uint64(v) * 0x0101010101010101
	for y := range 8 {
		binary.LittleEndian.PutUint64(out[y*stride:], row)
	}
}

// The inverse cosine transforms work in fixed point. inverse8 is the factorisation of Loeffler, Ligtenberg and Moschytz
// ("Practical fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989), with 13 bits of fraction, 2 of which are kept
// between the passes. The usual decoders have the same precision, so the pixels match theirs. The constants are
// cosines and their sums, times 1<<13.
const (
	fraction = 13
	between  = 2

	cos6Root2       = 4433  // sqrt(2)*cos(6*pi/16)
	cos2MinusCos6   = 6270  // sqrt(2)*(cos(2*pi/16)-cos(6*pi/16))
	cos2PlusCos6    = 15137 // sqrt(2)*(cos(2*pi/16)+cos(6*pi/16))
	cos3Root2       = 9633  // sqrt(2)*cos(3*pi/16)
	odd7            = 2446  // sqrt(2)*(-c1+c3+c5-c7)
	odd5            = 16819 // sqrt(2)*( c1+c3-c5+c7)
	odd3            = 25172 // sqrt(2)*( c1+c3+c5-c7)
	odd1            = 12299 // sqrt(2)*( c1+c3-c5-c7)
	sum17           = 7373  // sqrt(2)*(c3-c7)
	sum35           = 20995 // sqrt(2)*(c1+c3)
	sum37           = 16069 // sqrt(2)*(c3+c5)
	sum15           = 3196  // sqrt(2)*(c3-c5)
	halfFirst       = 1 << (fraction - between - 1)
	halfSecond      = 1 << (fraction + between + 3 - 1)
	shiftFirstPass  = fraction - between
	shiftSecondPass = fraction + between + 3
)

// inverse1D transforms eight values. The results still have to be shifted; half, which rounds that shift, is already added.
func inverse1D(s0, s1, s2, s3, s4, s5, s6, s7, half int32) (r0, r1, r2, r3, r4, r5, r6, r7 int32) {
	z := (s2 + s6) * cos6Root2
	e2, e3 := z-s6*cos2PlusCos6, z+s2*cos2MinusCos6
	e0, e1 := (s0+s4)<<fraction+half, (s0-s4)<<fraction+half
	a0, a3 := e0+e3, e0-e3
	a1, a2 := e1+e2, e1-e2

	z1, z2, z3, z4 := s7+s1, s5+s3, s7+s3, s5+s1
	z5 := (z3 + z4) * cos3Root2
	z1, z2 = -z1*sum17, -z2*sum35
	z3, z4 = z5-z3*sum37, z5-z4*sum15
	b0 := s7*odd7 + z1 + z3
	b1 := s5*odd5 + z2 + z4
	b2 := s3*odd3 + z2 + z3
	b3 := s1*odd1 + z1 + z4
	return a0 + b3, a1 + b2, a2 + b1, a3 + b0, a3 - b0, a2 - b1, a1 - b2, a0 - b3
}

// inverse8 transforms a block, columns first, and writes 8 x 8 samples.
func inverse8(b *[64]int32, out []byte, stride int) {
	for x := range 8 {
		c := b[x : x+57]
		if c[8]|c[16]|c[24]|c[32]|c[40]|c[48]|c[56] == 0 {
			v := c[0] << between
			c[0], c[8], c[16], c[24], c[32], c[40], c[48], c[56] = v, v, v, v, v, v, v, v
			continue
		}
		r0, r1, r2, r3, r4, r5, r6, r7 := inverse1D(c[0], c[8], c[16], c[24], c[32], c[40], c[48], c[56], halfFirst)
		c[0], c[8], c[16], c[24] = r0>>shiftFirstPass, r1>>shiftFirstPass, r2>>shiftFirstPass, r3>>shiftFirstPass
		c[32], c[40], c[48], c[56] = r4>>shiftFirstPass, r5>>shiftFirstPass, r6>>shiftFirstPass, r7>>shiftFirstPass
	}
	for y := range 8 {
		c := b[8*y : 8*y+8 : 8*y+8]
		o := out[y*stride : y*stride+8 : y*stride+8]
		r0, r1, r2, r3, r4, r5, r6, r7 := inverse1D(c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], halfSecond)
		o[0], o[1], o[2], o[3] = sample(r0>>shiftSecondPass), sample(r1>>shiftSecondPass), sample(r2>>shiftSecondPass), sample(r3>>shiftSecondPass)
		o[4], o[5], o[6], o[7] = sample(r4>>shiftSecondPass), sample(r5>>shiftSecondPass), sample(r6>>shiftSecondPass), sample(r7>>shiftSecondPass)
	}
}

// Cosines of the transform of four points, times 1<<13.
const (
	cos1of8 = 7568 // cos(pi/8)
	cos3of8 = 3135 // cos(3*pi/8)
	root2   = 5793 // cos(pi/4)
)

// inverse4 transforms the 4 x 4 lowest coefficients and writes 4 x 4 samples: the block without its upper half of
// frequencies, at half its size.
func inverse4(b *[64]int32, out []byte, stride int) {
	var t [16]int32
	for x := range 4 {
		f0, f1, f2, f3 := b[x], b[8+x], b[16+x], b[24+x]
		e0, e1 := (f0+f2)*root2+512, (f0-f2)*root2+512
		o0, o1 := f1*cos1of8+f3*cos3of8, f1*cos3of8-f3*cos1of8
		t[x], t[12+x], t[4+x], t[8+x] = (e0+o0)>>10, (e0-o0)>>10, (e1+o1)>>10, (e1-o1)>>10
	}
	for y := range 4 {
		f0, f1, f2, f3 := t[4*y], t[4*y+1], t[4*y+2], t[4*y+3]
		e0, e1 := (f0+f2)*root2+1<<17, (f0-f2)*root2+1<<17
		o0, o1 := f1*cos1of8+f3*cos3of8, f1*cos3of8-f3*cos1of8
		o := out[y*stride : y*stride+4 : y*stride+4]
		o[0], o[1], o[2], o[3] = sample((e0+o0)>>18), sample((e1+o1)>>18), sample((e1-o1)>>18), sample((e0-o0)>>18)
	}
}

// inverse2 does the same with the 2 x 2 lowest coefficients.
func inverse2(b *[64]int32, out []byte, stride int) {
	a, c, e, f := b[0]+b[1]+4, b[0]-b[1]+4, b[8]+b[9], b[8]-b[9]
	out[0], out[1] = sample((a+e)>>3), sample((c+f)>>3)
	out = out[stride : stride+2 : stride+2]
	out[0], out[1] = sample((a-e)>>3), sample((c-f)>>3)
}
