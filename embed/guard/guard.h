#include <stdlib.h>

// guard_arm sets what a fatal signal of native code prints, where its trace goes, and the exit code; the first call
// installs the handlers. The texts are copied, and truncated to some hundreds of bytes.
void guard_arm(const char *message, const char *suffix, int code, int trace);
// guard_disarm hands all signals to the handlers that were there before.
void guard_disarm(void);
