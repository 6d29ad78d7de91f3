package pixel

// Reduce returns a picture's rows of RGB, where each pixel is the mean of scale x scale pixels; those in the last column and row may stand for
// fewer. channels is 3, or 4 with alpha, which is blended with white.
func Reduce(width, height, channels, scale int, row func(y int) []byte) []byte {
	columns, rows := (width+scale-1)/scale, (height+scale-1)/scale
	out := make([]byte, 0, 3*columns*rows)
	sums := make([]uint32, 3*columns)
	line := make([]byte, 3*width)
	for y := 0; y < height; y += scale {
		clear(sums)
		high := min(scale, height-y)
		for dy := range high {
			from := row(y + dy)
			if channels == 4 {
				blend(line, from)
				from = line
			}
			for x := range columns {
				var r, g, b uint32
				part := from[3*x*scale : min(3*(x+1)*scale, 3*width)]
				for i := 0; i+3 <= len(part); i += 3 {
					r, g, b = r+uint32(part[i]), g+uint32(part[i+1]), b+uint32(part[i+2])
				}
				s := sums[3*x : 3*x+3 : 3*x+3]
				s[0], s[1], s[2] = s[0]+r, s[1]+g, s[2]+b
			}
		}
		for i, sum := range sums {
			n := uint32(high * min(scale, width-i/3*scale))
			out = append(out, byte((sum+n/2)/n))
		}
	}
	return out
}

// blend writes RGBA as RGB on white.
func blend(rgb, rgba []byte) {
	for x := range len(rgba) / 4 {
		p := rgba[4*x : 4*x+4 : 4*x+4]
		for c := range 3 {
			rgb[3*x+c] = OnWhite(p[c], uint32(p[3]))
		}
	}
}
