// A descriptor that outlives its owner is a leak into the container (CVE-2024-21626).
#include "sys/fd.h"

#include <fcntl.h>

#include "sys/result.h"
#include "tests/units/expect.h"

namespace {

using tsoci::sys::Error;
using tsoci::sys::Result;
using tsoci::sys::UniqueFd;

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

void closes_at_the_end_of_its_scope() {
  int number = -1;
  {
    const UniqueFd fd(open_null());
    number = fd.get();
    EXPECT(is_open(number));
  }
  EXPECT(!is_open(number));
}

void moves_and_closes_what_it_had() {
  UniqueFd first(open_null());
  UniqueFd second(open_null());
  const int kept = first.get();
  const int closed = second.get();
  second = std::move(first);
  EXPECT(second.get() == kept && is_open(kept) && !is_open(closed));
  EXPECT(!first.is_open());
}

void survives_being_moved_to_itself() {
  UniqueFd fd(open_null());
  const int number = fd.get();
  UniqueFd& same = fd;
  fd = std::move(same);
  EXPECT(fd.get() == number && is_open(number));
}

Result<UniqueFd> open_file(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error::from_errno("open", "\"%s\"", path);
  return UniqueFd(fd);
}

Result<void> open_both(const char* first, const char* second, int& first_number) {
  const UniqueFd one = TRY(open_file(first));
  first_number = one.get();
  const UniqueFd two = TRY(open_file(second));
  return {};
}

void closes_on_the_way_out_of_an_error() {
  int number = -1;
  const Result<void> outcome = open_both("/dev/null", "/no/such/file", number);
  EXPECT(!outcome);
  EXPECT(outcome.error().number == ENOENT);
  EXPECT(std::strcmp(outcome.error().call, "open") == 0);
  EXPECT(std::strcmp(outcome.error().detail, "\"/no/such/file\"") == 0);
  EXPECT(number >= 0 && !is_open(number));
}

}  // namespace

int main() {
  return tsoci::test::run({
      {"a descriptor is closed with its owner", closes_at_the_end_of_its_scope},
      {"a move closes what was there before", moves_and_closes_what_it_had},
      {"a move to itself changes nothing", survives_being_moved_to_itself},
      {"an error closes what was opened before it", closes_on_the_way_out_of_an_error},
  });
}
