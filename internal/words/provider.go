package words

import (
	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index/store"
)

// remedies are the hints for problems with a provider, a driver or a library.
var remedies = map[provider.Remedy]func(Door) string{
	provider.UseDesktopSession:   say("run imgsearch from a logged-in desktop session: a LaunchAgent for Aqua, not a LaunchDaemon, cron or ssh (docs/macos.md); until then it uses the processor"),
	provider.InstallVulkan:       say("install the GPU's Vulkan driver, or, in a container, pass the GPU through"),
	provider.PassGPUThrough:      say("if there is a GPU, pass it through to the container; otherwise there is nothing to do"),
	provider.InstallNVIDIADriver: func(do Door) string { return "install the driver, or use " + do(UseProvider, string(provider.CPU)) },
	provider.UpdateDriver:        say("update the driver"),
	provider.InstallCUDA: func(do Door) string {
		return "install CUDA 12 and cuDNN 9, or use " + do(UseProvider, string(provider.CPU))
	},
	provider.InstallCUDNN:        func(do Door) string { return "install cuDNN 9, or use " + do(UseProvider, string(provider.CPU)) },
	provider.GiveBuildWithIt:     func(do Door) string { return "choose a runtime library that has it with " + do(Library) },
	provider.UseBundledLibrary:   say("use the library inside imgsearch, or one built for this system"),
	provider.GiveOlderBuild:      func(do Door) string { return "choose a runtime library built for older processors with " + do(Library) },
	provider.FreeDeviceMemory:    say("close other programs that use the GPU, or choose a smaller model"),
	provider.GrantFullDiskAccess: say("on a Mac, allow access in System Settings, Privacy & Security, Full Disk Access"),
}

// Remedy returns the hint for a remedy. Earlier versions of imgsearch stored the sentence itself, which is returned as it is.
func Remedy(r provider.Remedy, do Door) string {
	if hint, ok := remedies[r]; ok {
		return hint(do)
	}
	return string(r)
}

// ProviderReason returns why a tower uses its provider.
func ProviderReason(p embed.Provider, do Door) string {
	if len(p.Unmeasured) > 0 {
		return p.Reason + " (" + do(Warmup) + " does)"
	}
	return p.Reason
}

// precisionOf returns the precision of a model, "" for full precision, which commands use by default.
func precisionOf(m store.Model) string {
	if m.Precision == string(embed.FP32) {
		return ""
	}
	return m.Precision
}
