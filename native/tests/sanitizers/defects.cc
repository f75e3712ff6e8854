#include "tests/sanitizers/defects.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <climits>

namespace tsoci::tests {
namespace {

// What the compiler cannot see through, so that no defect is optimised away.
volatile int one = 1;
volatile int seen = 0;

void overflow_heap() {
  char* volatile bytes = static_cast<char*>(malloc(16));
  bytes[15 + one] = 'x';
  free(bytes);
}

void use_after_free() {
  char* volatile bytes = static_cast<char*>(malloc(16));
  free(bytes);
  seen = bytes[one];
}

void overflow_stack() {
  volatile char bytes[16] = {};
  bytes[15 + one] = 'x';
  seen = bytes[0];
}

void overflow_signed() {
  int large = INT_MAX - 1 + one;
  large += one;
  seen = large;
}

void copy_from_null() {
  const char* volatile nowhere = nullptr;
  char to[1];
  memcpy(to, nowhere, static_cast<size_t>(one - 1));
}

void leak() {
  char* volatile bytes = static_cast<char*>(malloc(1234));
  bytes[0] = 'x';
  bytes = nullptr;
}

void branch_on_uninitialised() {
  // Not of the heap: where nothing replaces malloc, valgrind takes what comes from the kernel.
  char bytes[16];
  if (const_cast<volatile char*>(bytes)[one] == 'x') seen = 1;
}

void* count_up(void* counter) {
  for (int round = 0; round < 10'000; ++round) *static_cast<int*>(counter) += one;
  return nullptr;
}

void race() {
  static int counter = 0;
  pthread_t other;
  if (pthread_create(&other, nullptr, count_up, &counter) != 0) return;
  count_up(&counter);
  pthread_join(other, nullptr);
  seen = counter;
}

constexpr struct {
  const char* name;
  void (*commit)();
} kDefects[] = {
    {"heap-overflow", overflow_heap},           {"use-after-free", use_after_free},
    {"stack-overflow", overflow_stack},         {"signed-overflow", overflow_signed},
    {"copy-from-null", copy_from_null},         {"leak", leak},
    {"uninitialised", branch_on_uninitialised}, {"data-race", race},
};

}  // namespace

bool commit_defect(const char* name) {
  for (const auto& defect : kDefects) {
    if (strcmp(defect.name, name) != 0) continue;
    defect.commit();
    return true;
  }
  return false;
}

}  // namespace tsoci::tests
