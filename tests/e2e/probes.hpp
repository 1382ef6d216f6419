// What a censor's active prober sends: more than 40 ways to ask a server what it is.
#pragma once

#include "codecs/client/secret.hpp"
#include "tests/e2e/prober.hpp"

namespace mtp::test {

/// For a site to say all that it has to say.
inline constexpr wait_for_silence answered{std::chrono::milliseconds{400}};

/// For a port with fake-TLS only, where the name is example.com. None of them may be answered by a
/// proxy itself: no fresh hello of a client, whatever its clock says. `used_hello`: a client's that
/// has had its answer.
[[nodiscard]] std::vector<probe> make_probes(const secret16& secret, const bytes& used_hello);

/// The parts of it: hellos that are whole, broken TLS, what is no TLS.
void add_hello_probes(std::vector<probe>& into);
void add_broken_tls_probes(std::vector<probe>& into);
void add_plain_probes(std::vector<probe>& into);

}  // namespace mtp::test
