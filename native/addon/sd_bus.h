// The few functions of libsystemd that we call, looked up when they are needed: a machine without
// systemd has none of them, and loading the library takes longer than a whole `state`.
#ifndef TSOCI_NATIVE_ADDON_SD_BUS_H_
#define TSOCI_NATIVE_ADDON_SD_BUS_H_

#include <dlfcn.h>

#include <cstdint>
#include <type_traits>

#include "sys/result.h"

struct sd_bus;
struct sd_bus_message;
struct sd_bus_slot;

/// As sd_bus_error(3) lays it out.
struct sd_bus_error {
  const char* name = nullptr;
  const char* message = nullptr;
  int need_free = 0;
};

namespace tsoci::addon {

using MessageHandler = int (*)(sd_bus_message*, void*, sd_bus_error*);

/// X(function, its type)
#define TSOCI_SD_BUS_FUNCTIONS(X)                                                                \
  X(sd_bus_new, int (*)(sd_bus**))                                                               \
  X(sd_bus_set_address, int (*)(sd_bus*, const char*))                                           \
  X(sd_bus_set_bus_client, int (*)(sd_bus*, int))                                                \
  X(sd_bus_start, int (*)(sd_bus*))                                                              \
  X(sd_bus_close, void (*)(sd_bus*))                                                             \
  X(sd_bus_unref, sd_bus* (*)(sd_bus*))                                                          \
  X(sd_bus_process, int (*)(sd_bus*, sd_bus_message**))                                          \
  X(sd_bus_wait, int (*)(sd_bus*, uint64_t))                                                     \
  X(sd_bus_match_signal, int (*)(sd_bus*, sd_bus_slot**, const char*, const char*, const char*,  \
                                 const char*, MessageHandler, void*))                            \
  X(sd_bus_get_property_string,                                                                  \
    int (*)(sd_bus*, const char*, const char*, const char*, const char*, sd_bus_error*, char**)) \
  X(sd_bus_path_encode, int (*)(const char*, const char*, char**))                               \
  X(sd_bus_call, int (*)(sd_bus*, sd_bus_message*, uint64_t, sd_bus_error*, sd_bus_message**))   \
  X(sd_bus_message_new_method_call,                                                              \
    int (*)(sd_bus*, sd_bus_message**, const char*, const char*, const char*, const char*))      \
  X(sd_bus_message_append_basic, int (*)(sd_bus_message*, char, const void*))                    \
  X(sd_bus_message_open_container, int (*)(sd_bus_message*, char, const char*))                  \
  X(sd_bus_message_close_container, int (*)(sd_bus_message*))                                    \
  X(sd_bus_message_read_basic, int (*)(sd_bus_message*, char, void*))                            \
  X(sd_bus_message_unref, sd_bus_message* (*)(sd_bus_message*))                                  \
  X(sd_bus_error_free, void (*)(sd_bus_error*))

struct SdBus {
#define TSOCI_SD_BUS_MEMBER(name, ...) std::type_identity_t<__VA_ARGS__> name;
  TSOCI_SD_BUS_FUNCTIONS(TSOCI_SD_BUS_MEMBER)
#undef TSOCI_SD_BUS_MEMBER
};

/// Loads libsystemd once, for as long as we run.
inline sys::Result<const SdBus*> load_sd_bus() {
  static SdBus functions;
  static bool is_loaded = false;
  if (is_loaded) return &functions;
  void* const library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return sys::Error::refusal("load libsystemd: %s", dlerror());
#define TSOCI_SD_BUS_LOOK_UP(name, ...)                                               \
  functions.name = reinterpret_cast<decltype(functions.name)>(dlsym(library, #name)); \
  if (functions.name == nullptr) return sys::Error::refusal("load libsystemd: no " #name);
  TSOCI_SD_BUS_FUNCTIONS(TSOCI_SD_BUS_LOOK_UP)
#undef TSOCI_SD_BUS_LOOK_UP
  is_loaded = true;
  return &functions;
}

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_SD_BUS_H_
