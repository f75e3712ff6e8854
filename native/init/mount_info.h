// What a line of /proc/PID/mountinfo says: proc(5).
#ifndef TSOCI_NATIVE_INIT_MOUNT_INFO_H_
#define TSOCI_NATIVE_INIT_MOUNT_INFO_H_

#include <cstdint>

namespace tsoci::init {

/// One line of mountinfo, cut at its blanks in place.
struct MountLine {
  uint64_t id;
  const char* root;
  char* mount_point;
  const char* type;
};

/// Cuts the next line off `rest`, in place: "ID PARENT MAJ:MIN ROOT POINT OPTIONS TAGS… - TYPE
/// SOURCE …". False at the end; what is no such line is passed over.
bool next_line(char*& rest, MountLine& line);

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_MOUNT_INFO_H_
