#include "codecs/client/cover_probe.hpp"

#include <algorithm>

#include "codecs/client/tls_client_hello.hpp"

namespace mtp {

cover_probe make_cover_probe(hello_shape shape, std::string_view sni, const cover_probe_keys& keys,
                             std::span<const std::uint8_t, cover_probe_random_size> random) {
  constexpr auto session_id_at = client_random_at + client_random_size + 1;
  cover_probe probe{
      .record = build_client_hello(shape, sni,
                                   {.mlkem = make_mlkem768_key(random.last<mlkem768_random_size>()),
                                    .hybrid = keys.hybrid,
                                    .plain = keys.plain,
                                    .ech = keys.ech},
                                   random.first<hello_random_size>()),
      .session_id = {}};
  std::ranges::copy(byte_view{probe.record}.subspan(session_id_at, probe.session_id.size()),
                    probe.session_id.begin());
  return probe;
}

}  // namespace mtp
