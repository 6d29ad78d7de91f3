package ocr

import "github.com/imgsearch/imgsearch/embed/decode"

// Stored returns a picture that is stored in the given orientation.
func Stored(columns, rows, orientation int, row func(y int, rgb []byte)) *decode.Image {
	return decode.NewImage(columns, rows, orientation, row)
}
