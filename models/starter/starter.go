// Package starter embeds the built-in model in the binary: a small dual encoder of our own in the
// OpenCLIP-ONNX layout, so that a first search needs no download. README.md in this folder gives its origin,
// licence and measured quality. The package only holds bytes and must not know what they mean;
// package models does.
package starter

import _ "embed"

// The files of the model. They are mapped with the binary: nothing is read or copied before use.
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
	// Calibration is the meaning of the model's scores (README.md).
	//go:embed calibration.json
	Calibration []byte
	// Reference holds PyTorch's results for some texts (ids, embeddings), which doctor compares with.
	//go:embed reference.json
	Reference []byte
	// Sums is the manifest: the SHA-256 of each file above, in the format of sha256sum. A test checks it.
	//go:embed SHA256SUMS
	Sums []byte
)
