// What executing a program and running a hook share.
#ifndef TSOCI_NATIVE_INIT_EXECUTE_H_
#define TSOCI_NATIVE_INIT_EXECUTE_H_

#include "init/context.h"

namespace tsoci::init {

/// The strings as execve(2) wants them: a pointer to each, `extra` empty places, and a null. The
/// memory is never freed: it is used for an execve or by a process that ends.
Result<char**> pointers_to(const wire::StringList& list, uint32_t extra);

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_EXECUTE_H_
