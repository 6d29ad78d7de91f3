// bcryptprimitives.dll for wine 8, which lacks it: Go programs need its ProcessPrng. For tests only; no release contains it.
#include <stddef.h>
#include <stdint.h>

__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *data, unsigned long n); // RtlGenRandom

__declspec(dllexport) int __stdcall ProcessPrng(uint8_t *data, size_t n) {
  while (n > 0) {
    unsigned long part = n < 1u << 30 ? (unsigned long)n : 1u << 30;
    if (!SystemFunction036(data, part)) return 0;
    data += part;
    n -= part;
  }
  return 1;
}
