// Paths of a config in a root file system full of an image's symbolic links: wherever they lead,
// what is opened or made is below the root.
#include <fcntl.h>
#include <ftw.h>
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "fuzz/expect.h"
#include "init/resolve.h"

namespace {

using namespace tsoci;

/// Two directories of this process: what is under test may use one, and never the other.
struct Place {
  Place() {
    const char* temporary = getenv("TMPDIR");
    dir = std::string(temporary == nullptr ? "/tmp" : temporary) + "/tsoci-fuzz-XXXXXX";
    EXPECT(mkdtemp(dir.data()) != nullptr);
    root = dir + "/root";
    outside = dir + "/outside";
    EXPECT(mkdir(outside.c_str(), 0700) == 0);
  }
  ~Place() { remove_all(dir); }

  static void remove_all(const std::string& path) {
    constexpr int kOpenDirectories = 16;
    nftw(
        path.c_str(),
        [](const char* name, const struct stat*, int, struct FTW*) { return remove(name); },
        kOpenDirectories, FTW_DEPTH | FTW_PHYS);
  }

  std::string dir;
  std::string root;
  std::string outside;
};

/// Of few names, so that links meet paths. All are ours: should one get out, it does no harm.
std::string path_from(FuzzedDataProvider& input) {
  constexpr const char* kParts[] = {"/",  "tsoci-a", "tsoci-b", "tsoci-c/", "..",      "/../",
                                    "./", "//",      "tsoci-d", "outside",  "../../.."};
  std::string path;
  for (size_t count = input.ConsumeIntegralInRange<size_t>(0, 7); count > 0; --count) {
    path += kParts[input.ConsumeIntegralInRange<size_t>(0, std::size(kParts) - 1)];
  }
  if (input.ConsumeProbability<float>() > 0.98f) {
    path += std::string(input.ConsumeIntegralInRange<size_t>(200, 5000), 'x');
  }
  return path;
}

std::string path_of(int fd) {
  char path[8192];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = readlink(link.c_str(), path, sizeof(path));
  EXPECT(size > 0);
  return {path, static_cast<size_t>(size)};
}

/// A name in `directory` itself: nothing that was planted before can lead it elsewhere.
void plant(int directory, FuzzedDataProvider& input) {
  constexpr const char* kNames[] = {"tsoci-a", "tsoci-b", "tsoci-d", "outside"};
  const char* name = kNames[input.ConsumeIntegralInRange<size_t>(0, std::size(kNames) - 1)];
  // It may be there already.
  if (input.ConsumeProbability<float>() < 0.8f) {
    (void)!symlinkat(path_from(input).c_str(), directory, name);
  } else {
    (void)!mkdirat(directory, name, 0755);
  }
}

bool is_below(const std::string& path, const std::string& root) {
  return path == root || path.starts_with(root + "/");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Place place;
  FuzzedDataProvider input(data, size);
  EXPECT(mkdir(place.root.c_str(), 0755) == 0);
  init::Context context;
  context.rootfs.reset(open(place.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT(mkdirat(context.rootfs.get(), "tsoci-c", 0755) == 0);
  const sys::UniqueFd inner(openat(context.rootfs.get(), "tsoci-c", O_PATH | O_CLOEXEC));
  for (size_t links = input.ConsumeIntegralInRange<size_t>(0, 6); links > 0; --links) {
    plant(input.ConsumeBool() ? inner.get() : context.rootfs.get(), input);
  }
  for (int paths = 0; paths < 8 && input.remaining_bytes() > 0; ++paths) {
    const bool directory = input.ConsumeBool();
    const init::Wanted wanted{directory, 0755, input.ConsumeBool()};
    auto opened = init::open_or_make(context, path_from(input).c_str(), wanted);
    if (opened) EXPECT(is_below(path_of(opened.value().fd.get()), place.root));
  }
  Place::remove_all(place.root);
  // rmdir refuses what has something in it.
  EXPECT(rmdir(place.outside.c_str()) == 0 && mkdir(place.outside.c_str(), 0700) == 0);
  return 0;
}
