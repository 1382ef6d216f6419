#include "config/shown_text.hpp"

#include <doctest/doctest.h>

namespace mtp::config {
namespace {

TEST_CASE("shown text: names and passwords in URLs are left out") {
  CHECK(without_passwords("https://me:hush@host/a") == "https://(not shown)@host/a");
  CHECK(without_passwords("http://token@host") == "http://(not shown)@host");
  CHECK(without_passwords("http://a@b:c@host?d") == "http://(not shown)@host?d");
  CHECK(without_passwords("http://me:a/b?c#d@host") == "http://(not shown)@host");
  CHECK(without_passwords("[\"http://a:b@c/\", \"http://d/\", \"ftp://e:f@g\"]") ==
        "[\"http://(not shown)@c/\", \"http://d/\", \"ftp://(not shown)@g\"]");
}

TEST_CASE("shown text: all else stays") {
  for (const std::string_view text :
       {"", "://", "https://host/a?b#c", "back@host:1", "a://b\n@c", "a://b @c"})
    CHECK(without_passwords(text) == text);
}

TEST_CASE("shown text: a message quotes neither secrets nor passwords, and little") {
  CHECK(shown("dd0123456789abcdef0123456789abcdef") == "(not shown)");
  CHECK(shown("http://me:hush@host") == "http://(not shown)@host");
  CHECK(shown(std::string(100, 'x')).size() == 40);
}

}  // namespace
}  // namespace mtp::config
