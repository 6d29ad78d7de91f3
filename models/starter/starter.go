// Package starter carries the built-in model inside the binary: a small dual encoder of our own in the
// OpenCLIP-ONNX layout, so that a first search needs no download. README.md beside this file gives its origin,
// licence and measured quality. The package holds bytes only and must not know what they mean,
// which package models does.
package starter

import _ "embed"

// The files of the model. They are mapped with the binary: nothing is read or copied until it is used.
var (
	//go:embed config.json
	Config []byte
	//go:embed visual/model.onnx
	Visual []byte
	//go:embed visual/preprocess_cfg.json
	Preprocess []byte
	//go:embed textual/model.onnx
	Textual []byte
	//go:embed textual/tokenizer.json
	Tokenizer []byte
	//go:embed textual/tokenizer_config.json
	TokenizerConfig []byte
	// Calibration says what the model's scores mean (README.md).
	//go:embed calibration.json
	Calibration []byte
	// Reference holds what PyTorch answers on some texts (ids, embeddings); doctor compares with it.
	//go:embed reference.json
	Reference []byte
	// Sums is the manifest: SHA-256 of each file above, in the format of sha256sum. A test holds it true.
	//go:embed SHA256SUMS
	Sums []byte
)
