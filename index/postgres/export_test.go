package postgres

// SetExact sets the number of pictures up to which all vectors are compared.
func (s *Store) SetExact(pictures int64) { s.exactUpTo, s.indexFrom = pictures, pictures }

// HasIndexes reports whether a model has approximate indexes.
var HasIndexes = (*Store).hasIndexes

// Expression is expression.
var Expression = expression

// Subject is subject.
var Subject = subject
