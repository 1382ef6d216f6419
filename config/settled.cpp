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
  if (wanted.process.role != running.process.role) return running;
  wanted.process.reactors = running.process.reactors;
  wanted.process.memory_budget = running.process.memory_budget;
  wanted.process.state_dir = running.process.state_dir;
  wanted.process.console_socket = running.process.console_socket;
  wanted.link.node_link = settled(std::move(wanted.link.node_link), running.link.node_link);
  return wanted;
}

}  // namespace mtp::config
