// Defects on purpose: each is one that a sanitizer or valgrind has to report.
#ifndef TSOCI_NATIVE_TESTS_SANITIZERS_DEFECTS_H_
#define TSOCI_NATIVE_TESTS_SANITIZERS_DEFECTS_H_

namespace tsoci::tests {

/// Commits the one of this name. False when there is none.
bool commit_defect(const char* name);

}  // namespace tsoci::tests

#endif  // TSOCI_NATIVE_TESTS_SANITIZERS_DEFECTS_H_
