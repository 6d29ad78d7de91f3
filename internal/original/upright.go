package original

// upright turns a stored plane by EXIF's orientation, 1 to 8, and returns the offset in it of the grid of 8 x 8 blocks, which begins at the
// corner of the stored plane.
func (p plane) upright(orientation int) (out plane, gridX, gridY int) {
	if orientation <= 1 || orientation > 8 {
		return p, 0, 0
	}
	out = plane{p.w, p.h, make([]byte, len(p.pix))}
	turned := orientation >= 5
	if turned {
		out.w, out.h = p.h, p.w
	}
	for y := range out.h {
		for x := range out.w {
			u, v := x, y // in the stored plane
			if turned {
				u, v = y, x
			}
			switch orientation {
			case 2, 3, 7, 8:
				u = p.w - 1 - u
			}
			switch orientation {
			case 3, 4, 6, 7:
				v = p.h - 1 - v
			}
			out.pix[y*out.w+x] = p.pix[v*p.w+u]
		}
	}
	across, down := 0, 0 // in the stored plane's directions
	switch orientation {
	case 2, 3, 7, 8:
		across = p.w % 8
	}
	switch orientation {
	case 3, 4, 6, 7:
		down = p.h % 8
	}
	if turned {
		return out, down, across
	}
	return out, across, down
}
