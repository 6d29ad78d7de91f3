package embed

import "github.com/imgsearch/imgsearch/embed/provider"

// Notice is something that the user should know and that is not an error: one of the types below.
type Notice interface{ notice() }

// ProviderUnused reports a provider that was requested or tried, and does not work here: the processor does the work.
type ProviderUnused struct {
	Provider provider.Name
	Reason   string
	Hint     provider.Remedy
}

// ProviderRefused reports a chosen provider that could not be initialised in this process.
type ProviderRefused struct {
	Provider provider.Name
	Err      error
}

// ProviderFailed reports a provider that failed while it ran: the processor takes over.
type ProviderFailed struct {
	Provider provider.Name
	Err      error
}

// ProviderAvoided reports a provider that crashed or failed in earlier runs and is not used. It is sent once.
type ProviderAvoided struct {
	Provider provider.Name
	Last     string // what happened
}

// ProviderUnsettled reports a provider that is not used because its earlier crashes cannot be recorded.
type ProviderUnsettled struct {
	Provider provider.Name
	Err      error
}

// Int8OnProcessor reports a requested provider that is not used, since int8 runs on the processor.
type Int8OnProcessor struct{ Asked provider.Name }

// MakingInt8 reports the start of work that is done once: making the int8 copy of a model.
type MakingInt8 struct{ Model, Path string }

// MakingOneShot reports the start of work that is done once: making the copy of a text tower for quick searches.
type MakingOneShot struct{ Model string }

// OneShotDamaged reports that the copy of a text tower has changed on the disk, and was removed.
type OneShotDamaged struct{ Model, Path string }

func (OneShotDamaged) notice()    {}
func (ProviderUnused) notice()    {}
func (ProviderRefused) notice()   {}
func (ProviderFailed) notice()    {}
func (ProviderAvoided) notice()   {}
func (ProviderUnsettled) notice() {}
func (Int8OnProcessor) notice()   {}
func (MakingInt8) notice()        {}
func (MakingOneShot) notice()     {}
