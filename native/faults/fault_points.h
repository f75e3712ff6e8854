// What every wrapped call asks before it is made.
#ifndef TSOCI_NATIVE_FAULTS_FAULT_POINTS_H_
#define TSOCI_NATIVE_FAULTS_FAULT_POINTS_H_

#include <initializer_list>

#include "faults/control.h"

namespace tsoci::faults {

/// A way to fail that is no errno: the call is made for half of the bytes.
constexpr int kShort = -1;

/// Counts the call. Answers 0 when it is to be made, the errno that it is to fail with, or kShort.
/// It allocates nothing and leaves errno alone, as a child may call it in our memory.
int pass(Role role, const char* call, const char* subject, std::initializer_list<int> ways);

/// For the environment of init, so that it finds the same file; null when nobody listens.
const char* control_variable();

}  // namespace tsoci::faults

#endif  // TSOCI_NATIVE_FAULTS_FAULT_POINTS_H_
