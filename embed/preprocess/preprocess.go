package preprocess

import "github.com/imgsearch/imgsearch/embed/decode"

// Tensor writes one picture as the tower's input: 3 planes (R, G, B) of Height x Width, normalised, into dst of
// TensorLen values. Safe for concurrent use.
func (c Config) Tensor(img *decode.Image, dst []float32) {
	var table [3][256]float32
	for ch := range table {
		for v := range table[ch] {
			table[ch][v] = (float32(v)/255 - c.Mean[ch]) / c.Std[ch]
		}
	}
	plane := c.Height * c.Width
	dst = dst[:3*plane]
	for ch := range 3 {
		p := dst[ch*plane : (ch+1)*plane]
		for i := range p {
			p[i] = table[ch][c.Fill[ch]]
		}
	}
	c.each(img, func(i int, rgb []byte) {
		dst[i] = table[0][rgb[0]]
		dst[plane+i] = table[1][rgb[1]]
		dst[2*plane+i] = table[2][rgb[2]]
	})
}

// Pixels returns the tower's input before normalisation: Height x Width RGB bytes.
func (c Config) Pixels(img *decode.Image) []byte {
	out := make([]byte, 3*c.Height*c.Width)
	for i := range out {
		out[i] = c.Fill[i%3]
	}
	c.each(img, func(i int, rgb []byte) { copy(out[3*i:3*i+3], rgb) })
	return out
}

// each calls put with the index of every input pixel that the picture covers, row by row, and its colour. The
// picture is resized as it is stored; only the small result is turned upright.
func (c Config) each(img *decode.Image, put func(i int, rgb []byte)) {
	o := exifOrientation(img.Orientation)
	w, h := Upright(img.Width, img.Height, img.Orientation)
	l := c.layout(w, h)
	resizedW, resizedH, x0, y0, ww, wh := o.stored(l)
	k := c.Filter.kernel()
	s := scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer scratches.Put(s)
	resample(s, img.Columns, img.Row, newTaps(img.ExtentX, img.Columns, resizedW, x0, ww, k), newTaps(img.ExtentY, img.Rows, resizedH, y0, wh, k))
	// Step through the stored result in the order of upright rows.
	stepX, stepY := 3, 3*ww
	if o.transpose {
		stepX, stepY = stepY, stepX
	}
	start := 0
	if o.flipX {
		start += (l.cropW - 1) * stepX
		stepX = -stepX
	}
	if o.flipY {
		start += (l.cropH - 1) * stepY
		stepY = -stepY
	}
	for y := range l.cropH {
		at := start + y*stepY
		i := (l.padY+y)*c.Width + l.padX
		for x := range l.cropW {
			put(i+x, s.out[at:at+3:at+3])
			at += stepX
		}
	}
}
