// What rtnetlink answers is read whatever it says: conformance-tests/fuzz found these.
#include "addon/netlink.h"

#include <climits>

#include "tests/units/expect.h"

namespace {

using tsoci::addon::read_messages;

/// What is read out of one acknowledgement of request 1.
int number_told_for(int error) {
  struct {
    nlmsghdr header{sizeof(nlmsghdr) + sizeof(nlmsgerr), NLMSG_ERROR, 0, 1, 0};
    nlmsgerr body{};
  } answer;
  answer.body.error = error;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&answer);
  const auto over = read_messages({bytes, sizeof(answer)}, 1, NLMSG_NOOP, "it", [](auto) {});
  return over ? 0 : over.error().number;
}

void tells_the_errno() {
  EXPECT(number_told_for(0) == 0);
  EXPECT(number_told_for(-ENODEV) == ENODEV);
}

void takes_no_other_number_for_an_errno() {
  for (const int error : {1, INT_MAX, INT_MIN, -4096}) EXPECT(number_told_for(error) == EBADMSG);
}

}  // namespace

int main() {
  constexpr tsoci::test::Case kCases[] = {
      {"an acknowledgement tells the errno", tells_the_errno},
      {"what is no errno is told as a bad message", takes_no_other_number_for_an_errno},
  };
  return tsoci::test::run(kCases);
}
