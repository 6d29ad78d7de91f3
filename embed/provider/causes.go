package provider

import "strings"

// Cause explains a message of a provider, a driver or the system.
type Cause struct {
	// Text says what is wrong, for people; "": the message is not known.
	Text string
	// Mend says what to do.
	Mend string
	// Absent tells that the machine has no such device: nothing is broken.
	Absent bool
	// Missing tells that the runtime library does not have the provider.
	Missing bool
}

// causes are messages that are known, in lower case, the more special first.
var causes = []struct {
	has string
	Cause
}{
	{"mtlcompilerservice", Cause{
		Text: "Metal's compiler service cannot be reached from this session",
		Mend: "run from a logged-in desktop session: a LaunchAgent for Aqua, not a LaunchDaemon, cron or ssh (docs/macos.md); the processor does the work meanwhile",
	}},
	{"no supported adapters", Cause{Text: "WebGPU finds no GPU that it can use", Mend: "install the GPU's Vulkan driver; in a container, pass the GPU through", Absent: true}},
	{"failed to get a webgpu adapter", Cause{Text: "WebGPU finds no GPU that it can use", Mend: "install the GPU's Vulkan driver; in a container, pass the GPU through", Absent: true}},
	{"no cuda-capable device", Cause{Text: "there is no NVIDIA GPU here", Mend: "nothing, or pass the GPU through to the container", Absent: true}},
	{"libcuda.so.1: cannot open", Cause{Text: "NVIDIA's driver is not installed", Mend: "install it, or use --provider cpu", Absent: true}},
	{"cuda driver version is insufficient", Cause{Text: "NVIDIA's driver is older than the CUDA libraries", Mend: "update the driver"}},
	{"libcudart", Cause{Text: "the CUDA libraries are missing", Mend: "install CUDA 12 and cuDNN 9, or use --provider cpu"}},
	{"libcublas", Cause{Text: "the CUDA libraries are missing", Mend: "install CUDA 12 and cuDNN 9, or use --provider cpu"}},
	{"libcudnn", Cause{Text: "cuDNN is missing", Mend: "install cuDNN 9, or use --provider cpu"}},
	{"not supported in this build", Cause{Text: "the runtime library does not have it", Mend: "give a build that has it by --ort-lib", Missing: true}},
	{"not enabled in this build", Cause{Text: "the runtime library does not have it", Mend: "give a build that has it by --ort-lib", Missing: true}},
	{"unknown provider name", Cause{Text: "the runtime library does not have it", Mend: "give a build that has it by --ort-lib", Missing: true}},
	{"coreml provider function", Cause{Text: "the runtime library does not have it", Mend: "give a build that has it by --ort-lib", Missing: true}},
	{"glibc_", Cause{Text: "the library was built for a newer system (glibc)", Mend: "use the library inside imgsearch, or one built for this system"}},
	{"glibcxx_", Cause{Text: "the library was built for a newer system (libstdc++)", Mend: "use the library inside imgsearch, or one built for this system"}},
	{"sigill", Cause{Text: "it uses instructions that this processor does not have", Mend: "give a build for older processors by --ort-lib"}},
	{"out of memory", Cause{Text: "the device's memory is too small", Mend: "close other programs that use it, or choose a smaller model"}},
	{"operation not permitted", Cause{Text: "the system does not allow it", Mend: "on a Mac: System Settings, Privacy & Security, Full Disk Access"}},
}

// Explain finds what is known of a message.
func Explain(message string) Cause {
	lower := strings.ToLower(message)
	for _, c := range causes {
		if strings.Contains(lower, c.has) {
			return c.Cause
		}
	}
	return Cause{}
}
