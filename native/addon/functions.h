// What JavaScript may call, one function a line. src/addon/bindings.ts has the types and the prose.
#ifndef TSOCI_NATIVE_ADDON_FUNCTIONS_H_
#define TSOCI_NATIVE_ADDON_FUNCTIONS_H_

#include <napi.h>

/// X(name in JavaScript, function in namespace tsoci::addon)
#define TSOCI_ADDON_FUNCTIONS(X)                  \
  X("openLink", open_link)                        \
  X("spawnInit", spawn_init)                      \
  X("sendMessage", send_message)                  \
  X("receiveMessage", receive_message)            \
  X("listenGate", listen_gate)                    \
  X("connectGate", connect_gate)                  \
  X("openPidfd", open_pidfd)                      \
  X("signalPidfd", signal_pidfd)                  \
  X("waitPidfd", wait_pidfd)                      \
  X("waitReadableAsync", wait_readable_async)     \
  X("startCopy", start_copy)                      \
  X("endCopy", end_copy)                          \
  X("reapPidfd", reap_pidfd)                      \
  X("reapProcess", reap_process)                  \
  X("reapGroup", reap_group)                      \
  X("setLimit", set_limit)                        \
  X("openNamespace", open_namespace)              \
  X("differingNamespaces", differing_namespaces)  \
  X("openIdmap", open_idmap)                      \
  X("openMountSource", open_mount_source)         \
  X("detachMount", detach_mount)                  \
  X("mountFilesystem", mount_filesystem)          \
  X("attachMount", attach_mount)                  \
  X("changeMount", change_mount)                  \
  X("detachOpened", detach_opened)                \
  X("openLoop", open_loop)                        \
  X("pathInRoot", path_in_root)                   \
  X("lockDirectory", lock_directory)              \
  X("startProgram", start_program)                \
  X("runHook", run_hook)                          \
  X("sendConsole", send_console)                  \
  X("sendPidfd", send_pidfd)                      \
  X("connectAgent", connect_agent)                \
  X("sendListener", send_listener)                \
  X("prepareConsole", prepare_console)            \
  X("superviseForeground", supervise_foreground)  \
  X("connectNotify", connect_notify)              \
  X("bindNotify", bind_notify)                    \
  X("relayReady", relay_ready)                    \
  X("openPipe", open_pipe)                        \
  X("replaceDescriptor", replace_descriptor)      \
  X("resizeTerminal", resize_terminal)            \
  X("isolateCores", isolate_cores)                \
  X("becomeSubreaper", become_subreaper)          \
  X("holdSignals", hold_signals)                  \
  X("compileSeccomp", compile_seccomp)            \
  X("seccompKey", seccomp_key)                    \
  X("sha256", sha256)                             \
  X("moveNetDevice", move_net_device)             \
  X("attachDeviceProgram", attach_device_program) \
  X("startPlaceholder", start_placeholder)        \
  X("connectManager", connect_manager)            \
  X("disconnectManager", disconnect_manager)      \
  X("callManager", call_manager)                  \
  X("readManagerProperty", read_manager_property) \
  X("readText", read_text)                        \
  X("readBytes", read_bytes)                      \
  X("readToEnd", read_to_end)                     \
  X("writeText", write_text)                      \
  X("makeDirectory", make_directory)              \
  X("removeDirectory", remove_directory)          \
  X("removeFile", remove_file)                    \
  X("renameFile", rename_file)                    \
  X("listDirectory", list_directory)              \
  X("fileStatus", file_status)                    \
  X("isWritable", is_writable)                    \
  X("changeOwner", change_owner)                  \
  X("realPath", real_path)                        \
  X("readLink", read_link)                        \
  X("openFile", open_file)                        \
  X("closeFile", close_file)                      \
  X("writeBytes", write_bytes)                    \
  X("watchFile", watch_file)                      \
  X("openEventfd", open_eventfd)                  \
  X("waitReadable", wait_readable)                \
  X("drain", drain)                               \
  X("monotonicNs", monotonic_ns)                  \
  X("describeErrno", describe_errno)

namespace tsoci::addon {

#define TSOCI_DECLARE_FUNCTION(name, function) Napi::Value function(const Napi::CallbackInfo& info);
TSOCI_ADDON_FUNCTIONS(TSOCI_DECLARE_FUNCTION)
#undef TSOCI_DECLARE_FUNCTION

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_FUNCTIONS_H_
