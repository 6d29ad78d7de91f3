//go:build !amd64 && !arm64

package flat

const (
	kernelStep = 1
	haveKernel = false
)

func kernel(*float32, *byte, *float32, int, int, int) { panic("there is no kernel for this processor") }
