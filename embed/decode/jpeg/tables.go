package jpeg

import "fmt"

// Quantisation holds the quantisation tables of the first component, usually luminance, and of the last one, in natural order.
type Quantisation struct{ Luma, Chroma [64]int }

// ReadQuantisation reads a file up to its first scan; data may end there. Errors wrap ErrFormat or ErrUnsupported.
func ReadQuantisation(data []byte) (Quantisation, error) {
	d := &decoder{bits: bits{data: data}}
	if len(data) < 4 || data[0] != 0xff || data[1] != soi {
		return Quantisation{}, fmt.Errorf("%w: no JPEG marker at the beginning", ErrFormat)
	}
	d.pos = 2
	for {
		marker, payload, ok := d.segment()
		switch {
		case !ok || marker == eoi:
			return Quantisation{}, fmt.Errorf("%w: no scan", ErrFormat)
		case marker == sos:
			return d.quantisation()
		case marker == dqt:
			if err := d.readQuantisation(payload); err != nil {
				return Quantisation{}, err
			}
		case isFrame(marker):
			head, err := readFrame(marker, payload)
			if err != nil {
				return Quantisation{}, err
			}
			d.head = head
		}
	}
}

func (d *decoder) quantisation() (q Quantisation, err error) {
	comps := d.head.comps
	if len(comps) == 0 {
		return q, fmt.Errorf("%w: no frame header", ErrFormat)
	}
	luma, chroma := &d.quant[comps[0].tq&3], &d.quant[comps[len(comps)-1].tq&3]
	for i := range 64 {
		q.Luma[zigzag[i]], q.Chroma[zigzag[i]] = int(luma[i]), int(chroma[i])
	}
	return q, nil
}
