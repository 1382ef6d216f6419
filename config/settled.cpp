#include "config/settled.hpp"

namespace mtp::config {

namespace {

node_link_settings settled(node_link_settings wanted, const node_link_settings& running) {
  if (wanted.security != running.security) return running;
  // CAF's own module has read these at its start.
  if (wanted.security != link_security::caf_openssl) return wanted;
  wanted.timeout = running.timeout;
  wanted.listen = running.listen;
  wanted.certificate = running.certificate;
  wanted.key = running.key;
  wanted.ca = running.ca;
  return wanted;
}

}  // namespace

settings settled(settings wanted, const settings& running) {
  if (wanted.role != running.role) return running;
  wanted.reactors = running.reactors;
  wanted.memory_budget = running.memory_budget;
  wanted.state_dir = running.state_dir;
  wanted.console_socket = running.console_socket;
  wanted.node_link = settled(std::move(wanted.node_link), running.node_link);
  return wanted;
}

}  // namespace mtp::config
