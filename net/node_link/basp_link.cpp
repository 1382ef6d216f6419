#include "net/node_link/basp_link.hpp"

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/network/default_multiplexer.hpp>

#include "net/node_link/link_scribe.hpp"

namespace mtp::net {

namespace {

using interface = std::set<std::string>;

caf::actor basp_broker(caf::actor_system& system) {
  return system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
}

std::string describe(caf::actor_system& system, const caf::error& why) {
  if (why == caf::sec::request_timeout) return "its BASP handshake did not come in time";
  if (why == caf::sec::disconnect_during_handshake)
    return "the connection ended during the BASP handshake";
  if (why == caf::sec::connection_timeout) return "it was silent during the BASP handshake";
  if (why == caf::sec::incompatible_application_ids)
    return "it is another program, or a version that this one can't work with";
  return "the BASP handshake failed: " + system.render(why);
}

}  // namespace

void publish_link(caf::actor_system& system, link_transport transport, std::uint16_t port,
                  const caf::actor& whom) {
  caf::anon_send(basp_broker(system), caf::publish_atom::value,
                 make_link_scribe(system, std::move(transport)), port,
                 caf::actor_cast<caf::strong_actor_ptr>(whom), interface{});
}

bool has_joined(caf::actor_system& system, const link_session& session) {
  // The number may be another one's by the time it is looked up; then this session has ended.
  const int fd = session.descriptor();
  if (fd < 0) return false;
  const auto broker = caf::actor_cast<caf::strong_actor_ptr>(basp_broker(system));
  auto& basp = static_cast<caf::io::basp_broker&>(*broker->get());
  // The table has a mutex of its own.
  return basp.instance.tbl().lookup_direct(caf::io::network::conn_hdl_from_socket(fd)) != caf::none;
}

void join_link(caf::event_based_actor& self, link_transport transport, std::uint16_t port,
               std::chrono::milliseconds limit,
               const std::function<void(tl::expected<linked_node, std::string>)>& done) {
  auto& system = self.system();
  auto session = transport.session();
  auto scribe = make_link_scribe(system, std::move(transport));
  const auto fail = [session, done](const std::string& why) {
    session->cut(why);
    done(tl::unexpected{why});
  };
  self.request(basp_broker(system), limit, caf::connect_atom::value, std::move(scribe), port)
      .then(
          [&system, done, fail](const caf::node_id& node, const caf::strong_actor_ptr& published,
                                const interface&) {
            if (node == system.node()) return fail("it is this node itself");
            if (published == nullptr) return fail("it has published no actor");
            done(linked_node{.node = node, .published = caf::actor_cast<caf::actor>(published)});
          },
          [&system, fail](const caf::error& why) { fail(describe(system, why)); });
}

void find_link(caf::event_based_actor& self, const caf::node_id& node,
               std::chrono::milliseconds limit,
               const std::function<void(const std::string& address, std::uint16_t port)>& done) {
  self.request(basp_broker(self.system()), limit, caf::get_atom::value, node)
      .then([done](const caf::node_id&, const std::string& address,
                   std::uint16_t port) { done(address, port); },
            [done](const caf::error&) { done({}, 0); });
}

}  // namespace mtp::net
