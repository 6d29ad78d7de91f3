#include <stdlib.h>

// guard_arm sets what a fatal signal of native code prints, where its trace goes, and the exit code; the first call
// installs the handlers. The texts are copied; message is truncated to 1535 bytes, suffix to 767.
void guard_arm(const char *message, const char *suffix, int code, int trace);
// guard_disarm hands all signals to the handlers that were there before.
void guard_disarm(void);
