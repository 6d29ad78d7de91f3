package index

// SetSequential has every disk taken for one that serves one reader better than several, until restore is called.
func SetSequential() (restore func()) {
	was := sequential
	sequential = func(string) bool { return true }
	return func() { sequential = was }
}
