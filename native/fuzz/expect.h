// What a fuzz target needs: an expectation that ends the run, so that libFuzzer keeps the input.
#ifndef TSOCI_NATIVE_FUZZ_EXPECT_H_
#define TSOCI_NATIVE_FUZZ_EXPECT_H_

#include <cstdio>
#include <cstdlib>

#define EXPECT(condition)                                                           \
  do {                                                                              \
    if (!(condition)) {                                                             \
      std::fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                 \
    }                                                                               \
  } while (false)

#endif  // TSOCI_NATIVE_FUZZ_EXPECT_H_
