// Package provider describes where a tower can run, the processor and the accelerators: their options, what was measured
// for them on this machine, and which of them crashed. It must not know the native runtime.
package provider

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/embed/ortlib"
)

// Name is a provider's name.
type Name string

// The providers. Auto is the best one that works.
const (
	Auto   Name = "auto"
	CPU    Name = "cpu"
	CoreML Name = "coreml"
	CUDA   Name = "cuda"
	WebGPU Name = "webgpu"
)

// ErrMissing reports that this platform or the runtime library does not have a provider.
var ErrMissing = errors.New("the provider is not available")

// MissingError is ErrMissing with the provider's requirements and the library that lacks it.
type MissingError struct {
	Name           Name
	Needs, Library string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("provider %q is not available: it needs %s; the runtime library is %s", e.Name, e.Needs, e.Library)
}

// Unwrap returns ErrMissing.
func (e *MissingError) Unwrap() error { return ErrMissing }

// Parse parses a provider's name; "" is Auto.
func Parse(name string) (Name, error) {
	switch n := Name(name); n {
	case "":
		return Auto, nil
	case Auto, CPU, CoreML, CUDA, WebGPU:
		return n, nil
	}
	return "", fmt.Errorf("unknown provider %q", name)
}

// Definition describes a provider other than the processor.
type Definition struct {
	Name Name
	// Native is the runtime's name for it.
	Native string
	// Platforms are those that have it, as GOOS or GOOS/GOARCH.
	Platforms []string
	// Bundled are the platforms on which the runtime library inside the program has it.
	Bundled []string
	// Needs says what it requires, for people.
	Needs string
	// Files must be next to the runtime library, by GOOS; none: the provider is inside the library or not available.
	Files map[string]string
	// Options are the native options that never change.
	Options map[string]string
	// Variants are settings, the best of which is found by measuring; the one to start with comes first.
	Variants []Variant
	// Batches are the batch sizes that are measured; the one to start with comes first. All shapes are static: the graph is
	// written with the batch size, and the last batch is filled up.
	Batches []int
	// CacheOption is the native option for the folder of compiled models; "": it keeps none.
	CacheOption string
}

// Variant is one setting of a provider.
type Variant struct {
	Name    string
	Options map[string]string
}

// definitions lists the providers, the preferred one first.
//
// Batches were chosen without a GPU at hand; warmup measures them. The canary takes a row of each: 6 % of 16.
//
// CoreML's options: https://onnxruntime.ai/docs/execution-providers/CoreML-ExecutionProvider.html. MLProgram is the format
// that has the operations of a transformer; the Neural Engine needs static shapes.
var definitions = []Definition{
	{
		Name: CoreML, Native: "CoreML", Platforms: []string{"darwin"}, Bundled: []string{"darwin"},
		Needs:   "macOS 12 or later; a session that reaches Metal's compiler for the GPU",
		Options: map[string]string{"ModelFormat": "MLProgram", "RequireStaticInputShapes": "1"},
		Variants: []Variant{
			{"ALL", map[string]string{"MLComputeUnits": "ALL"}},
			{"CPUAndGPU", map[string]string{"MLComputeUnits": "CPUAndGPU"}},
			{"CPUAndNeuralEngine", map[string]string{"MLComputeUnits": "CPUAndNeuralEngine"}},
		},
		Batches: []int{16, 8, 32}, CacheOption: "ModelCacheDirectory",
	},
	{
		Name: CUDA, Native: "CUDA", Platforms: []string{"linux/amd64", "linux/arm64", "windows/amd64"},
		Needs:    "an NVIDIA GPU with its driver, CUDA 12 and cuDNN 9, and ONNX Runtime's GPU build",
		Files:    map[string]string{"linux": "libonnxruntime_providers_cuda.so", "windows": "onnxruntime_providers_cuda.dll"},
		Options:  map[string]string{"device_id": "0", "arena_extend_strategy": "kSameAsRequested"},
		Variants: []Variant{{}}, Batches: []int{32, 16, 64},
	},
	{
		Name: WebGPU, Native: "WebGPU", Platforms: []string{"linux", "windows", "darwin"},
		Needs:    "a GPU with Vulkan, Direct3D 12 or Metal, and a build of ONNX Runtime with WebGPU",
		Variants: []Variant{{}}, Batches: []int{16, 8, 32},
	},
}

// Accelerators returns the providers of a platform besides the processor, the preferred one first.
func Accelerators(goos, goarch string) []Definition {
	var list []Definition
	for _, d := range definitions {
		if d.isOn(d.Platforms, goos, goarch) {
			list = append(list, d)
		}
	}
	return list
}

// Of returns a provider's definition.
func Of(n Name) (Definition, bool) {
	for _, d := range definitions {
		if d.Name == n {
			return d, true
		}
	}
	return Definition{}, false
}

// Titled returns the provider's name as its makers write it.
func (n Name) Titled() string {
	if d, ok := Of(n); ok {
		return d.Native
	}
	return strings.ToUpper(string(n))
}

func (d Definition) isOn(platforms []string, goos, goarch string) bool {
	return slices.Contains(platforms, goos) || slices.Contains(platforms, goos+"/"+goarch)
}

// MayBeIn reports whether a runtime library may have the provider, as far as the files show; only loading it tells for certain.
func (d Definition) MayBeIn(l ortlib.Library) bool {
	if l.IsBundled() {
		return d.isOn(d.Bundled, runtime.GOOS, runtime.GOARCH)
	}
	if name, ok := d.Files[runtime.GOOS]; ok {
		_, err := os.Stat(filepath.Join(filepath.Dir(l.Path), name))
		return err == nil
	}
	return true
}

// Variant returns a setting by its name; the first one if there is none of that name.
func (d Definition) Variant(name string) Variant {
	for _, v := range d.Variants {
		if v.Name == name {
			return v
		}
	}
	return d.Variants[0]
}

// NativeOptions returns the runtime's options, with the cache folder if the provider uses one.
func (d Definition) NativeOptions(variant, cache string) map[string]string {
	options := make(map[string]string)
	for _, from := range []map[string]string{d.Options, d.Variant(variant).Options} {
		for name, value := range from {
			options[name] = value
		}
	}
	if d.CacheOption != "" && cache != "" {
		options[d.CacheOption] = cache
	}
	return options
}
