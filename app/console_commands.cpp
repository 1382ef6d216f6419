#include "app/console_commands.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <caf/all.hpp>
#include <charconv>
#include <optional>
#include <sstream>

#include "actors/core/names.hpp"
#include "actors/node_link/link_messages.hpp"
#include "app/console_text.hpp"
#include "config/shown_text.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;
using text_or_error = tl::expected<std::string, std::string>;

/// The inspector needs a few times `inspection_patience` if an actor hangs.
constexpr auto inspector_patience = 4s;

/// Longer than a back needs that is there.
constexpr auto remote_patience = 8s;

/// How many clients are listed by default.
constexpr std::size_t usual_clients = 20;

/// A line's words, and the actors that can answer them.
struct request {
  const console_tools* tools;
  caf::actor inspector;
  std::vector<std::string> arguments;
};

template <class Report, class Question>
text_or_error ask(const request& from, Question question) {
  if (from.inspector == nullptr)
    return tl::unexpected<std::string>{"the inspector is not running; try again"};
  text_or_error outcome;
  caf::scoped_actor self{from.tools->system};
  self->request(from.inspector, inspector_patience, std::move(question))
      .receive([&](const Report& report) { outcome = to_text(report); },
               [&](const caf::error& why) {
                 outcome = tl::unexpected{
                     why == caf::sec::request_timeout
                         ? fmt::format("the inspector did not answer in {}", inspector_patience)
                         : "the inspector has ended; try again"};
               });
  return outcome;
}

text_or_error show_clients(const request& from) {
  actors::inspect_clients question{.limit = usual_clients};
  if (!from.arguments.empty()) {
    const auto& text = from.arguments[0];
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, question.limit);
    if (read.ec != std::errc{} || read.ptr != end || question.limit > actors::max_inspected_clients)
      return tl::unexpected{fmt::format("clients takes a number, at most {}; found \"{}\"",
                                        actors::max_inspected_clients, config::shown(text))};
  }
  return ask<actors::clients_report>(from, question);
}

/// The line is for a back this front is linked with: by its name, or as it is in back_nodes.
text_or_error ask_node(const console_tools& tools, std::string_view back_name, std::string line) {
  const auto& node = tools.node;
  const auto backs = node.link != nullptr ? node.link->backs.get()
                                          : std::make_shared<const actors::known_backs::list>();
  std::string known;
  for (const auto& [place, address, is_leaving] : *backs) {
    if (!address) continue;
    const auto& back = *address;
    known += (known.empty() ? "" : ", ") + back.name;
    if (back_name != back.name && back_name != to_string(back)) continue;
    const auto session = node.core.names.find(actors::names::back_session(place));
    if (session == nullptr) return tl::unexpected<std::string>{"its link is being restarted"};
    text_or_error outcome;
    caf::scoped_actor self{tools.system};
    self->request(session, remote_patience, actors::ask_back{std::move(line)})
        .receive(
            [&](std::string& answer, bool good) {
              if (good)
                outcome = std::move(answer);
              else
                outcome = tl::unexpected{std::move(answer)};
            },
            [&](const caf::error&) {
              outcome = tl::unexpected<std::string>{"the link does not answer"};
            });
    return outcome;
  }
  return tl::unexpected{"no back node is called \"" + config::shown(back_name) + '"' +
                        (known.empty() ? "; this node has none" : "; there is " + known)};
}

/// Where there is something to show.
enum class place : std::uint8_t { anywhere, front, back };

struct command_spec {
  std::string_view name;
  /// What may follow it.
  std::string_view argument;
  std::string_view help;
  place where;
  text_or_error (*run)(const request& from);
};

constexpr std::array commands{
    command_spec{
        "tree", "", "the supervision tree, with restarts", place::anywhere,
        [](const request& from) { return ask<actors::tree_report>(from, actors::inspect_tree{}); }},
    command_spec{"pools", "", "each DC: connections, clients, clients that wait", place::back,
                 [](const request& from) {
                   return ask<actors::pools_report>(from, actors::inspect_pools{});
                 }},
    command_spec{"conns", "", "each connection to Telegram: state, clients, what is un-acked",
                 place::back,
                 [](const request& from) {
                   return ask<actors::conns_report>(from, actors::inspect_conns{});
                 }},
    command_spec{"clients", "[N]", "clients by what they do, and the N oldest (20; at most 1000)",
                 place::front, show_clients},
    command_spec{"hellos", "", "ClientHellos by program (JA4), and what became of them",
                 place::front,
                 [](const request& from) {
                   return ask<actors::hellos_report>(from, actors::inspect_hellos{});
                 }},
    command_spec{"stats", "", "what has been counted since the start", place::anywhere,
                 [](const request& from) {
                   return ask<actors::counts_report>(from, actors::inspect_counts{});
                 }},
    command_spec{"nodes", "", "this node, and those it is linked with", place::anywhere,
                 [](const request& from) {
                   return ask<actors::nodes_report>(from, actors::inspect_nodes{});
                 }},
    command_spec{"reload", "", "reads the configuration again; tells what differs", place::anywhere,
                 [](const request& from) -> text_or_error {
                   if (from.tools->reload) return from.tools->reload();
                   return tl::unexpected<std::string>{"a reload is asked for on the node itself"};
                 }},
    command_spec{"help", "", "this list", place::anywhere,
                 [](const request&) { return text_or_error{console_help()}; }},
};
static_assert(actors::max_inspected_clients == 1000 && usual_clients == 20, "as the help says");

}  // namespace

std::string console_help() {
  std::string lines;
  for (const auto& command : commands)
    lines +=
        fmt::format("{:<12} {}\n",
                    command.argument.empty() ? std::string{command.name}
                                             : fmt::format("{} {}", command.name, command.argument),
                    command.help);
  return lines;
}

tl::expected<std::string, std::string> answer_console(const console_tools& tools,
                                                      std::string_view line) {
  const auto& node = tools.node;
  std::istringstream words{std::string{line}};
  std::string name;
  words >> name;
  if (name.starts_with('@')) {
    std::string rest;
    std::getline(words >> std::ws, rest);
    if (rest.starts_with('@')) return tl::unexpected<std::string>{"only one node can be named"};
    return ask_node(tools, std::string_view{name}.substr(1), std::move(rest));
  }
  request from{.tools = &tools,
               .inspector = node.core.names.find(actors::names::inspector),
               .arguments = {}};
  for (std::string word; words >> word;)
    from.arguments.push_back(word);
  // As it was called when connections to Telegram were "links".
  if (name == "links") name = "conns";
  const auto* const spec = std::ranges::find(commands, name, &command_spec::name);
  if (spec == commands.end())
    return tl::unexpected{"there is no command \"" + config::shown(name) + "\"; try help"};
  if (from.arguments.size() > (spec->argument.empty() ? 0U : 1U))
    return tl::unexpected{"too many words behind " + name + "; try help"};
  if (spec->where == place::back && node.uplink == nullptr)
    return "a front has no " + name + ": ask a back, with --node NAME\n";
  if (spec->where == place::front && node.client == nullptr)
    return "a back has no " + name + ": ask its fronts, on their machines\n";
  return spec->run(from);
}

}  // namespace mtp::app
