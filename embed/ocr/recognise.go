package ocr

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

const (
	lineHeight = 48 // of the recogniser's input
	leastWidth = 16
	mostWidth  = 3200
	// batchColumns bounds the columns of a batch, and so its memory; larger batches are no faster.
	batchColumns = 1600
)

var recogniserInput = newNormalisation([3]float32{.5, .5, .5}, [3]float32{.5, .5, .5})

// columns returns the width of a line at the recogniser's height.
func (b Box) columns() int {
	return min(max(int(math.Ceil(lineHeight*b.Length/b.Height)), leastWidth), mostWidth)
}

// recognise reads boxes. It returns their lines in the same order.
func (r *Reader) recognise(p *pyramid, boxes []Box) ([]Line, error) {
	lines := make([]Line, len(boxes))
	order := make([]int, len(boxes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(boxes[a].columns(), boxes[b].columns()) })
	for len(order) > 0 {
		// Lines of about the same width share a batch: narrower ones are padded.
		n, first := 1, boxes[order[0]].columns()
		for n < len(order) {
			if w := boxes[order[n]].columns(); (n+1)*w > batchColumns || w > first*5/4+32 {
				break
			}
			n++
		}
		if err := r.batch(p, boxes, order[:n], lines); err != nil {
			return nil, fmt.Errorf("read text: %w", err)
		}
		order = order[n:]
	}
	return lines, nil
}

// batch reads the boxes with the given numbers, the last one of which is the widest.
func (r *Reader) batch(p *pyramid, boxes []Box, which []int, lines []Line) error {
	stride := (boxes[which[len(which)-1]].columns() + 7) / 8 * 8
	size := 3 * lineHeight * stride
	data := make([]float32, size*len(which)) // the padding is 0, a mid grey
	for k, i := range which {
		b := boxes[i]
		across := b.across()
		right, down := Point{b.Along.X * b.Length, b.Along.Y * b.Length}, Point{across.X * b.Height, across.Y * b.Height}
		corner := Point{b.Center.X - (right.X+down.X)/2, b.Center.Y - (right.Y+down.Y)/2}
		p.sample(corner, right, down, b.columns(), lineHeight, stride, data[k*size:], recogniserInput)
	}
	return run(r.recogniser, ort.NewShape(int64(len(which)), 3, lineHeight, int64(stride)), data, func(values []float32, shape ort.Shape) error {
		if len(shape) != 3 || int(shape[0]) != len(which) || int(shape[2]) != len(r.characters) {
			return fmt.Errorf("%w: the recogniser returned %v, want %d lines of %d classes", ErrModel, shape, len(which), len(r.characters))
		}
		steps, classes := int(shape[1]), int(shape[2])
		for k, i := range which {
			lines[i] = r.text(values[k*steps*classes:][:steps*classes], classes)
			lines[i].Box = boxes[i]
		}
		return nil
	})
}

// text decodes probabilities of classes, step by step: the most probable class of each step, without repetitions and blanks (greedy decoding of
// connectionist temporal classification: A. Graves et al., 2006, 3.2).
func (r *Reader) text(probability []float32, classes int) (l Line) {
	var text strings.Builder
	n, last := 0, 0
	for ; len(probability) >= classes; probability = probability[classes:] {
		best := 0
		for i, p := range probability[:classes] {
			if p > probability[best] {
				best = i
			}
		}
		if best != last && best != 0 {
			text.WriteString(r.characters[best])
			l.Score += probability[best]
			n++
		}
		last = best
	}
	if n > 0 {
		l.Score /= float32(n)
	}
	l.Text = text.String()
	return l
}
