package cli

import (
	"os"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/embed/provider"
)

// ProviderFlags are --provider and --cpu.
type ProviderFlags struct {
	name string
	cpu  bool
}

// Add adds the flags.
func (q *ProviderFlags) Add(f *pflag.FlagSet) {
	f.StringVar(&q.name, "provider", "", "run models on `PROVIDER`: auto, cpu, coreml, cuda or webgpu (default: auto, the fastest that works)")
	f.BoolVar(&q.cpu, "cpu", false, "run models on the CPU (same as --provider cpu)")
}

// Choose returns the provider requested by the flags or IMGSEARCH_PROVIDER. Its errors are usage errors.
func (q *ProviderFlags) Choose() (provider.Name, error) {
	name, from := q.name, "--provider"
	if name == "" && !q.cpu {
		name, from = os.Getenv("IMGSEARCH_PROVIDER"), "IMGSEARCH_PROVIDER"
	}
	n, err := provider.Parse(name)
	if err != nil {
		return "", Usage("use auto, cpu, coreml, cuda or webgpu", "%s: %w", from, err)
	}
	if q.cpu {
		if name != "" && n != provider.CPU {
			return "", Usage("use only one of them", "--cpu and --provider %s cannot be combined", n)
		}
		return provider.CPU, nil
	}
	return n, nil
}
