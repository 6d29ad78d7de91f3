package flat

import "golang.org/x/sys/cpu"

// kernelStep must divide the number of dimensions.
const kernelStep = 32

// F16C has no flag in the cpu package; every processor with AVX2 and FMA has it (Intel from Haswell, AMD from Zen and
// Excavator on).
var haveKernel = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// kernel is dots for m rows of dim numbers.
//
//go:noescape
func kernel(dst *float32, rows *byte, q *float32, m, dim, stride int)
