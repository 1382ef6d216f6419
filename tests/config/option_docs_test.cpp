#include "config/option_docs.hpp"

#include <doctest/doctest.h>

#include "config/option_table.hpp"

namespace mtp::config {
namespace {

/// Every group's markers, without tables.
std::string page() {
  std::string text = "# Options\n";
  for (const auto* const name :
       {"clients", "ports", "fronting", "telegram", "nodes", "process", "unused"})
    text += "\n<!-- options: " + std::string{name} + " -->\nold\n<!-- end -->\n";
  return text;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("option docs: each option has its line between the markers") {
  const auto made = with_option_tables(page());
  REQUIRE(made);
  CHECK(made->starts_with("# Options\n\n<!-- options: clients -->\n\n| Option | Default |"));
  CHECK_FALSE(contains(*made, "\nold\n"));
  CHECK(contains(*made,
                 "\n| `stop_timeout_sec` (+) | 5 s | at once | How long stopping may take. From 1 "
                 "to 3600. |\n"));
  CHECK(contains(*made, "| `node_role` | `\"both\"` | restart |"));
  CHECK(contains(*made, "| `port` | required | at once | 443 looks best. From 1 to 65535. |"));
  CHECK(contains(*made, "| `downstream_backpressure.bytes_per_upstream` | none |"));
  CHECK(contains(*made, " clients. At least 1024. |"));
  for (const auto& group : option_groups())
    for (const auto& row : group.options)
      CHECK(contains(*made, "\n| `" + path_of(row) + '`') == (row.shape != option_shape::table));
  // Made of itself, it stays.
  CHECK(with_option_tables(*made) == *made);
}

TEST_CASE("option docs: markers that are wrong are told") {
  const auto replaced = [](std::string_view from, std::string_view to) {
    auto text = page();
    text.replace(text.find(from), from.size(), to);
    return with_option_tables(text).error();
  };
  CHECK(replaced("options: ports", "options: prots") == "no group of options is called prots");
  CHECK(replaced("<!-- options: nodes -->", "") == "the options of nodes have no place");
  const std::string open = "<!-- options: clients -->\n";
  CHECK(with_option_tables(open).error() == "clients has no end");
}

TEST_CASE("option docs: the comment above an option of a template is what its row says") {
  CHECK(with_option_comments("# Own words.\n\n# old\n# older\n#metrics_ip = \"::1\"\nend\n") ==
        "# Own words.\n\n# The address of that endpoint. \"::\" takes IPv4 too. Default: "
        "\"127.0.0.1\".\n#metrics_ip = \"::1\"\nend\n");
  CHECK(with_option_comments(
            "[[ports]]\nport = 1\n\n# Of the link.\n[node_link]\n#key = \"\"\n# last\n") ==
        "[[ports]]\n# 443 looks best. From 1 to 65535.\nport = 1\n\n# Of the link.\n[node_link]\n"
        "# The private key of that certificate: a PEM file.\n#key = \"\"\n# last\n");
  const auto long_one = with_option_comments("console_socket = \"c\"");
  REQUIRE(long_one);
  // Links are only their texts, and lines have an end.
  CHECK(long_one->starts_with("# UNIX socket for mtproto-proxy console. Relative"));
  CHECK(long_one->find('\n') <= 100);
}

TEST_CASE("option docs: an option that is not in the table of a template is told") {
  CHECK(with_option_comments("max_conections = 1\n").error() ==
        "no option is called max_conections in []");
  CHECK(with_option_comments("[node_link]\nmax_connections = 1\n").error() ==
        "no option is called max_connections in [node_link]");
}

}  // namespace
}  // namespace mtp::config
