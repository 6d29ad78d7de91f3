package tiff

import (
	"io"
	"math"

	"github.com/x448/float16"
)

// float returns number i of the row. What is not a number counts as 0.
func (d *decoder) float(i int) float64 {
	var v float64
	switch d.bits {
	case 16:
		v = float64(float16.Frombits(d.order.Uint16(d.row[2*i:])).Float32())
	case 32:
		v = float64(math.Float32frombits(d.order.Uint32(d.row[4*i:])))
	case 64:
		v = math.Float64frombits(d.order.Uint64(d.row[8*i:]))
	}
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// unpackFloat fills samples8 from floating point numbers. L*a*b* has L* of 0 to 100, and a* and b* as they are.
func (d *decoder) unpackFloat() {
	step := d.samples / d.planes()
	for i := range d.samples8 {
		v := d.float(i)
		switch {
		case d.photometric != cieLab:
			v = v/d.top*255 + .5
		case step >= 3 && i%step == 0:
			v = v/100*255 + .5
		default:
			d.samples8[i] = byte(int8(min(max(math.Round(v), -128), 127)))
			continue
		}
		d.samples8[i] = byte(min(max(v, 0), 255))
	}
}

// findTop finds the number that is white. TIFF does not define it: most programs write 0 to 1, some 0 to 255 or to 65,535. A picture with a
// few highlights above one of these keeps it; if its largest number is more than twice as large, that is white.
func (d *decoder) findTop(data []byte) error {
	largest := 0.
	err := d.segments(data, func(data []byte, _, y, _ int) error {
		rows := min(d.segH, d.Height-y)
		in, err := d.expand(data)
		if err != nil {
			return ended(err)
		}
		for range rows {
			if _, err := io.ReadFull(in, d.row); err != nil {
				return ended(err)
			}
			if err := d.undoPredictor(); err != nil {
				return err
			}
			for i := range len(d.row) * 8 / d.bits {
				if v := d.float(i); v > largest && !math.IsInf(v, 0) {
					largest = v
				}
			}
		}
		return nil
	})
	d.top = largest
	for _, usual := range []float64{1, 255, 65535} {
		if largest <= 2*usual {
			d.top = usual
			break
		}
	}
	return err
}
