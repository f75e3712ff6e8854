// tmpcopyup: a tmpfs begins with what the directory below it holds.
#ifndef TSOCI_NATIVE_INIT_COPY_UP_H_
#define TSOCI_NATIVE_INIT_COPY_UP_H_

#include "init/context.h"

namespace tsoci::init {

/// Copies what `source` holds, and its owner, into the empty root of the detached mount `tree`:
/// files, directories, symbolic links, FIFOs, sockets and devices, with modes, owners, times and
/// extended attributes.
Result<void> copy_up(Context& context, int source, int tree);

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_COPY_UP_H_
