package tiff

import "encoding/binary"

// undoPredictor adds to each sample the one before it (TIFF 6.0, section 14).
func (d *decoder) undoPredictor() error {
	if d.predictor == 1 || d.predictor == 0 {
		return nil
	}
	if d.compression != lzwCode && d.compression != deflate && d.compression != oldDeflate && d.compression != zstandard {
		return nil
	}
	step := d.samples / d.planes()
	switch {
	case d.predictor == floatDifferences && d.format == float:
		d.undoFloatDifferences(step)
	case d.predictor != 2:
		return unsupported("predictor %d", d.predictor)
	case d.bits == 8:
		for i := step; i < len(d.row); i++ {
			d.row[i] += d.row[i-step]
		}
	case d.bits == 16:
		for i := 2 * step; i+1 < len(d.row); i += 2 {
			d.order.PutUint16(d.row[i:], d.order.Uint16(d.row[i:])+d.order.Uint16(d.row[i-2*step:]))
		}
	case d.bits == 32:
		for i := 4 * step; i+3 < len(d.row); i += 4 {
			d.order.PutUint32(d.row[i:], d.order.Uint32(d.row[i:])+d.order.Uint32(d.row[i-4*step:]))
		}
	default:
		return unsupported("predictor 2 with %d bits per sample", d.bits)
	}
	return nil
}

// floatDifferences is the predictor of floating point numbers.
const floatDifferences = 3

// undoFloatDifferences undoes the predictor of floating point numbers (Adobe Photoshop TIFF Technical Note 3): a row has the most significant
// bytes of all numbers first, then the next ones, and so on, and of all bytes the differences.
func (d *decoder) undoFloatDifferences(step int) {
	for i := step; i < len(d.row); i++ {
		d.row[i] += d.row[i-step]
	}
	size := d.bits / 8
	n := len(d.row) / size
	d.mixed = append(d.mixed[:0], d.row...)
	for i := range n {
		for b := range size {
			at := size*i + b
			if d.order == binary.LittleEndian {
				at = size*i + size - 1 - b
			}
			d.row[at] = d.mixed[b*n+i]
		}
	}
}
