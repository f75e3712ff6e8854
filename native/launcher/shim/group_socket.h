// The socket of a group's shim: where it is, whether somebody serves it, and how one takes it.
#ifndef TSOCI_NATIVE_LAUNCHER_SHIM_GROUP_SOCKET_H_
#define TSOCI_NATIVE_LAUNCHER_SHIM_GROUP_SOCKET_H_

#include <sys/un.h>

#include "launcher/shim/call.h"

namespace tsoci::launcher::shim {

using SocketPath = Buffer<sizeof(sockaddr_un::sun_path)>;

/// Where containerd does not say: shims have their sockets there, whatever its own directories are.
constexpr std::string_view kDefaultSocketDir = "/run/containerd/s";

/// One socket for each containerd, namespace and group. Overflown when it is too long for unix(7).
SocketPath socket_path(std::string_view socket_dir, std::string_view grpc_address,
                       std::string_view name_space, std::string_view group);

/// Whether a shim serves there that will still be there when the container of that id is made: it
/// is asked, by the call Connect, and keeps a place for it. Ends the process when it does not
/// answer.
bool expects_container(const SocketPath& path, std::string_view id);

/// Whether anybody listens there.
bool is_served(const SocketPath& path);

/// Returns a listening socket of 0600, in place of one that a killed shim has left there.
int take_socket(const SocketPath& path);

/// Keeps others from looking at the directory's sockets meanwhile; makes it if need be. Until the
/// descriptor is closed, in every process that has it.
int lock_socket_dir(const SocketPath& path);

}  // namespace tsoci::launcher::shim

#endif  // TSOCI_NATIVE_LAUNCHER_SHIM_GROUP_SOCKET_H_
