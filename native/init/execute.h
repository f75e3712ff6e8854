// What executing a program and running a hook share.
#ifndef TSOCI_NATIVE_INIT_EXECUTE_H_
#define TSOCI_NATIVE_INIT_EXECUTE_H_

#include "init/context.h"

namespace tsoci::init {

/// The strings as execve(2) wants them: a pointer to each, `extra` empty places, and a null. The
/// memory is never freed: it is used for an execve or by a process that ends.
Result<char**> pointers_to(const wire::StringList& list, uint32_t extra);

/// HOME as the container's /etc/passwd has it for `uid`, for an environment that does not set it.
/// The text is one buffer, written anew by each call.
char* home_variable(uint32_t uid);

/// Loads a filter into the calling thread. Answers the listener, should the flags ask for one.
Result<int> load_filter(const wire::Bytes& program, uint32_t flags);

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_EXECUTE_H_
