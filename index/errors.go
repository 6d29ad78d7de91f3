package index

import "fmt"

// Verdict is what a file turned out to be, where its content is to blame for an error.
type Verdict int

// The verdicts.
const (
	Broken      Verdict = iota // a picture, at least by its name, that cannot be read
	NotPicture                 // something else
	Unsupported                // a picture in an unsupported format
)

// ContentError is an error that the file's own bytes are to blame for.
type ContentError struct {
	Verdict Verdict
	Err     error
}

func (e *ContentError) Error() string { return e.Err.Error() }
func (e *ContentError) Unwrap() error { return e.Err }

// TooLargeError is a picture with more pixels than the run's limit.
type TooLargeError struct {
	Width, Height int
	Limit         int64 // in pixels
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%d x %d pixels are more than the limit of %d", e.Width, e.Height, e.Limit)
}

// NoMemoryError is a picture that takes more memory than the run has for pictures.
type NoMemoryError struct{ Need, Have int64 } // in bytes

func (e *NoMemoryError) Error() string {
	return fmt.Sprintf("not enough memory: reading it takes %d MB, but only %d MB are available for pictures", e.Need>>20, e.Have>>20)
}
