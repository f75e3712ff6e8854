// The little that a unit test of C++ needs: a named case, and an expectation that says where it
// broke.
#ifndef TSOCI_NATIVE_TESTS_UNITS_EXPECT_H_
#define TSOCI_NATIVE_TESTS_UNITS_EXPECT_H_

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tsoci::test {

/// A sentence, and the function that shows it to be true.
struct Case {
  const char* sentence;
  void (*show)();
};

/// Runs every case, but for the one that has this sentence; the first broken expectation ends the
/// program.
template <int count>
int run(const Case (&cases)[count], const char* left_out = "") {
  for (const Case& item : cases) {
    if (std::strcmp(item.sentence, left_out) == 0) {
      std::printf("skip   %s\n", item.sentence);
      continue;
    }
    item.show();
    std::printf("ok     %s\n", item.sentence);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace tsoci::test

#define EXPECT(condition)                                                           \
  do {                                                                              \
    if (!(condition)) {                                                             \
      std::fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                                 \
    }                                                                               \
  } while (false)

#endif  // TSOCI_NATIVE_TESTS_UNITS_EXPECT_H_
