// Finds the group of a container in its config.json.
#ifndef TSOCI_NATIVE_LAUNCHER_SHIM_ANNOTATIONS_H_
#define TSOCI_NATIVE_LAUNCHER_SHIM_ANNOTATIONS_H_

#include "launcher/text.h"

namespace tsoci::launcher::shim {

/// Ids of pods have 64 letters; an annotation may be longer, and is no group of ours then.
using Group = Buffer<4096>;

/// Writes the group that the annotations name, or nothing, to `group`. False when the text is no
/// JSON object as far as it has to be read: what else is wrong with it `create` tells.
bool find_group(std::string_view config, Group& group);

}  // namespace tsoci::launcher::shim

#endif  // TSOCI_NATIVE_LAUNCHER_SHIM_ANNOTATIONS_H_
