package models

import _ "embed" // the files of the text model

// The built-in text model, PP-OCRv6 tiny (models/ocr-tiny/README.md).
var (
	//go:embed ocr-tiny/det.onnx
	ocrDetector []byte
	//go:embed ocr-tiny/rec.onnx
	ocrRecogniser []byte
	//go:embed ocr-tiny/dict.txt
	ocrCharacters string
)

// TextModel is a model that finds and reads text in pictures.
type TextModel struct {
	// Detector and Recogniser are ONNX graphs.
	Detector, Recogniser []byte
	// Characters are the recogniser's classes between the blank and the space, one per line.
	Characters string
}

// BuiltinText returns the text model that is part of the program.
func BuiltinText() TextModel { return TextModel{ocrDetector, ocrRecogniser, ocrCharacters} }
