// The container's root, entered by chroot.
#ifndef TSOCI_NATIVE_INIT_ROOTFS_H_
#define TSOCI_NATIVE_INIT_ROOTFS_H_

#include "init/context.h"

namespace tsoci::init {

/// Makes `context.rootfs` the root and the working directory of this process.
Result<void> enter_rootfs(Context& context);

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_ROOTFS_H_
