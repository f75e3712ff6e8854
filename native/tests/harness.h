// A test is a function that runs in a process and a mount namespace of its own, as root. What it
// mounts and makes is gone when it ends.
#ifndef TSOCI_NATIVE_TESTS_HARNESS_H_
#define TSOCI_NATIVE_TESTS_HARNESS_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "init/context.h"
#include "sys/lookup.h"
#include "sys/mount_api.h"

namespace tsoci::tests {

using init::Context;
using sys::Result;
using sys::UniqueFd;

/// A fresh tmpfs is mounted here for each test: `kRootfs` is the container's, `kOutside` stands for
/// the host.
inline constexpr char kScratch[] = "/mnt";
inline constexpr char kRootfs[] = "/mnt/rootfs";
inline constexpr char kOutside[] = "/mnt/outside";

struct Test {
  Test(const char* test_name, void (*test_body)());
  const char* name;
  void (*body)();
  Test* next = nullptr;
};

/// Ends the test, which counts as failed.
[[noreturn]] void fail(const char* file, int line, const std::string& message);
/// Ends the test, which counts as not run.
[[noreturn]] void skip(const std::string& reason);

#define TEST(identifier, sentence)                                     \
  static void identifier();                                            \
  static ::tsoci::tests::Test test_##identifier(sentence, identifier); \
  static void identifier()

#define EXPECT(condition)                                                   \
  do {                                                                      \
    if (!(condition)) ::tsoci::tests::fail(__FILE__, __LINE__, #condition); \
  } while (false)

#define EXPECT_EQUAL(left, right)                                                            \
  do {                                                                                       \
    const auto left_value = (left);                                                          \
    const decltype(left_value) right_value = (right);                                        \
    if (left_value != right_value) {                                                         \
      ::tsoci::tests::fail(__FILE__, __LINE__,                                               \
                           std::string(#left " is ") + ::tsoci::tests::text_of(left_value) + \
                               ", and must be " + ::tsoci::tests::text_of(right_value));     \
    }                                                                                        \
  } while (false)

/// The step is carried out.
#define EXPECT_DONE(result) ::tsoci::tests::expect_done(__FILE__, __LINE__, (result))

/// The step is refused, and the error says so: its errno's name or part of its text.
#define EXPECT_REFUSED(result, words) \
  ::tsoci::tests::expect_refused(__FILE__, __LINE__, (result), (words))

inline std::string text_of(const std::string& value) { return "\"" + value + "\""; }
inline std::string text_of(uint64_t value) { return std::to_string(value); }

/// The error as the driver would print it, but for the errno: that is its name.
std::string describe(const sys::Error& error);

void expect_done(const char* file, int line, const Result<void>& result);
void expect_refused(const char* file, int line, const Result<void>& result,
                    const std::string& words);

/// Lists as they come out of a plan. The bytes live as long as the process.
wire::StringList strings(std::initializer_list<const char*> texts);
wire::NumberList numbers(std::initializer_list<uint32_t> values);

/// Attaches `kRootfs`, as every plan with a mount namespace does first.
Context attached_rootfs();

/// One line of /proc/self/mountinfo: the last one at that place, which is on top.
struct MountInfo {
  bool there = false;
  uint64_t count = 0;   ///< How many mounts are at this place.
  std::string options;  ///< Of the mount, with a comma before and behind.
  std::string tags;     ///< shared:N, master:N, unbindable.
  std::string type;
  std::string super_options;

  bool has(const char* option) const {
    return options.find("," + std::string(option) + ",") != std::string::npos;
  }
};
MountInfo mount_at(const std::string& path);
/// The number of mounts in the namespace.
uint64_t count_mounts();

struct statx look(const std::string& path);
bool exists(const std::string& path);
void make_directory(const std::string& path, mode_t mode = 0755);
void write_file(const std::string& path, const std::string& text);
std::string read_file(const std::string& path);
void make_link(const std::string& path, const std::string& target);
/// Names in a directory, sorted, joined by blanks.
std::string list(const std::string& path);

/// A user namespace that maps its ids 0…999 to `first_host_id` and on, opened by its file in /proc.
UniqueFd make_userns(uint32_t first_host_id);

/// Runs `body` as root of a new user namespace that holds a copy of all mounts, their attributes
/// locked.
void in_user_namespace(void (*body)());

/// Moves to a copy of the mount namespace. The old one lives on as long as this process, and with
/// it the peer groups that its mounts are in.
void leave_peers_behind();

/// What the steps told the driver, whom the tests stand for, and what it answers.
struct Driver {
  std::vector<std::string> warnings;
  UniqueFd console;
  /// The descriptor of seccomp notifications, once an agent was asked for.
  UniqueFd listener;
  bool agent_connected = false;
  /// What it opens when it is asked for a mount's source; nothing when empty.
  std::string mount_source;
};
Driver& driver();

}  // namespace tsoci::tests

#endif  // TSOCI_NATIVE_TESTS_HARNESS_H_
