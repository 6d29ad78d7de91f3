package provider

import "strings"

// Cause explains a message of a provider, a driver or the system.
type Cause struct {
	// Text says what is wrong, for people; "": the message is not known.
	Text string
	// Hint is what to do.
	Hint Remedy
	// Absent reports whether the machine has no such device: nothing is broken.
	Absent bool
	// Missing reports whether the runtime library lacks the provider.
	Missing bool
}

// causes are the known messages, in lower case, the more specific first.
var causes = []struct {
	has string
	Cause
}{
	{"mtlcompilerservice", Cause{
		Text: "Metal's compiler service cannot be reached from this session",
		Hint: UseDesktopSession,
	}},
	{"no supported adapters", Cause{Text: "WebGPU finds no usable GPU", Hint: InstallVulkan, Absent: true}},
	{"failed to get a webgpu adapter", Cause{Text: "WebGPU finds no usable GPU", Hint: InstallVulkan, Absent: true}},
	{"no cuda-capable device", Cause{Text: "no NVIDIA GPU was found", Hint: PassGPUThrough, Absent: true}},
	{"libcuda.so.1: cannot open", Cause{Text: "NVIDIA's driver is not installed", Hint: InstallNVIDIADriver, Absent: true}},
	{"cuda driver version is insufficient", Cause{Text: "NVIDIA's driver is older than the CUDA libraries", Hint: UpdateDriver}},
	{"libcudart", Cause{Text: "the CUDA libraries are missing", Hint: InstallCUDA}},
	{"libcublas", Cause{Text: "the CUDA libraries are missing", Hint: InstallCUDA}},
	{"libcudnn", Cause{Text: "cuDNN is missing", Hint: InstallCUDNN}},
	{"not supported in this build", Cause{Text: "the runtime library does not have it", Hint: GiveBuildWithIt, Missing: true}},
	{"not enabled in this build", Cause{Text: "the runtime library does not have it", Hint: GiveBuildWithIt, Missing: true}},
	{"unknown provider name", Cause{Text: "the runtime library does not have it", Hint: GiveBuildWithIt, Missing: true}},
	{"coreml provider function", Cause{Text: "the runtime library does not have it", Hint: GiveBuildWithIt, Missing: true}},
	{"glibc_", Cause{Text: "the library was built for a newer system (glibc)", Hint: UseBundledLibrary}},
	{"glibcxx_", Cause{Text: "the library was built for a newer system (libstdc++)", Hint: UseBundledLibrary}},
	{"sigill", Cause{Text: "it uses instructions that this processor does not have", Hint: GiveOlderBuild}},
	{"out of memory", Cause{Text: "the device's memory is too small", Hint: FreeDeviceMemory}},
	{"operation not permitted", Cause{Text: "the system does not allow it", Hint: GrantFullDiskAccess}},
}

// Explain returns what is known about a message.
func Explain(message string) Cause {
	lower := strings.ToLower(message)
	for _, c := range causes {
		if strings.Contains(lower, c.has) {
			return c.Cause
		}
	}
	return Cause{}
}
