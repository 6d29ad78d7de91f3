package embed

import "github.com/imgsearch/imgsearch/embed/provider"

// Notice is something that the owner should know and that is no error: one of the types below.
type Notice interface{ notice() }

// ProviderUnused is a provider that was asked for or tried, and does not work here: the processor does the work.
type ProviderUnused struct {
	Provider provider.Name
	Reason   string
	Hint     provider.Remedy
}

// ProviderRefused is a provider that had been chosen and could not be initialised in this process.
type ProviderRefused struct {
	Provider provider.Name
	Err      error
}

// ProviderFailed is a provider that failed while it ran: the processor goes on.
type ProviderFailed struct {
	Provider provider.Name
	Err      error
}

// ProviderAvoided is a provider that died or failed in earlier runs and is left alone. It is told once.
type ProviderAvoided struct {
	Provider provider.Name
	Last     string // what happened
}

// ProviderUnsettled is a provider that is not used because what dead processes left of it cannot be noted.
type ProviderUnsettled struct {
	Provider provider.Name
	Err      error
}

// Int8OnProcessor is a provider that was asked for and is not used, since int8 computes on the processor.
type Int8OnProcessor struct{ Asked provider.Name }

// MakingInt8 is the beginning of work that is done once: the int8 copy of a model.
type MakingInt8 struct{ Model, Path string }

// MakingOneShot is the beginning of work that is done once: the copy of a text tower that searches start quickly with.
type MakingOneShot struct{ Model string }

func (ProviderUnused) notice()    {}
func (ProviderRefused) notice()   {}
func (ProviderFailed) notice()    {}
func (ProviderAvoided) notice()   {}
func (ProviderUnsettled) notice() {}
func (Int8OnProcessor) notice()   {}
func (MakingInt8) notice()        {}
func (MakingOneShot) notice()     {}
