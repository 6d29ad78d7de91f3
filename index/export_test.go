package index

// SetSequential makes every disk count as faster with one reader than with several, until restore is called.
func SetSequential() (restore func()) {
	was := sequential
	sequential = func(string) bool { return true }
	return func() { sequential = was }
}
