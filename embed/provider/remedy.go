package provider

// Remedy is what can be done about a Cause. It is stored with the measurement.
type Remedy string

// The remedies.
const (
	UseDesktopSession   Remedy = "use-desktop-session"    // run from a logged-in desktop session
	InstallVulkan       Remedy = "install-vulkan"         // install the GPU's Vulkan driver, or pass the GPU through
	PassGPUThrough      Remedy = "pass-gpu-through"       // pass the GPU through to the container, if there is one
	InstallNVIDIADriver Remedy = "install-nvidia-driver"  // install the driver
	UpdateDriver        Remedy = "update-driver"          // update the driver
	InstallCUDA         Remedy = "install-cuda"           // install CUDA 12 and cuDNN 9
	InstallCUDNN        Remedy = "install-cudnn"          // install cuDNN 9
	GiveBuildWithIt     Remedy = "give-build-with-it"     // give a build of the runtime library that has the provider
	UseBundledLibrary   Remedy = "use-bundled-library"    // use the library inside the program
	GiveOlderBuild      Remedy = "give-older-build"       // give a build of the runtime library for older processors
	FreeDeviceMemory    Remedy = "free-device-memory"     // free the device's memory
	GrantFullDiskAccess Remedy = "grant-full-disk-access" // macOS's privacy settings deny it
)
