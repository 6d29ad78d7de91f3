package words

import (
	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index/store"
)

// remedies say what to do about a provider, a driver or a library.
var remedies = map[provider.Remedy]func(Door) string{
	provider.UseDesktopSession:   say("run from a logged-in desktop session: a LaunchAgent for Aqua, not a LaunchDaemon, cron or ssh (docs/macos.md); the processor does the work meanwhile"),
	provider.InstallVulkan:       say("install the GPU's Vulkan driver; in a container, pass the GPU through"),
	provider.PassGPUThrough:      say("nothing, or pass the GPU through to the container"),
	provider.InstallNVIDIADriver: func(do Door) string { return "install it, or use " + do(UseProvider, string(provider.CPU)) },
	provider.UpdateDriver:        say("update the driver"),
	provider.InstallCUDA: func(do Door) string {
		return "install CUDA 12 and cuDNN 9, or use " + do(UseProvider, string(provider.CPU))
	},
	provider.InstallCUDNN:        func(do Door) string { return "install cuDNN 9, or use " + do(UseProvider, string(provider.CPU)) },
	provider.GiveBuildWithIt:     func(do Door) string { return "give a build that has it by " + do(Library) },
	provider.UseBundledLibrary:   say("use the library inside imgsearch, or one built for this system"),
	provider.GiveOlderBuild:      func(do Door) string { return "give a build for older processors by " + do(Library) },
	provider.FreeDeviceMemory:    say("close other programs that use it, or choose a smaller model"),
	provider.GrantFullDiskAccess: say("on a Mac: System Settings, Privacy & Security, Full Disk Access"),
}

// Remedy says what to do. What earlier versions of imgsearch kept is a sentence itself.
func Remedy(r provider.Remedy, do Door) string {
	if hint, ok := remedies[r]; ok {
		return hint(do)
	}
	return string(r)
}

// ProviderReason says why a tower computes where it does.
func ProviderReason(p embed.Provider, do Door) string {
	if len(p.Unmeasured) > 0 {
		return p.Reason + " (" + do(Warmup) + " does)"
	}
	return p.Reason
}

// precisionOf is a model's precision where it must be named.
func precisionOf(m store.Model) string {
	if m.Precision == string(embed.FP32) {
		return ""
	}
	return m.Precision
}
