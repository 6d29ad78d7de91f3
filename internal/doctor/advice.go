package doctor

// Advice is what to do about a finding.
type Advice string

// The advices.
const (
	MakeIndex           Advice = "make-index"             // index a folder
	RunIndex            Advice = "run-index"              // bring the index up to date
	RunNightly          Advice = "run-nightly"            // bring it up to date, and check why the scheduled job does not
	Repair              Advice = "repair"                 // repair the index
	DropVectors         Advice = "drop-vectors"           // repair the index, then create its lost vectors
	DropCopy            Advice = "drop-copy"              // let the next search remove a damaged copy of the model
	MakePrivate         Advice = "make-private"           // remove read permission on Path for others
	ConnectDisk         Advice = "connect-disk"           // connect the folder's disk, or tell where the folder is now
	GiveReadRight       Advice = "give-read-right"        // give the user read permission on the folder
	GrantFullDiskAccess Advice = "grant-full-disk-access" // allow access in macOS's privacy settings
	MakeWritable        Advice = "make-writable"          // make the index's folder writable
	SetCache            Advice = "set-cache"              // choose a folder for the cache
	FreeSomeDisk        Advice = "free-some-disk"         // free some space
	SeeMessage          Advice = "see-message"            // follow the detail of the finding
	ReportBug           Advice = "report-bug"             // the program is broken
	Reinstall           Advice = "reinstall"              // install the program again
	TryAnotherLibrary   Advice = "try-another-library"    // use another runtime library
	GiveBuild           Advice = "give-build"             // use a build of the runtime library that has the provider
	TryLonger           Advice = "try-longer"             // try again, or longer
	WaitLonger          Advice = "wait-longer"            // allow more time: it hangs or is too slow to be useful
	UpdateDriver        Advice = "update-driver"          // update the driver, or use the processor
	NextRunTries        Advice = "next-run-tries"         // the next run tries it in a child process
	WarmUp              Advice = "warm-up"                // measure it again
	InstallARM64        Advice = "install-arm64"          // install the build for Apple silicon
	UseLaunchAgent      Advice = "use-launch-agent"       // run it in the desktop session
	PlugIn              Advice = "plug-in"                // plug in, or turn off low power mode
	InstallLibavcodec   Advice = "install-libavcodec"     // install the library that decodes HEIC and AVIF fastest
	InstallLibjxl       Advice = "install-libjxl"         // install the library that decodes JPEG XL fastest
	InstallLibcuda      Advice = "install-libcuda"        // install the driver's libraries
	LookForMetal        Advice = "look-for-metal"         // the system lists no Metal device
)
