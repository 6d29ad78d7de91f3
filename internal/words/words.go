// Package words describes the errors and notices of the libraries in plain English: a code name, a sentence, and what to do. It must not
// know the names that a door uses, such as the flags and commands of a command line or the addresses of a server: a Door supplies them.
package words

// Code names a kind of error in the machine formats.
type Code string

// The codes.
const (
	Failed      Code = "failed"
	Usage       Code = "usage"
	Unreadable  Code = "unreadable"
	Unreachable Code = "unreachable"
	NothingFits Code = "nothing_fits"
	Missing     Code = "missing"
	NoIndex     Code = "no_index"
	Busy        Code = "busy"
	Model       Code = "model"
	NoVectors   Code = "no_vectors"
	NewerIndex  Code = "newer_index"
	Interrupted Code = "interrupted"
)

// Word is the description of an error or a notice.
type Word struct {
	Code     Code // of an error
	Sentence string
	// Hint is what to do; "" if there is nothing to do, or the sentence says it.
	Hint string
	// Grave marks notices that are warnings.
	Grave bool
	// OutOfReach marks warnings about files or folders that could not be reached: they are printed even with --quiet.
	OutOfReach bool
}

// Action is something that a user can do through any door.
type Action string

// The actions, with their arguments.
const (
	IndexFolder  Action = "index folder"
	RunIndex     Action = "run index"
	IndexModel   Action = "index with a model"      // name, precision
	IndexIfIdle  Action = "index unless another is" //
	Prune        Action = "drop what is gone"
	MoveRoot     Action = "move a root"
	RemoveRoot   Action = "remove a root"
	ListRoots    Action = "list the roots"
	ChooseIndex  Action = "choose an index"
	NameIndex    Action = "choose an index, in full" // with the variable
	Repair       Action = "repair the index"
	Restore      Action = "restore an index" // file
	Examine      Action = "examine the installation"
	ExamineModel Action = "examine a model's folder"
	Warmup       Action = "measure the machine"
	ListModels   Action = "list the models"
	PullModel    Action = "download a model" // name
	PullAgain    Action = "download again"
	PullFrom     Action = "take a model's files from a folder"
	RemoveModel  Action = "remove a model"    // name
	Calibrate    Action = "calibrate a model" // name
	UseModel     Action = "choose a model"    // name, precision
	Revision     Action = "choose a revision"
	Library      Action = "give the runtime library"
	NameLibrary  Action = "give the runtime library, in full" // with the variable
	Provider     Action = "choose a provider"
	UseProvider  Action = "choose this provider" // name
	FP32         Action = "choose full precision"
	Language     Action = "name the language"
	MaxPixels    Action = "limit the pixels"
	MaxMemory    Action = "limit the memory"
	Elsewhere    Action = "keep what grows elsewhere"
	WithoutText  Action = "index without reading text"
	WithText     Action = "index and read text"
	RetryFailed  Action = "index again what failed"
)

// Actions are all actions, for the tests of doors.
var Actions = []Action{
	IndexFolder, RunIndex, IndexModel, IndexIfIdle, Prune, MoveRoot, RemoveRoot, ListRoots, ChooseIndex, NameIndex, Repair, Restore,
	Examine, ExamineModel, Warmup, ListModels, PullModel, PullAgain, PullFrom, RemoveModel, Calibrate, UseModel, Revision, Library, NameLibrary, Provider, UseProvider,
	FP32, Language, MaxPixels, MaxMemory, Elsewhere, WithoutText, WithText, RetryFailed,
}

// Door returns the name of an action in the user's interface, with its arguments. Missing arguments become placeholders.
type Door func(a Action, args ...string) string
