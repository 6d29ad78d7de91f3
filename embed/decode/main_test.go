package decode_test

import (
	"os"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/decode/native"
)

// TestMain is also the child process that decodes with the system's libraries.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == native.Command {
		libraries := decode.Libraries()
		libraries["crashes"] = native.Library{
			Version: func() (string, error) { return "1", nil },
			Decode:  func(native.Job) (native.Picture, error) { os.Exit(2); return native.Picture{}, nil },
		}
		if err := native.Serve(os.Stdin, os.Stdout, libraries, func() { os.Exit(3) }); err != nil { //nolint:forbidigo // here it is a program
			os.Exit(1)
		}
		os.Exit(0)
	}
	if self, err := os.Executable(); err == nil {
		decode.UseChildren(self, native.Command)
	}
	os.Exit(m.Run())
}
