// Package machine reports what a run depends on besides its own files: the system, the processor, drivers, and the kind of session
// that the process runs in. It only reads: it changes nothing and loads no library. It must not know what depends on it.
package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// System names the operating system and its release: a model that was compiled for another one is not trusted.
func System() string { return runtime.GOOS + "/" + runtime.GOARCH + " " + release() }

// Boot returns a name for the current boot of the machine, "" if the platform does not report it.
func Boot() string { return boot() }

// Processor returns the processor's name, "" if it is unknown.
func Processor() string { return readProcessor() }

// readProcessor reads the name only once: the system's answer is long on machines with many cores.
var readProcessor = sync.OnceValue(func() string { return strings.Join(strings.Fields(processor()), " ") })

// Drivers returns a fingerprint of the graphics drivers that a provider may use. It changes when one is installed, updated, or chosen
// by the environment.
func Drivers() string {
	h := sha256.New()
	for _, name := range driverVariables {
		fmt.Fprintf(h, "%s=%s\n", name, os.Getenv(name))
	}
	for _, path := range driverFiles() {
		if info, err := os.Stat(path); err == nil {
			if info.Mode().IsRegular() {
				fmt.Fprintf(h, "%s %d %d\n", path, info.Size(), info.ModTime().Unix())
			} else {
				fmt.Fprintf(h, "%s %v\n", path, info.Mode())
			}
		}
	}
	groups, _ := os.Getgroups() // if this fails, the hash is still the same every time
	fmt.Fprintf(h, "%d %v\n", os.Getuid(), groups)
	fmt.Fprintf(h, "%s\n", NVIDIA())
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// driverVariables are the environment variables that choose drivers (for Vulkan's loader) and devices (for CUDA).
var driverVariables = []string{"VK_ICD_FILENAMES", "VK_DRIVER_FILES", "CUDA_VISIBLE_DEVICES"}

func driverFiles() []string {
	files := VulkanDrivers()
	if runtime.GOOS == "linux" {
		nodes, _ := filepath.Glob("/dev/dri/render*") // the pattern is a constant
		files = append(append(files, CUDALibraries()...), nodes...)
	}
	return files
}

// CUDALibraries returns the paths of NVIDIA's user-space library (libcuda) in the system's library folders.
func CUDALibraries() []string {
	var files []string
	for _, dir := range []string{"/usr/lib/*", "/usr/lib64", "/usr/lib", "/usr/lib/wsl/lib", "/usr/local/nvidia/lib64"} {
		found, _ := filepath.Glob(filepath.Join(dir, "libcuda.so.*")) // the patterns are constants
		files = append(files, found...)
	}
	return files
}

// VulkanDrivers returns the manifests of the Vulkan drivers that the Vulkan loader will read.
func VulkanDrivers() []string {
	for _, name := range []string{"VK_DRIVER_FILES", "VK_ICD_FILENAMES"} {
		if list := filepath.SplitList(os.Getenv(name)); len(list) > 0 {
			return list
		}
	}
	if runtime.GOOS != "linux" {
		return nil
	}
	var files []string
	for _, dir := range []string{"/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"} {
		found, _ := filepath.Glob(filepath.Join(dir, "*.json")) // the pattern is a constant
		files = append(files, found...)
	}
	slices.Sort(files)
	return files
}

// NVIDIA returns the version that NVIDIA's kernel driver reports, "" without a driver.
func NVIDIA() string {
	data, err := os.ReadFile("/proc/driver/nvidia/version")
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimPrefix(line, "NVRM version: ")
}
