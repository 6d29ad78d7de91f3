package embed

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/cpu"

	"github.com/imgsearch/imgsearch/embed/quantize"
)

// Precision is the arithmetic that a model's vectors are computed with.
type Precision string

// The precisions. Int8 computes the vision tower's matrix products in integers (package quantize); the text tower,
// which a search runs once, stays in float32.
const (
	FP32 Precision = "fp32"
	Int8 Precision = "int8"
)

// ParsePrecision parses a precision's name.
func ParsePrecision(name string) (Precision, error) {
	switch p := Precision(name); p {
	case FP32, Int8:
		return p, nil
	}
	return "", fmt.Errorf("unknown precision %q", name)
}

// hasIntegerDot reports whether the processor adds four products of 8-bit integers in 32 bits (VNNI on x86, the dot
// product on ARM). Without it pairs of products are added in 16 bits, and weights must fit into 7 bits.
func hasIntegerDot() bool {
	switch runtime.GOARCH {
	case "amd64":
		return cpu.X86.HasAVX512VNNI || cpu.X86.HasAVXVNNI
	case "arm64":
		return cpu.ARM64.HasASIMDDP || runtime.GOOS == "darwin"
	}
	return false
}

// quantizeOptions returns the options for this machine's processor.
func quantizeOptions() quantize.Options { return quantize.Options{ReduceRange: !hasIntegerDot()} }

// recipe describes how a precision's numbers are computed. It is part of the identity.
func (p Precision) recipe() string {
	if p != Int8 {
		return string(p)
	}
	text := fmt.Sprintf("%s %d", p, quantize.Version)
	if quantizeOptions().ReduceRange {
		text += " reduce_range"
	}
	return text
}
