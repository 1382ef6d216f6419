#include "net/dial/resolver.hpp"

#include <algorithm>

namespace mtp::net {

namespace {

constexpr std::size_t longest_name = 253;

/// As it is asked for and kept: DNS does not tell upper from lower case.
std::string canonical_name(const std::string& host) {
  auto lower = host;
  for (auto& letter : lower)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return lower;
}

std::optional<ip_address> as_address(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return ip_address::parse(host);
}

bool may_be_name(const std::string& host) {
  return !host.empty() && host.size() <= longest_name &&
         std::ranges::all_of(host, [](char letter) { return letter > ' ' && letter < '\x7f'; });
}

}  // namespace

resolver::resolver(event_loop& home, resolver_options options)
    : home_{&home}, options_{std::move(options)}, cache_{options_.most_kept} {}

resolver::~resolver() {
  for (auto& [name, question] : flights_)
    for (auto* const lookup : question.waiting)
      lookup->waits_at_ = nullptr;
}

void resolver::forget(const std::string& host) {
  cache_.forget(canonical_name(host));
}

std::optional<name_answer> resolver::ask(const std::string& name, name_lookup& lookup) {
  if (const auto* known = cache_.find(name, home_->now())) return *known;
  const auto under_way = flights_.find(name);
  if (under_way != flights_.end()) {
    under_way->second.waiting.push_back(&lookup);
    return std::nullopt;
  }
  if (flights_.size() >= options_.most_in_flight)
    return tl::unexpected{lookup_failure{
        lookup_problem::failed,
        std::to_string(flights_.size()) + " other names are being looked up, which is the most"}};
  auto query = std::make_unique<name_query>(
      *home_, name, options_.query,
      [this, name](name_query::result result) { land(name, std::move(result)); });
  flights_.emplace(name, flight{.waiting = {&lookup}, .query = std::move(query)});
  return std::nullopt;
}

void resolver::leave(const std::string& name, name_lookup& lookup) {
  const auto found = flights_.find(name);
  std::erase(found->second.waiting, &lookup);
  if (found->second.waiting.empty()) flights_.erase(found);
}

void resolver::land(const std::string& name, name_query::result result) {
  const auto landed = flights_.extract(name);
  for (auto* const lookup : landed.mapped().waiting) {
    lookup->waits_at_ = nullptr;
    lookup->tell_later(result.answer);
  }
  cache_.put(name, std::move(result.answer), result.ttl, home_->now());
}

name_lookup::name_lookup(resolver& names, const std::string& host, callback done)
    : home_{&names.home()}, name_{canonical_name(host)}, done_{std::move(done)} {
  if (const auto literal = as_address(host))
    tell_later(std::vector{*literal});
  else if (!may_be_name(host))
    tell_later(tl::unexpected{
        lookup_failure{lookup_problem::no_such_name, "it can't be the name of a host"}});
  else if (auto known = names.ask(name_, *this))
    tell_later(std::move(*known));
  else
    waits_at_ = &names;
}

name_lookup::~name_lookup() {
  home_->forget_flush(*this);
  if (waits_at_ != nullptr) waits_at_->leave(name_, *this);
}

void name_lookup::tell_later(name_answer answer) {
  answer_ = std::move(answer);
  home_->flush_later(*this);
}

void name_lookup::on_flush() {
  const auto done = std::move(done_);
  auto answer = std::move(*answer_);
  // This may be gone after it.
  done(std::move(answer));
}

}  // namespace mtp::net
