// Package words says in plain English what the errors and notices of the libraries mean: a code name, a sentence, and what to do. It
// must not know what a door calls things: flags and commands of a command line, addresses of a server. A Door says that.
package words

import "strings"

// Code names a kind of error in the machine formats.
type Code string

// The codes.
const (
	Failed      Code = "failed"
	Usage       Code = "usage"
	Unreadable  Code = "unreadable"
	Unreachable Code = "unreachable"
	NothingFits Code = "nothing_fits"
	NoIndex     Code = "no_index"
	Busy        Code = "busy"
	Model       Code = "model"
	NoVectors   Code = "no_vectors"
	NewerIndex  Code = "newer_index"
	Interrupted Code = "interrupted"
)

// Word is what there is to say of an error or a notice.
type Word struct {
	Code     Code // of an error
	Sentence string
	// Hint is what to do; "" where nothing is to be done, or the sentence says it.
	Hint string
	// Grave notices are warnings.
	Grave bool
	// OutOfReach are warnings about files or folders that could not be reached: they are told in a quiet run too.
	OutOfReach bool
}

// Action is something that a user can do, through any door.
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
)

// Actions are all of them, for doors to be tested with.
var Actions = []Action{
	IndexFolder, RunIndex, IndexModel, IndexIfIdle, Prune, MoveRoot, RemoveRoot, ListRoots, ChooseIndex, NameIndex, Repair,
	Examine, ExamineModel, Warmup, ListModels, PullModel, PullAgain, PullFrom, RemoveModel, Calibrate, UseModel, Revision, Library, NameLibrary, Provider, UseProvider,
	FP32, Language, MaxPixels, MaxMemory, Elsewhere,
}

// Door says how an action is called where the user is, with its arguments; those that are not given stand as placeholders.
type Door func(a Action, args ...string) string

// OneLine is the first line of a text: a decoder's stack or a library's many lines are details.
func OneLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}
