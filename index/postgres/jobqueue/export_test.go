package jobqueue

import "time"

// Hurry makes the queue impatient, for tests.
func Hurry() {
	lostAfter, repairEvery, retryAfter = time.Second, time.Second, 50*time.Millisecond
}
