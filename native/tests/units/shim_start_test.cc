// What the launcher reads for a shim: the group in a config.json, and fields of protobuf messages.
// Any bytes may come; each is read by the sanitizers' eyes in every length.
#include <string>

#include "launcher/shim/annotations.h"
#include "launcher/shim/protobuf.h"
#include "tests/units/expect.h"

namespace {

using tsoci::launcher::Buffer;
using tsoci::launcher::shim::add_number;
using tsoci::launcher::shim::add_text;
using tsoci::launcher::shim::Field;
using tsoci::launcher::shim::FieldReader;
using tsoci::launcher::shim::find_group;
using tsoci::launcher::shim::Group;

constexpr char kBroken[] = "(broken)";

std::string group_in(const std::string& config) {
  static Group group;
  return find_group(config, group) ? std::string(group.view()) : kBroken;
}

std::string annotated(const std::string& annotations) {
  return R"({"ociVersion":"1.1.0","process":{"args":["}{","\"]"],"user":{"uid":0}},"annotations":)" +
         annotations + R"(,"root":{"path":"rootfs"}})";
}

void finds_the_first_of_its_annotations() {
  EXPECT(group_in(annotated(R"({"io.kubernetes.cri.sandbox-id":"pod"})")) == "pod");
  EXPECT(group_in(annotated(R"({ "io.kubernetes.cri.sandbox-id" : "pod" ,
                               "io.containerd.runc.v2.group" : "g" })")) == "g");
  EXPECT(group_in(annotated(R"({"io.containerd.runc.v2.group":""})")) == "");
  EXPECT(group_in(annotated(R"({"other":"io.containerd.runc.v2.group"})")) == "");
}

void finds_no_group_where_there_are_no_annotations() {
  for (const char* annotations : {"null", "{}", "[]", "7", R"("text")"}) {
    EXPECT(group_in(annotated(annotations)) == "");
  }
  EXPECT(group_in("{}") == "");
  // Only those of the config itself count.
  EXPECT(group_in(R"({"process":{"annotations":{"io.containerd.runc.v2.group":"g"}}})") == "");
}

void reads_escapes() {
  const std::string escaped =
      R"({"io.containerd.runc.v2.\u0067roup":"a\n\"\\\/\u00e9\u20AC\ud83d\ude00"})";
  EXPECT(group_in(annotated(escaped)) == "a\n\"\\/\u00e9\u20ac\U0001f600");
}

void takes_the_last_of_two_of_a_name() {
  const std::string twice =
      R"({"io.containerd.runc.v2.group":"a","io.containerd.runc.v2.group":"b"})";
  EXPECT(group_in(annotated(twice)) == "b");
}

void passes_over_a_group_that_is_too_long() {
  const std::string name(5000, 'x');
  EXPECT(group_in(annotated(R"({"io.containerd.runc.v2.group":")" + name + R"("})")) == "");
}

void says_when_there_is_no_object() {
  for (const char* config :
       {"", " ", "[]", "null", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a:1}",
        "{\"a\":]}", "{\"annotations\":{\"x\":\"\\q\"}}"}) {
    const bool is_walked = group_in(config) != kBroken;
    EXPECT(!is_walked || std::string(config).find("\\q") != std::string::npos);
  }
}

void survives_every_beginning_of_a_config() {
  const std::string config = annotated(R"({"io.containerd.runc.v2.group":"\ud83d\ude00\u00e9"})");
  for (size_t size = 0; size < config.size(); ++size) group_in(config.substr(0, size));
  for (size_t at = 0; at < config.size(); ++at) {
    for (const char other : {'"', '\\', '{', '}', '\0', 'u'}) {
      std::string changed = config;
      changed[at] = other;
      group_in(changed);
    }
  }
}

void reads_what_it_writes() {
  Buffer<256> message;
  add_number(message, 1, 300);
  add_text(message, 9, "socket");
  FieldReader fields(message.view());
  Field field;
  EXPECT(fields.next(field) && field.number == 1 && field.varint == 300);
  EXPECT(fields.next(field) && field.number == 9 && field.bytes == "socket");
  EXPECT(!fields.next(field) && fields.ok());
}

void survives_every_message() {
  uint32_t seed = 1;
  for (int round = 0; round < 100'000; ++round) {
    std::string message;
    for (size_t size = seed % 24; message.size() < size;) {
      seed = seed * 1664525 + 1013904223;
      message.push_back(static_cast<char>(seed >> 24));
    }
    seed = seed * 1664525 + 1013904223;
    FieldReader fields(message);
    Field field;
    size_t count = 0;
    while (fields.next(field)) ++count;
    EXPECT(count <= message.size());
  }
}

void leaves_out_what_does_not_fit() {
  Buffer<8> text;
  text.add("1234567");
  EXPECT(text.fits() && text.view() == "1234567");
  text.add("8");
  EXPECT(!text.fits() && text.view() == "1234567");
}

}  // namespace

int main() {
  constexpr tsoci::test::Case kCases[] = {
      {"the first of the annotations for groups counts", finds_the_first_of_its_annotations},
      {"without annotations there is no group", finds_no_group_where_there_are_no_annotations},
      {"escapes are read", reads_escapes},
      {"of two members of a name the last counts", takes_the_last_of_two_of_a_name},
      {"a group that is too long is none", passes_over_a_group_that_is_too_long},
      {"what is no object is told", says_when_there_is_no_object},
      {"a config may be cut or changed anywhere", survives_every_beginning_of_a_config},
      {"fields are read as they are written", reads_what_it_writes},
      {"any bytes may be a message", survives_every_message},
      {"what does not fit is left out", leaves_out_what_does_not_fit},
  };
  return tsoci::test::run(kCases);
}
