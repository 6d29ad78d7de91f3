package sqlite

// ReplacementSuffix is replacementSuffix.
const ReplacementSuffix = replacementSuffix
