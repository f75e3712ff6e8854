// Messages of init, and the properties of its process that depend on the driver.
#ifndef TSOCI_NATIVE_INIT_LINK_H_
#define TSOCI_NATIVE_INIT_LINK_H_

#include "init/context.h"
#include "wire/writer.h"

namespace tsoci::init {

/// Sends one packet, with `fd` when it is not -1.
Result<void> send_packet(int socket, const wire::Writer& writer, int fd);

/// Tells whoever listens, the driver or the starter, why init ends, and ends it.
[[noreturn]] void fail(Context& context, const Error& error);

/// Nobody may look into this process or attach to it (CVE-2016-9962). An execve and a change of ids
/// undo it, so it is repeated after them.
Result<void> make_undumpable();
Result<void> make_dumpable();

/// The kernel kills init when its driver dies; a change of ids undoes it.
Result<void> die_with_driver();
Result<void> outlive_driver();

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_LINK_H_
