#include <stdlib.h>

// guard_arm sets what a fatal signal of native code prints, where its trace goes, and the exit code; it installs the
// handlers at the first call. The texts are copied and cut to some hundreds of bytes.
void guard_arm(const char *message, const char *suffix, int code, int trace);
// guard_disarm hands all signals to the handlers that were there before.
void guard_disarm(void);
