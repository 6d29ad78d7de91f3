package flat

// kernelStep must divide the number of dimensions.
const kernelStep = 16

// Every arm64 processor converts half-precision numbers with NEON.
const haveKernel = true

// kernel is dots for m rows of dim numbers.
//
//go:noescape
func kernel(dst *float32, rows *byte, q *float32, m, dim, stride int)
